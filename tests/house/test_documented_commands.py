"""The commands that our documents name: each exists, with just these options and arguments."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer import TyperException

from penstock.cli.app import command_line
from penstock.cli.entry import with_resume_value

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "cli.md"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted({*(ROOT / "docs").glob("*.md")} - {REFERENCE})]
_FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^(?:\$ )?(?:\./run\.sh|penstock) ([a-z].*)$")


def named_in(text: str) -> list[str]:
    """What follows `penstock` in each command of a page."""
    lines = [line.strip() for block in _FENCED.findall(text) for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", _FENCED.sub("", text))
    return [found.group(1) for line in lines if (found := _COMMAND.match(line))]


def parse(arguments: list[str]) -> None:
    """Read a command as `penstock` would, and do nothing."""
    command: Any = command_line()
    name, given, context = "penstock", with_resume_value(arguments), None
    while hasattr(command, "commands"):
        context = command.make_context(name, given, parent=context)
        name, command, given = command.resolve_command(context, [*context._protected_args, *context.args])
    command.make_context(name, given, parent=context)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_command_that_a_page_names_can_be_typed_so(page: Path) -> None:
    wrong = {}
    for command in named_in(page.read_text(encoding="utf-8")):
        try:
            parse(shlex.split(command, comments=True))
        except TyperException as refused:
            wrong[command] = refused.format_message()
    assert wrong == {}


def test_the_example_of_every_command_can_be_typed_so() -> None:
    examples = re.findall(r"Example: penstock (.*)", REFERENCE.read_text(encoding="utf-8"))
    assert len(examples) > 20
    for example in examples:
        parse(shlex.split(example.partition(" > ")[0]))


@pytest.mark.parametrize("page", ["recovery_runbook.md", "worktree_guidelines.md"])
def test_a_runbook_names_commands(page: str) -> None:
    assert len(named_in((ROOT / "docs" / page).read_text(encoding="utf-8"))) > 5


def test_a_command_that_does_not_exist_is_seen() -> None:
    for wrong in ("recover-runs latest", "gc --dryrun", "worktree-status"):
        with pytest.raises(TyperException):
            parse(shlex.split(wrong))
