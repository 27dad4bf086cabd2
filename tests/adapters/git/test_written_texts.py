"""The texts that differ between commits: all that a candidate has, and all that a push would send."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from git_bench import Bench, git

from penstock.adapters.git import texts
from penstock.ports import AddedLines

if TYPE_CHECKING:
    import pytest


def written(bench: Bench, base: str, commit: str, *, on_the_way: bool = False) -> dict[str, str]:
    found: tuple[AddedLines, ...] = asyncio.run(bench.project.written(base, commit, on_the_way=on_the_way))
    return {one.path: "\n".join(line for _, line in one.lines) for one in found}


def test_changed_and_new_files_are_read_whole_and_deleted_ones_are_not(bench: Bench) -> None:
    worktree = bench.prepare()
    (worktree / "src/app.py").write_text("one\ntwo\n")
    (worktree / "src/new.py").write_text("new\n")
    (worktree / "docs/read me.md").unlink()
    (worktree / "src/link").symlink_to("app.py")
    commit = bench.capture("src/", "docs/").candidate.commit
    assert written(bench, bench.base, commit) == {"src/app.py": "one\ntwo\n", "src/new.py": "new\n"}


def test_no_process_is_needed_for_what_a_run_has_made(bench: Bench) -> None:
    worktree = bench.prepare()
    (worktree / "src/new.py").write_text("new\n")
    commit = bench.capture("src/").candidate.commit
    before = bench.project.processes
    assert written(bench, bench.base, commit) == {"src/new.py": "new\n"}
    assert bench.project.processes == before


def test_what_is_packed_is_asked_of_git(bench: Bench) -> None:
    worktree = bench.prepare()
    (worktree / "src/new.py").write_text("new\n")
    commit = bench.capture("src/").candidate.commit
    git(bench.own, "repack", "-a", "-d", "--quiet")
    assert written(bench, bench.base, commit) == {"src/new.py": "new\n"}


def test_binary_and_very_large_files_are_passed_over(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    worktree = bench.prepare()
    (worktree / "src/a.bin").write_bytes(b"a\0b")
    (worktree / "src/large.txt").write_text("x" * (9 << 20))
    (worktree / "src/odd.txt").write_bytes(b"caf\xe9\n")
    commit = bench.capture("src/").candidate.commit
    assert written(bench, bench.base, commit) == {"src/odd.txt": "caf\ufffd\n"}


def test_loose_files_are_bounded_together_and_binary_ones_take_no_room(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    worktree = bench.prepare()
    for number in range(4):
        (worktree / f"src/{number}.txt").write_text(f"{number}" * 1000)
        (worktree / f"src/{number}.bin").write_bytes(b"\0%d" % number * 1000)
    commit = bench.capture("src/").candidate.commit
    monkeypatch.setattr(texts, "LARGEST_SUM", 2500)
    assert len(written(bench, bench.base, commit)) == 2


def test_on_the_way_every_commit_is_looked_at(bench: Bench) -> None:
    worktree = bench.prepare()
    (worktree / "src/new.py").write_text("first\n")
    first = bench.capture("src/").candidate.commit
    (worktree / "src/new.py").write_text("second\n")
    (worktree / "src/other.py").write_text("other\n")
    second = bench.capture("src/", parent=first).candidate.commit
    found = asyncio.run(bench.project.written(bench.base, second, on_the_way=True))
    contents = sorted((one.path, one.lines[0][1]) for one in found)
    assert contents == [("src/new.py", "first"), ("src/new.py", "second"), ("src/other.py", "other")]
    assert written(bench, bench.base, second) == {"src/new.py": "second\n", "src/other.py": "other\n"}
    assert written(bench, second, second, on_the_way=True) == {}


def test_all_files_together_are_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    worktree = bench.prepare()
    for number in range(4):
        (worktree / f"src/{number}.txt").write_text(f"{number}" * 1000)
    commit = bench.capture("src/").candidate.commit
    git(bench.own, "repack", "-a", "-d", "--quiet")
    monkeypatch.setattr(texts, "LARGEST_SUM", 2500)
    assert len(written(bench, bench.base, commit)) == 2
