"""`penstock self-improve`: what must be said, and what can't be said together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Desk


@pytest.mark.parametrize("words", [(), ("--epic", "  "), ("--epic", "Mend it", "--from-issues")])
def test_either_an_epic_or_the_findings_must_be_named(desk: Desk, words: tuple[str, ...]) -> None:
    said = desk.ask("self-improve", *words)
    assert said.code == 2
    assert "either --epic" in said.err


def test_another_project_is_not_improved(desk: Desk) -> None:
    said = desk.ask("self-improve", "--epic", "Mend it", "--repository", ".")
    assert said.code == 2
    assert "not a clone of Penstock's repository" in said.err
