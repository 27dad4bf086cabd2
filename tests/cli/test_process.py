"""The command line as a process: its streams, its terminal, and what it imports."""

from __future__ import annotations

import os
import pty
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Desk, Said


@pytest.fixture(autouse=True)
def trusted(desk: Desk) -> None:
    """The user has agreed to the project: none of these tests is about that."""
    assert desk.run("trust").code == 0


@pytest.mark.slow
def test_a_reader_that_stops_reading_is_no_error(desk: Desk) -> None:
    shell = f"{shlex.quote(sys.executable)} -m penstock plan schema | head -1; echo ${{PIPESTATUS[0]}}"
    said = subprocess.run(
        ["bash", "-c", shell],
        env=desk.environ,
        cwd=desk.project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.stdout, said.stderr) == ("{\n0\n", "")


@pytest.mark.slow
def test_a_run_goes_on_when_nobody_reads_any_more(desk: Desk) -> None:
    desk.bundle("one")
    shell = f"{shlex.quote(sys.executable)} -m penstock run --run-id mine | head -1; echo ${{PIPESTATUS[0]}}"
    said = subprocess.run(
        ["bash", "-c", shell], env=desk.environ, cwd=desk.project, capture_output=True, text=True, check=False
    )
    assert (said.stdout, said.stderr) == ("run mine\n0\n", "")
    assert desk.run("show-run", "mine", "--json").json["status"] == "completed"


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--version"], {"typer", "asyncio", "sqlalchemy", "pydantic", "rich"}),
        (["--help"], {"asyncio", "sqlalchemy", "pydantic", "rich", "yaml"}),
        (["run", "--help"], {"sqlalchemy", "rich", "yaml"}),
    ],
    ids=["version", "help", "run"],
)
def test_what_is_slow_to_import_waits_until_it_is_needed(arguments: list[str], unwanted: set[str]) -> None:
    code = (
        "import sys; from penstock.cli.main import main; code = main(sys.argv[1:]);"
        "print('modules', *{name.partition('.')[0] for name in sys.modules}); sys.exit(code)"
    )
    said = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert unwanted & set(said.stdout.splitlines()[-1].split()) == set()


@pytest.mark.parametrize("shell", ["{} --version >&-", "{} plan schema >&-", "{} plan schema >&- 2>&-"])
def test_closed_streams_are_no_error(desk: Desk, shell: str) -> None:
    said = subprocess.run(
        ["bash", "-c", shell.format(f"{shlex.quote(sys.executable)} -m penstock")],
        env=desk.environ,
        cwd=desk.project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.returncode, said.stderr) == (0, "")


def test_a_version_that_can_not_be_written_is_no_success(desk: Desk) -> None:
    shell = f"{shlex.quote(sys.executable)} -m penstock -V >/dev/full"
    said = subprocess.run(["bash", "-c", shell], env=desk.environ, capture_output=True, text=True, check=False)
    assert said.returncode == 3
    assert said.stderr == "error: the answer can't be written: No space left on device\n"


@pytest.mark.slow
def test_a_console_that_lacks_characters_gets_an_answer(desk: Desk) -> None:
    desk.bundle("one", tasks=["Grüße → 日本"])
    for environ in ({"PYTHONIOENCODING": "cp1252"}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}):
        said: Said = desk.run("run", "--dry-run", environ=environ)
        assert said.code == 0, said.err


@pytest.mark.slow
def test_a_run_in_a_terminal_shows_itself_live(desk: Desk) -> None:
    desk.bundle("one")
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "penstock", "run"],
        cwd=desk.project,
        env={**desk.environ, "TERM": "xterm", "COLUMNS": "30", "LINES": "5"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    seen = b""
    while process.poll() is None or b"--ff-only" not in seen:
        try:
            seen += os.read(leader, 65536)
        except OSError:
            break
    os.close(leader)
    assert process.wait() == 0
    text = seen.decode()
    assert "1 done of 1" in text
    assert "integrate  merged" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


@pytest.mark.slow
def test_a_terminal_that_goes_away_stops_no_run(desk: Desk) -> None:
    desk.bundle("one")
    desk.bundle("two")
    desk.commit()
    desk.run("trust")
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "penstock", "run"],
        cwd=desk.project,
        env={**desk.environ, "TERM": "xterm"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    seen = b""
    while b"edit" not in seen:
        seen += os.read(leader, 65536)
    os.close(leader)
    assert process.wait(timeout=60) == 3, "the answer could not be written"
    assert desk.ask("show-run", "latest", "--json").json["status"] == "completed"
