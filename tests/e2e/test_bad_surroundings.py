"""A repository, tool, database or state folder not as needed: a clear sentence, the right code, nothing changed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from bad_input_support import GOOD, UNCHECKED, Bench
from whole_runs import changed, fingerprint

pytestmark = pytest.mark.slow


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def _lost(bench: Bench) -> None:
    shutil.rmtree(bench.project / ".git")


def _empty(bench: Bench) -> None:
    _lost(bench)
    bench.git("init", "--quiet")


def _shallow(bench: Bench) -> None:
    whole = bench.project.rename(bench.project.with_name("whole"))
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{whole}", str(bench.project)], check=True)
    (bench.project / ".git/shallow").touch()


def _submodule(bench: Bench) -> None:
    other = bench.project.with_name("other")
    shutil.copytree(bench.project, other)
    bench.git("submodule", "--quiet", "add", str(other), "parts/other")
    bench.git("commit", "--quiet", "--message=with a submodule")


def _large_files(bench: Bench) -> None:
    (bench.project / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    bench.git("add", "--all")
    bench.git("commit", "--quiet", "--message=with large files")


def _bare(bench: Bench) -> None:
    whole = bench.project.rename(bench.project.with_name("whole"))
    subprocess.run(["git", "clone", "-q", "--bare", str(whole), str(bench.project)], check=True)
    assert bench.said("trust").code == 0


def _detached(bench: Bench) -> None:
    bench.git("checkout", "--quiet", "--detach")
    bench.git("branch", "--move", "main", "trunk")


REPOSITORIES = (
    ("no repository", _lost, 2, "is not in a git repository"),
    ("no commit", _empty, 2, "work starts from a commit"),
    ("shallow", _shallow, 2, "is a shallow clone"),
    ("a submodule", _submodule, 2, "submodules can't be worked on yet; the base branch has parts/other"),
    ("large files", _large_files, 3, "git filter (as of Git LFS)"),
    ("bare", _bare, 2, "workstreams: there is no such file or folder"),
    ("detached, and no branch that could be meant", _detached, 2, "no base branch could be found; the repository has"),
)


@pytest.mark.parametrize(
    ("make", "code", "words"), [row[1:] for row in REPOSITORIES], ids=[row[0] for row in REPOSITORIES]
)
def test_an_unfit_repository_is_refused(
    make: Callable[[Bench], None], code: int, words: str, bench: Bench, tmp_path: Path
) -> None:
    make(bench)
    assert words in bench.refused("run", code=code, GIT_CEILING_DIRECTORIES=str(tmp_path))


def test_a_base_branch_that_is_not_there_is_refused(bench: Bench) -> None:
    said = bench.refused("run", PENSTOCK_BASE_BRANCH="nowhere")
    assert "'nowhere' was asked for; the repository has main" in said


def test_a_detached_head_is_no_obstacle_and_stays_where_it_is(bench: Bench) -> None:
    bench.git("checkout", "--quiet", "--detach")
    head = (bench.project / ".git/HEAD").read_text()
    assert bench.said("run").code == 0
    assert (bench.project / ".git/HEAD").read_text() == head


def test_without_git_every_command_that_needs_it_says_so(bench: Bench, tmp_path: Path) -> None:
    for command in (["run"], ["trust"], ["plan", "check"]):
        assert "git was asked for and is not on the path" in bench.refused(*command, code=3, PATH=str(tmp_path))


MISSING = "no-such-program-zz"


def test_an_acceptance_command_that_is_not_there_fails_its_workstream(tmp_path: Path) -> None:
    bench = Bench(tmp_path, GOOD | {"acceptance_tests": [{"run": f"{MISSING} --all"}]})
    said = bench.said("run", "--run-id", "r1")
    assert (said.code, said.err) == (1, "")
    assert f"{MISSING} --all: missing_binary" in said.out
    assert "not found" in bench.said("show-errors", "r1").out


def test_a_check_that_is_not_there_never_counts_as_passed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings=f'{UNCHECKED}[checks]\nwords = "{MISSING}"\n')
    said = bench.said("run", "--run-id", "r1")
    assert said.code == 3
    assert f"the check `{MISSING}` can't be run: `{MISSING}` is not on this machine" in said.out
    assert bench.desk.states("r1") == {"ws-a": "static_check"}
    assert "fix" not in said.out.replace("penstock", "")


def test_a_check_that_is_red_before_and_after_is_said_to_be_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings=f'{UNCHECKED}[checks]\nwords = "echo old trouble; false"\n')
    said = bench.said("run")
    assert said.code == 0
    assert "red as in the base, and no worse: echo old trouble; false" in said.out


def test_what_nothing_checks_is_said_to_be_not_checked(tmp_path: Path) -> None:
    said = Bench(tmp_path, settings=UNCHECKED).said("run")
    assert said.code == 0
    assert "not checked: no static check is configured" in said.out


def test_an_agent_that_is_not_there_is_told_before_anything_is_stored(tmp_path: Path) -> None:
    bench = Bench(tmp_path, GOOD | {"tool": "mine"})
    own = tmp_path / ".config/penstock/config.toml"
    own.parent.mkdir(parents=True)
    own.write_text(f'[agents.mine]\ncommand = ["{MISSING}"]\n')
    said = bench.said("run", "--run-id", "r1")
    assert (said.code, said.out) == (3, "")
    assert f"its program {MISSING} was not found on PATH\n" in said.err
    assert said.err.count("hint: see `penstock agents check`") == 1
    assert bench.said("show-run", "r1").code == 2
    own.write_text('[agents.mine]\ncommand = ["sh", "-c", "echo good > src/ws-a.txt"]\n')
    assert bench.said("run", "--run-id", "r1").code == 0


def test_a_run_whose_agent_has_gone_waits_until_it_is_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path, GOOD | {"tool": "mine"})
    own, program = tmp_path / ".config/penstock/config.toml", tmp_path / "programs" / "mine"
    for folder in (own.parent, program.parent):
        folder.mkdir(parents=True)
    own.write_text(f'[agents.mine]\ncommand = ["{program}"]\n')
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    assert bench.said("run", "--run-id", "r1").code == 1
    program.unlink()
    assert bench.said("reset-workstream", "r1", "ws-a").code == 0
    said = bench.said("resume", "r1")
    assert (said.code, said.out.count("completed")) == (3, 0)
    assert bench.desk.shown("r1")["status"] == "running"
    program.write_text("#!/bin/sh\necho good > src/ws-a.txt\n")
    program.chmod(0o755)
    assert bench.said("resume", "r1").code == 0


def _garbage(path: Path) -> None:
    path.write_bytes(b"garbage" * 1000)


def _folder(path: Path) -> None:
    path.mkdir()


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (one)")


DATABASES = (
    ("garbage", _garbage, "is damaged or is not a database", "move it aside"),
    ("a folder", _folder, "can't be used (unable to open database file)", "look at the file"),
    ("another program's", _foreign, "is a database of another program", "choose another one"),
)


@pytest.mark.parametrize(("make", "words", "hint"), [row[1:] for row in DATABASES], ids=[row[0] for row in DATABASES])
def test_a_database_that_can_not_be_read_is_left_as_it_is(
    make: Callable[[Path], None], words: str, hint: str, bench: Bench
) -> None:
    make(bench.database)
    before = fingerprint(bench.home)
    for command in (["run"], ["show-run"], ["resume", "r1"]):
        said = bench.refused(*command, code=3)
        assert words in said
        assert hint in said
    assert {path for path in changed(before, fingerprint(bench.home)) if "penstock.db" in path} == set()


def test_a_database_of_a_newer_version_is_left_as_it_is(bench: Bench) -> None:
    assert bench.said("run", "--run-id", "r1").code == 0
    with closing(sqlite3.connect(bench.database)) as connection, connection:
        connection.execute("UPDATE schema_meta SET value = '9999' WHERE key = 'schema_version'")
    before = fingerprint(bench.home)
    for command in (["run"], ["show-run", "r1"], ["resume", "r1"], ["cancel", "r1"]):
        said = bench.refused(*command, code=3)
        assert "was written by a newer Penstock: it has version 9999" in said
        assert "install the newer Penstock again" in said
    assert {path for path in changed(before, fingerprint(bench.home)) if "penstock.db" in path} == set()


def test_a_database_that_may_not_be_written_is_refused(bench: Bench) -> None:
    assert bench.said("run", "--run-id", "r1").code == 0
    before = bench.database.read_bytes()
    is_able = os.geteuid() == 0 and shutil.which("chattr") is not None
    if not is_able or subprocess.run(["chattr", "+i", bench.database], check=False).returncode:
        pytest.skip("a file that not even root may write needs root and chattr")
    try:
        for command in (["run"], ["show-run"], ["cancel", "r1"]):
            assert str(bench.database) in bench.refused(*command, code=3)
    finally:
        subprocess.run(["chattr", "-i", bench.database], check=True)
    assert bench.database.read_bytes() == before


def test_a_state_folder_that_can_not_be_one_is_refused_with_the_name_of_the_variable(bench: Bench) -> None:
    place = bench.home.with_name("file")
    place.write_text("not a folder")
    for home in (place, place / "below"):
        for command in (["run"], ["trust"], ["show-run"]):
            said = bench.refused(*command, code=3, PENSTOCK_HOME=str(home))
            assert str(place) in said
            assert "PENSTOCK_HOME" in said
    assert place.read_text() == "not a folder"


@pytest.fixture
def read_only(bench: Bench) -> Iterator[Bench]:
    """A bench whose state folder can't be written, not even by root."""
    assert bench.said("run", "--run-id", "r1").code == 0
    is_able = os.geteuid() == 0 and shutil.which("mount") is not None
    if not is_able or subprocess.run(["mount", "--bind", bench.home, bench.home], check=False).returncode:
        pytest.skip("a file system that is only for reading needs root and the right to mount")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", bench.home], check=True)
        yield bench
    finally:
        subprocess.run(["umount", bench.home], check=True)


def test_a_state_folder_on_a_file_system_only_for_reading_is_refused(read_only: Bench) -> None:
    for command in (["run"], ["trust"], ["show-run"], ["cancel", "r1"]):
        assert str(read_only.home) in read_only.refused(*command, code=3)
