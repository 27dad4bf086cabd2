"""Penstock works on Penstock: a recorded epic on a clone of this very repository, and findings that are mended."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from epic_bench import ROOT, EpicBench, answers_to, epic_bench

from penstock.bootstrap import build
from penstock.domain.pipelines import Issue
from penstock.epics import EpicWish
from penstock.improving import CLONES, Wanted, improve, open_findings
from penstock.ports import Headway
from sandbox_support import GIT

EPIC = "Add health check endpoint to orchestrator API"
TEST = "tests/test_health_endpoint.py"
GATE = """\
[checks]
compiles = "python3 -m compileall -q src/penstock/domain"
[checks.integrate]
compiles = "python3 -m compileall -q src/penstock/domain"
tests = "python3 -m unittest discover -q -s tests/own -p 'test_*.py'"
[executor]
min_free_gb = 0.1
"""
OWN_TEST = "import unittest\n\nclass Own(unittest.TestCase):\n    def test_it(self):\n        self.assertTrue(True)\n"
FINDING = "households(9810, 0) divides by zero"

pytestmark = pytest.mark.slow


def environ_of(folder: Path, **more: str) -> dict[str, str]:
    """What the user's shell has set."""
    own = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "PENSTOCK_HOME": str(folder / "state")}
    return {**own, "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1", **GIT, **more}


def git(folder: Path, *words: str) -> str:
    environ = {"PATH": os.environ["PATH"], **GIT}
    return subprocess.run(
        ["git", *words], cwd=folder, env=environ, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clone of this repository, with a gate that needs nothing but python3."""
    fault = build(folder=tmp_path, environ=environ_of(tmp_path)).parts.confinement_fault
    if fault:
        pytest.skip(f"nothing may change Penstock unconfined, and here {fault}")
    clone = tmp_path / "repository"
    git(tmp_path, "clone", "-q", "--no-tags", str(ROOT), str(clone))
    git(clone, "checkout", "-q", "-B", "main")
    (clone / "penstock.toml").write_text(GATE, encoding="utf-8")
    (clone / "tests" / "own").mkdir()
    (clone / "tests" / "own" / "test_own.py").write_text(OWN_TEST, encoding="utf-8")
    git(clone, "add", "--all")
    git(clone, "commit", "-qm", "A small gate")
    return clone


def stand(repository: Path) -> tuple[str, str, str]:
    """What nobody may change: main, what is checked out, and the checkout itself."""
    return (
        git(repository, "rev-parse", "main"),
        git(repository, "symbolic-ref", "HEAD"),
        git(repository, "status", "--porcelain"),
    )


def installation() -> str:
    """The code that is running."""
    digest = hashlib.sha256()
    for file in sorted((ROOT / "src").rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(str(file).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def improved(repository: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command, answered from recordings."""
    return subprocess.run(
        [sys.executable, "-m", "penstock", "self-improve", "--epic", EPIC, "--repository", str(repository)],
        cwd=folder, env=environ_of(folder, PENSTOCK_UPSTREAM="replay"), capture_output=True, text=True,
        timeout=300, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_a_recorded_epic_becomes_a_branch_of_the_repository_and_nothing_else_changes(
    repository: Path, tmp_path: Path
) -> None:
    before, code = stand(repository), installation()
    done = improved(repository, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (branch,) = git(repository, "for-each-ref", "--format=%(refname:short)", "refs/heads/penstock/").splitlines()
    assert branch.startswith("penstock/pip_")
    assert f"the branch {branch} is in {repository}" in done.stdout
    assert git(repository, "merge-base", "main", branch) == before[0]
    assert git(repository, "diff", "--name-only", "main", branch).splitlines() == ["orchestrator_api/health.py", TEST]
    assert (stand(repository), installation()) == (before, code)
    git(tmp_path, "clone", "-q", "--branch", branch, str(repository), str(tmp_path / "tried"))
    tried = subprocess.run(
        [sys.executable, "-m", "unittest", "-q", TEST], cwd=tmp_path / "tried", capture_output=True, check=False
    )
    assert tried.returncode == 0, tried.stderr


def test_an_epic_whose_run_stands_still_ends_and_says_so(repository: Path, tmp_path: Path) -> None:
    gate = GATE.replace("[checks.integrate]", f'new = "test ! -e {TEST}"\n[checks.integrate]')
    (repository / "penstock.toml").write_text(gate, encoding="utf-8")
    git(repository, "commit", "-qam", "Refuse what is recorded")
    done = improved(repository, tmp_path)
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"test ! -e {TEST}: exit code 1" in done.stdout, "what goes on in the run is told"
    assert "has not ended, it is paused: the run can't be played again" in done.stderr
    assert not git(repository, "for-each-ref", "refs/heads/penstock/")


def test_findings_become_an_epic_and_are_closed_when_it_is_delivered(tmp_path: Path) -> None:
    with epic_bench(tmp_path, answers_to("mill-households")) as bench:
        if fault := build(folder=bench.project, environ=bench.environ).parts.confinement_fault:
            pytest.skip(f"nothing may change Penstock unconfined, and here {fault}")
        (bench.project / "pyproject.toml").write_text('[project]\nname = "penstock"\n', encoding="utf-8")
        bench.git("add", "--all")
        bench.git("commit", "-qm", "Take the name")
        asyncio.run(_mended(bench))


async def _mended(bench: EpicBench) -> None:
    home, told = bench.folder / "state", []
    mine = await _found(bench, "the one that is to be mended")
    wanted = Wanted(from_issues=True, repository=bench.project)
    came = await improve(wanted, home=home, environ=bench.environ, tell=told.append)
    assert (came.status, came.stopped, came.is_offered) == ("complete", None, True)
    assert f"- high (code): {FINDING} (mill/households.py:9)" in came.epic
    assert bench.git("rev-parse", came.branch)
    assert came.clone.parent == home / CLONES
    penstock = build(folder=bench.project, environ=bench.environ)
    try:
        known = {row["id"]: row["closed_at"] for row in penstock.parts.views.issues()}
        left = open_findings(penstock, bench.project)
    finally:
        await penstock.close()
    assert known[mine] is not None
    assert mine not in {row["id"] for row in left}
    assert {row["source"] for row in left} == {"qa"}, "what qa found on the clone is about Penstock, too"


async def _found(bench: EpicBench, by: str) -> str:
    """A finding that an earlier pipeline left."""
    penstock = build(folder=bench.project, environ=bench.environ)
    try:
        pipeline_id, _ = await penstock.epics.create(EpicWish(description=by))
        pipeline = await penstock.parts.pipelines.claim(pipeline_id)
        shared: dict[str, Any] = {"project": pipeline.project, "pipeline": pipeline.id, "at": pipeline.created_at}
        issue = Issue(
            id="iss_0011223344556677",
            source="qa",
            severity="high",
            category="code",
            description=FINDING,
            location="mill/households.py:9",
            **shared,
        )
        await penstock.parts.pipelines.commit(Headway(pipeline=pipeline, issues=(issue,)))
    finally:
        await penstock.close()
    return issue.id
