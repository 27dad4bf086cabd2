"""What several tests through whole runs share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest
from unruly_support import Desk, Made, desk_in


@pytest.fixture
def unruly(open_place: Path) -> Iterator[Made]:
    """Makes the desk of a user whose agent is unruly."""
    with ExitStack() as stack:

        def made(*bundles: dict[str, object], **more: object) -> Desk:
            opened: AbstractContextManager[Desk] = desk_in(open_place, *bundles, **more)
            return stack.enter_context(opened)

        yield made


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home folder, with a folder for temporary files beside it."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "home").mkdir()
    return tmp_path / "home"
