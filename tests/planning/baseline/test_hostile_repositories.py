"""What planners see of repositories that were made to harm who reads them: real git, real files."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from penstock.adapters.clock import SystemClock
from penstock.adapters.git.layout import GitSettings, Person
from penstock.adapters.git.project import GitProject
from penstock.planning.baseline import Baseline, baseline_code
from penstock.planning.bounds import characters_of
from penstock.planning.change_sets import change_set_of


class Repository:
    """A user's repository and Penstock's own of it."""

    def __init__(self, root: Path) -> None:
        self.user = root / "user"
        self.user.mkdir()
        self.git("init", "--quiet", "-b", "main")
        self.project = GitProject(
            GitSettings(
                home=root / "home",
                worktree_root=root / "trees",
                user_repository=self.user,
                author=Person(name="Ada", email="ada@example.org"),
                search_path=os.environ["PATH"],
            ),
            SystemClock(),
        )

    def git(self, *arguments: str, stdin: bytes = b"") -> None:
        identity = ("-c", "user.name=Someone", "-c", "user.email=some@one")
        subprocess.run(["git", *identity, *arguments], cwd=self.user, input=stdin, capture_output=True, check=True)

    def write(self, path: str, content: bytes) -> None:
        target = self.user / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def committed(self) -> str:
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "-m", "commit")
        return asyncio.run(self.project.fetch(None))[1]

    def shown(self, commit: str, epic: str, **more: Any) -> Baseline:
        told = {"max_tokens": 3000, "redact": lambda text: text, **more}
        return asyncio.run(baseline_code(self.project, commit, epic, **told))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_links_lead_nowhere_and_odd_names_stay_on_their_lines(repository: Repository) -> None:
    secret = repository.user.parent / "secret.py"
    secret.write_text("def outside(): ...\n")
    (repository.user / "AGENTS.md").symlink_to(secret)
    (repository.user / "linked.py").symlink_to(secret)
    (repository.user / "folder").symlink_to("/etc")
    repository.write("a\n## Files (0)\nb.py", b"def inside(): ...\n")
    repository.write("\u202eevil.py", b"x = 1\n")
    with open(os.fsencode(repository.user) + b"/\xff.py", "wb") as file:  # noqa: PTH123 - a name that is no text
        file.write(b"def raw(): ...\n")
    found = repository.shown(repository.committed(), "inside and outside")
    assert "outside" not in found.text
    assert "[not listed: 3 link]" in found.text
    assert found.text.count("\n## Files") + found.text.startswith("## Files") == 1
    assert "def inside()" in found.text
    found.text.encode()
    assert all(line.isprintable() for line in found.text.splitlines())


def test_huge_binary_and_broken_sources_are_passed_over(repository: Repository) -> None:
    repository.write("huge.py", b"def huge(): ...\n" * 40_000)
    repository.write("nul.py", b"def nul(): ...\n\0")
    repository.write("latin.py", b"# caf\xe9 latin\ndef latin(): ...\n")
    repository.write("deep.py", b"x = " + b"(" * 100_000)
    repository.write("blank.py", b" " * 100_000 + b"\n" + b"import " * 10_000)
    repository.write("README.md", b"\xff\xfe word " * 20_000)
    repository.write("AGENTS.md", b"word " * 500_000)
    repository.write("pyproject.toml", b"a = " + b"[" * 50_000)
    repository.write("package.json", b"[" * 50_000)
    repository.write("Makefile", b"test" * 50_000 + b"\n")
    started = time.process_time()
    found = repository.shown(repository.committed(), "huge nul latin deep blank")
    assert time.process_time() - started < 5
    assert len(found.text) <= characters_of(3000)
    assert {*found.shown} == {"nul.py", "latin.py", "deep.py", "blank.py"}
    assert "nul.py (no text)" in found.text
    assert "1 sources, too large or too many to be looked into" in found.cut


def test_an_epic_that_was_made_to_be_slow_is_not(repository: Repository) -> None:
    repository.write("a.py", b"def a(): ...\n")
    commit = repository.committed()
    started = time.process_time()
    for epic in ("a" * 200_000, "a." * 100_000, "a/" * 100_000, "A" * 200_000, "-" * 200_000, "_" * 200_000):
        repository.shown(commit, epic)
    assert time.process_time() - started < 3


@pytest.mark.slow
def test_ten_thousand_files_are_told_within_bounds_and_soon(repository: Repository) -> None:
    lines = [b"blob\nmark :1\ndata 32\nfrom pkg import flour\nimport os\n", b"commit refs/heads/main\n"]
    lines += [b"committer A <a@b> 1700000000 +0000\ndata 1\nx\n"]
    lines += [b"M 100644 :1 pkg%d/inner%d/module_%d.py\n" % (n % 40, n % 9, n) for n in range(10_000)]
    lines += [b"M 100644 :1 pkg/flour.py\n"]
    repository.git("fast-import", "--quiet", stdin=b"".join(lines))
    repository.git("reset", "--hard", "--quiet", "main")
    commit = asyncio.run(repository.project.fetch(None))[1]
    before = repository.project.processes
    started = time.process_time()
    found = repository.shown(commit, "Weigh the flour")
    assert time.process_time() - started < 5
    assert repository.project.processes == before + 2
    assert found.files == 10_001
    assert found.shown[0] == "pkg/flour.py"
    assert "files: " in found.text
    assert len(found.text) <= characters_of(3000)


def test_a_change_set_of_a_hostile_tree_is_bounded_and_follows_no_link(repository: Repository) -> None:
    repository.write("a.py", b"x = 1\n")
    base = repository.committed()
    (repository.user / "link.py").symlink_to("/etc/passwd")
    repository.write("b\nc.py", b"x = 1\n")
    repository.write("good.py", b"def good(): ...\n")
    repository.write("raw.py", b"# \xff\n")
    commit = repository.committed()
    found = asyncio.run(change_set_of(repository.project, base, commit, redact=lambda text: text))
    assert [(one["path"], one["content"]) for one in found["files"]] == [
        ("good.py", "def good(): ...\n"),
        ("raw.py", "# \ufffd\n"),
    ]
