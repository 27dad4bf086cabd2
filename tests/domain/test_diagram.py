from pathlib import Path

import pytest

from penstock.domain.diagram import RUN_TRIGGERS, WORKSTREAM_TRIGGERS, document
from penstock.domain.states import RUN_TABLE, WORKSTREAM_TABLE, Move, RunMove

PAGE = Path(__file__).parents[2] / "docs" / "state_machine.md"


def test_the_page_in_docs_is_what_the_tables_say():
    assert PAGE.read_text(encoding="utf-8") == document(), "python -m penstock.domain.diagram > docs/state_machine.md"


def test_every_move_has_its_trigger():
    assert set(WORKSTREAM_TRIGGERS) == set(Move)
    assert set(RUN_TRIGGERS) == set(RunMove)


@pytest.mark.parametrize(("key", "target"), [*WORKSTREAM_TABLE.items(), *RUN_TABLE.items()])
def test_every_cell_stands_in_the_page_and_in_its_drawing(key, target):
    source, move = key
    assert f"| `{source.value}` | `{target.value}` | {move.value} |" in document()
    assert f"    {source.value} --> {target.value}: " in document()
