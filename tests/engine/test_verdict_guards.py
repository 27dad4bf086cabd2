"""A merge without a verdict for that very tree fails in the type checker, in the database, and at run time."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.adapters.clock import SystemClock
from penstock.adapters.memory import MemoryProject
from penstock.adapters.store.opening import open_database
from penstock.domain.changes import Candidate, Stamp, Verdict
from penstock.domain.checks import CheckResult, TreeWithoutVerdict, give_verdict
from penstock.ports import Merged

MERGES_WITHOUT_A_VERDICT = """
from penstock.domain.changes import Candidate
from penstock.ports import Repository

async def merge(repository: Repository, candidate: Candidate) -> None:
    await repository.advance(candidate)
"""


@pytest.mark.slow
def test_the_type_checker_refuses_to_advance_by_anything_but_a_verdict(tmp_path: Path) -> None:
    snippet = tmp_path / "snippet.py"
    snippet.write_text(MERGES_WITHOUT_A_VERDICT)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(snippet)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert 'incompatible type "Candidate"; expected "Verdict"' in done.stdout


def test_the_database_refuses_an_integration_without_a_verdict_for_that_very_tree(tmp_path: Path) -> None:
    open_database(tmp_path / "p.db", SystemClock()).close()
    connection = sqlite3.connect(tmp_path / "p.db")
    connection.execute("PRAGMA foreign_keys=ON")
    keys = connection.execute("PRAGMA foreign_key_list(integrations)").fetchall()
    assert {("verdict_id", "id"), ("tree", "tree")} <= {(row[3], row[4]) for row in keys if row[2] == "verdicts"}
    columns = [(row[1], row[2]) for row in connection.execute("PRAGMA table_info(integrations)")]
    values = {name: 1 if kind.startswith("INT") else "x" for name, kind in columns}
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        connection.execute(
            f"INSERT INTO integrations ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
            list(values.values()),
        )
    connection.close()


def test_at_run_time_a_verdict_is_given_only_for_green_results_of_that_very_tree() -> None:
    merged = Candidate(commit="c", tree="t")
    green = CheckResult(tree="t", command="check", kind="static", passed=True, exit_code=0)
    verdict = give_verdict(id="v", branch="b", parent="p", merged=merged, merges={"a": "c"}, results=[green])
    assert (verdict.tree, verdict.checks) == ("t", ("check",))
    other = CheckResult(tree="another", command="check", kind="static", passed=True, exit_code=0)
    red = CheckResult(tree="t", command="check", kind="static", passed=False, exit_code=1)
    for results in ([other], [red]):
        with pytest.raises(TreeWithoutVerdict):
            give_verdict(id="v", branch="b", parent="p", merged=merged, merges={"a": "c"}, results=results)


def test_at_run_time_a_forged_verdict_does_not_move_the_branch() -> None:
    project = MemoryProject(files={"a": "1"})

    async def forge() -> None:
        await project.create_branch("b", project.base)
        merge = await project.merge(project.base, project.base, Stamp(message="m", at=SystemClock().now()))
        assert isinstance(merge, Merged)
        forged = Verdict(
            id="v",
            branch="b",
            parent=project.base,
            commit=merge.candidate.commit,
            tree="another tree",
            members=("a",),
            checks=(),
        )
        await project.advance(forged)

    with pytest.raises(TreeWithoutVerdict):
        asyncio.run(forge())
    assert project.branches["b"] == project.base
