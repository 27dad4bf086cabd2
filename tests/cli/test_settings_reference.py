from __future__ import annotations

from pathlib import Path

import pytest

from penstock.bootstrap import NODES
from penstock.cli.settings_reference import page, rows
from penstock.config import SECTION_FILES, Sources, load, read_environment
from penstock.config.shape import dotted, fixed_keys

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def test_the_page_about_settings_is_what_the_code_prints() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "make docs"


@pytest.mark.parametrize("section", list(NODES))
def test_every_key_has_a_meaning_in_words(section: str) -> None:
    silent = [dotted(row.key) for row in rows(section, NODES[section]) if not row.meaning]
    assert silent == [], "write a line under the field"


def test_every_value_in_force_has_its_key_on_the_page() -> None:
    named = {dotted(row.key) for section, node in NODES.items() for row in rows(section, node)}
    assert {dotted(key) for key, _ in fixed_keys(NODES)} <= named
    sections = {name.split(".")[0] for name in named}
    values = load(NODES, Sources(environment=read_environment({}, NODES))).values
    assert {name.split(".")[0] for name in values} <= sections


def test_every_file_of_settings_is_named() -> None:
    assert [name for name in SECTION_FILES if f"`{name}`" not in page()] == []


def test_what_only_a_user_may_give_is_marked() -> None:
    lines = {line.split("`")[1]: line for line in page().splitlines() if line.startswith("| `")}
    assert "*User only.*" in lines["agents.NAME.binary"]
    assert "*User only.*" not in lines["agents.NAME.model"]


def test_an_older_name_of_the_environment_stands_beside_ours() -> None:
    assert "`PENSTOCK_BASE_BRANCH`, `PIPELINE_BASE_BRANCH`" in page()
    assert "`AIDER_MODEL`" in page()
