"""What a turn says is done to the byte, whatever stands in its texts and names."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from penstock.adapters.agents.scripted_player import FAILED, script_of

NASTY = "-n %s %d \\n \\061 'quoted' \"twice\" $HOME `id` $(id) !x\t\r\0\x01 ä é 漢 \U0001f600 \x81\x88\n\n"


def play(folder: Path, *turn: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    (folder / "turn").write_bytes(script_of(turn))
    worktree = folder / "worktree"
    worktree.mkdir(exist_ok=True)
    return subprocess.run(
        ["/bin/sh", str(folder / "turn")], cwd=worktree, capture_output=True, text=True, check=False, timeout=30
    )


@pytest.mark.parametrize("content", [NASTY, "", "\n", "-", "%", "'", "\\", "\0", "x" * 300_000])
def test_what_is_written_is_what_was_said(tmp_path: Path, content: str) -> None:
    done = play(tmp_path, {"write": {"path": "a", "content": content}}, {"append": {"path": "a", "content": content}})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "worktree/a").read_bytes() == (content * 2).encode()


@pytest.mark.parametrize("name", ["-rf", "two words", "it's", "$HOME", "a/-b/c d", "*", "\\", "ä"])
def test_a_name_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    write = {"write": {"path": name, "content": "x"}}
    assert play(tmp_path, write, {"chmod": {"path": name, "mode": "755"}}).returncode == 0
    assert (tmp_path / "worktree" / name).read_text() == "x"
    assert play(tmp_path, {"delete": name}).returncode == 0
    assert not (tmp_path / "worktree" / name).exists()


def test_a_replacement_is_exact_and_the_first_only(tmp_path: Path) -> None:
    content = f"{NASTY}*{NASTY}*\n\n"
    replace = {"replace": {"path": "a", "old": "*", "new": "$x%'\n"}}
    assert play(tmp_path, {"write": {"path": "a", "content": content}}, replace).returncode == 0
    assert (tmp_path / "worktree/a").read_bytes() == content.replace("*", "$x%'\n", 1).encode()


@pytest.mark.parametrize(
    "action",
    [
        {"replace": {"path": "there", "old": "absent", "new": "b"}},
        {"append": {"path": "no/such/folder", "content": "x"}},
        {"write": {"path": "there/below", "content": "x"}},
        {"delete": "absent"},
        {"chmod": {"path": "absent", "mode": "644"}},
        {"hardlink": {"path": "b", "target": "absent"}},
        {"mkdir": "there"},
        {"run": ["no-such-program"]},
    ],
)
def test_what_can_not_be_done_ends_the_turn_in_words(tmp_path: Path, action: dict[str, Any]) -> None:
    there = {"write": {"path": "there", "content": "x"}}
    done = play(tmp_path, there, action, {"write": {"path": "after", "content": "x"}})
    assert done.returncode == FAILED
    assert done.stderr
    assert not (tmp_path / "worktree/after").exists()


def test_a_program_that_fails_changes_nothing_and_its_code_is_printed(tmp_path: Path) -> None:
    turn = [{"run": ["sh", "-c", "exit 7"]}, {"run": ["sh", "-c", "kill -9 $$"]}, {"say": "on %s"}]
    done = play(tmp_path, *turn)
    assert done.stdout == "sh: exit code 7\nsh: exit code -9\non %s\n"


def test_a_link_replaces_a_file_and_no_folder(tmp_path: Path) -> None:
    link = {"symlink": {"path": "a", "target": "b"}}
    assert play(tmp_path, {"write": {"path": "a", "content": "x"}}, link, link).returncode == 0
    assert (tmp_path / "worktree/a").readlink() == Path("b")
    assert play(tmp_path, {"mkdir": "d"}, {"symlink": {"path": "d", "target": "b"}}).returncode == FAILED
