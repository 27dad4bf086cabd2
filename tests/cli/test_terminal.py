"""What is printed can be shown by every terminal, steers none, and needs no reader."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from cli_screen import Screen

from penstock.cli.terminal import Terminal


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "latin-1"])
def test_a_stream_that_lacks_a_character_gets_something_readable(encoding: str) -> None:
    screen = Screen(encoding)
    terminal = Terminal.of(screen, Screen(encoding), {})
    terminal.line("a → b ≥ 2 ✓ 日本 \udcff")
    terminal.error("naïve → “x”")
    assert screen.text.startswith("a -> b ")
    assert " ok ?? ?" in screen.text


def test_utf8_keeps_everything_but_lone_surrogates() -> None:
    screen = Screen()
    Terminal.of(screen, Screen(), {}).line("é → \udcff")
    assert screen.text == "é → ?\n"


def test_colours_are_for_terminals_only() -> None:
    for environ, is_terminal, has_colour in (
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
    ):
        screen = Screen(is_terminal=is_terminal)
        Terminal.of(screen, Screen(), environ).line("bad news", "bad")
        assert ("\x1b[31m" in screen.text) is has_colour, (environ, is_terminal)


def test_escape_sequences_of_others_never_get_out() -> None:
    screen, errors = Screen(is_terminal=True), Screen()
    terminal = Terminal.of(screen, errors, {"NO_COLOR": "1"})
    terminal.line("x\x1b[2Jy [bold]z[/bold]")
    terminal.json({"text": "\x1b[2J\u202e日"})
    terminal.error("\x1b]0;t\x07oh")
    assert screen.text.splitlines()[0] == "xy [bold]z[/bold]"
    assert screen.text.splitlines()[1].isascii()
    assert json.loads(screen.text.splitlines()[1]) == {"text": "\x1b[2J\u202e日"}
    assert errors.text == "error: oh\n"


def test_a_reader_that_went_away_is_no_error(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w", encoding="utf-8") as stream:
        terminal = Terminal.of(stream, Screen(), {})
        terminal.line("nobody hears this")
        terminal.line("nor this")
        terminal.close()
        assert terminal.is_gone


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_answer_that_cannot_be_written_is_said_once_and_not_raised() -> None:
    errors = Screen()
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        terminal = Terminal.of(full, errors, {})
        terminal.line("lost")
        terminal.line("lost too")
        terminal.close()
    assert terminal.is_lost
    assert errors.text == "error: the answer can't be written: No space left on device\n"
