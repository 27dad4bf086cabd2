"""Contents read in bulk, and diffs for readers: of hostile trees, with few processes, within bounds."""

from __future__ import annotations

import asyncio
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from git_bench import Bench, git

from penstock.adapters.git import reading
from penstock.adapters.git.commits import NoSuchCommit
from penstock.domain.changes import REGULAR, SYMLINK

if TYPE_CHECKING:
    from penstock.ports import Listed


def listing(bench: Bench, commit: str = "") -> dict[str, Listed]:
    return {one.path: one for one in asyncio.run(bench.project.listing(commit or bench.base))}


def diff(bench: Bench, commit: str, *, max_bytes: int = 100_000) -> str:
    return asyncio.run(bench.project.diff(bench.base, commit, max_bytes=max_bytes))


def committed(bench: Bench) -> str:
    """What stands in the user's folder, as the newest commit."""
    git(bench.user, "add", "--all", "--force")
    git(bench.user, "commit", "--quiet", "-m", "more")
    return asyncio.run(bench.project.fetch(None))[1]


def test_names_of_every_kind_are_listed_and_read_with_two_processes(bench: Bench) -> None:
    odd = {"a\nb.py": b"newline\n", "tab\t.py": b"tab\n", "söß.py": b"umlaut\n", " -x.py": b"blank\n"}
    for name, content in odd.items():
        (bench.user / name).write_bytes(content)
    with open(os.fsencode(bench.user) + b"/\xff.py", "wb") as file:  # noqa: PTH123 - a name that is no text
        file.write(b"raw\n")
    (bench.user / "link").symlink_to("/etc/passwd")
    commit = committed(bench)
    before = bench.project.processes
    files = listing(bench, commit)
    found = asyncio.run(bench.project.contents(tuple(files.values())))
    assert bench.project.processes == before + 2
    assert {name: found[name] for name in odd} == odd
    assert found[os.fsdecode(b"\xff.py")] == b"raw\n"
    assert files["link"].mode == SYMLINK
    assert "link" not in found
    assert files["a\nb.py"].mode == REGULAR
    assert files["a\nb.py"].size == 8


def test_what_is_too_large_alone_or_together_is_left_out(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        (bench.user / f"{number}.txt").write_text(f"{number}" * 1000)
    files = [one for path, one in listing(bench, committed(bench)).items() if path.endswith(".txt")]
    monkeypatch.setattr(reading, "LARGEST_SUM", 2500)
    assert sorted(asyncio.run(bench.project.contents(files))) == ["0.txt", "1.txt"]
    monkeypatch.setattr(reading, "LARGEST_FILE", 999)
    assert asyncio.run(bench.project.contents(files)) == {}


def test_a_commit_that_is_not_there_is_named(bench: Bench) -> None:
    with pytest.raises(NoSuchCommit):
        asyncio.run(bench.project.listing("1" * 40))
    with pytest.raises(NoSuchCommit):
        asyncio.run(bench.project.diff("1" * 40, bench.base, max_bytes=10))


def test_attributes_of_the_tree_hide_nothing_from_who_reads_the_diff(bench: Bench) -> None:
    (bench.user / ".gitattributes").write_text("*.py -diff\n*.py binary\nsrc/* diff=evil\n")
    (bench.user / "src/app.py").write_text("two\n")
    text = diff(bench, committed(bench))
    assert "-one\n+two\n" in text


def test_programs_that_a_repository_names_are_not_called(bench: Bench) -> None:
    trace = bench.root / "called"
    git(bench.own, "config", "diff.external", f"touch {trace}")
    git(bench.own, "config", "diff.evil.textconv", f"touch {trace}")
    (bench.user / ".gitattributes").write_text("*.py diff=evil\n")
    (bench.user / "src/app.py").write_text("two\n")
    assert "+two\n" in diff(bench, committed(bench))
    assert not trace.exists()


def test_binary_and_very_large_files_are_named_only(bench: Bench) -> None:
    (bench.user / "src/a.bin").write_bytes(b"a\0b")
    (bench.user / "src/large.txt").write_text("line\n" * 400_000)
    text = diff(bench, committed(bench))
    assert "Binary files /dev/null and b/src/a.bin differ" in text
    assert "Binary files /dev/null and b/src/large.txt differ" in text
    assert len(text) < 2000


def test_a_long_diff_ends_at_a_whole_line_and_says_so(bench: Bench) -> None:
    (bench.user / "src/app.py").write_text("".join(f"line {number}\n" for number in range(90_000)))
    text = diff(bench, committed(bench), max_bytes=5000)
    *lines, last = text.splitlines()
    assert last == "[... the diff is longer than 5000 bytes: the rest is left out here ...]"
    assert all(line.startswith(("diff ", "index ", "---", "+++", "@@", "-one", "+line ")) for line in lines)
    assert 4800 < len("\n".join(lines)) <= 5000


def test_no_process_outlives_a_diff_that_was_cut(bench: Bench) -> None:
    (bench.user / "src/app.py").write_text("x" * 70 + "\n" + "".join(f"{number}\n" for number in range(90_000)))
    commit = committed(bench)
    diff(bench, commit, max_bytes=10)
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "diff-tree -r -p" not in listed or commit not in listed


def test_a_diff_of_nothing_is_empty(bench: Bench) -> None:
    assert diff(bench, bench.base) == ""


def test_what_is_no_utf8_is_shown_as_such_and_can_be_stored(bench: Bench) -> None:
    (bench.user / "src/app.py").write_bytes(b"caf\xe9\n")
    text = diff(bench, committed(bench))
    assert "+caf\ufffd" in text
    text.encode()
