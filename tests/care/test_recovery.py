"""recover-run: what a kill or an accident left of a run is found and mended, told, and never worked on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from care_desk import REVIEWED, Desk, bundle

from penstock.care.recovery import Mended, recover
from penstock.domain.events import CancelAsked
from penstock.engine.owner import RunIsOwned
from penstock.engine.soundness import RunIsUnsound


def begun(folder: Path) -> Desk:
    """A run of which one workstream is merged, and another one waits for a person."""
    found = Desk(folder, bundle("ws-a"), bundle("ws-b", depends_on=["ws-a"]), settings=REVIEWED)
    found.run("r1")
    found.approve("r1", "ws-a")
    assert found.resume("r1") == "running"
    return found


def mended(desk: Desk, *, dry_run: bool = False) -> tuple[Mended, ...]:
    return desk.does(lambda penstock: recover(penstock.parts, "r1", dry_run=dry_run))


def branch(desk: Desk) -> Path:
    return desk.state / "repo.git/refs/heads/penstock/r1"


def put_branch(desk: Desk, commit: str) -> None:
    """Move the branch as a ledger of an older store would have it: by Penstock itself, without a verdict."""
    branch(desk).write_text(f"{commit}\n")
    with (desk.state / "refs.log").open("a") as ledger:
        ledger.write(f"intended refs/heads/penstock/r1 {commit}\ndone refs/heads/penstock/r1\n")


def behind(desk: Desk) -> None:
    put_branch(desk, desk.loaded("r1").run.base)


def beside(desk: Desk) -> None:
    put_branch(desk, desk.own("rev-parse", "refs/penstock/r1/ws-b/1"))


def gone(desk: Desk) -> None:
    branch(desk).unlink()


def locked(desk: Desk) -> None:
    (desk.state / "repo.git/refs/heads/penstock/r1.lock").touch()


def lost_ref(desk: Desk) -> None:
    (desk.state / "repo.git/refs/penstock/r1/ws-b/9").write_text(f"{'ab' * 20}\n")


def left_folder(desk: Desk) -> None:
    folder = desk.worktree("r1", "ws-a")
    folder.mkdir()
    (folder / "late.txt").write_text("late\n")


def unknown_attempt(desk: Desk) -> None:
    folder = desk.state / "runs/r1/ws-b/fix-1"
    folder.mkdir()
    (folder / "outcome.json").write_text("{}")


BREAKS: dict[str, tuple[Callable[[Desk], None], str]] = {
    "the branch is behind": (behind, "branch"),
    "the branch is where no verdict put it": (beside, "branch"),
    "the branch is gone": (gone, "branch"),
    "a killed git left a lock": (locked, "locks"),
    "a ref names nothing": (lost_ref, "refs"),
    "a done workstream has a folder": (left_folder, "worktrees"),
    "an attempt that nobody knows has an outcome": (unknown_attempt, "attempts"),
}


def test_all_that_was_broken_at_once_is_found_mended_and_found_no_more(desk: Desk) -> None:
    """One run for all the breaks, each alone: found in a dry run that changes nothing, mended, then not found again."""
    assert mended(desk) == ()
    head = desk.loaded("r1").run.head
    for name, (breaks, about) in BREAKS.items():
        breaks(desk)
        before = desk.content()
        told = mended(desk, dry_run=True)
        assert [(one.about, one.is_mended, one.is_mendable) for one in told] == [(about, False, True)], name
        assert desk.content() == before, name
        assert [(one.about, one.is_mended) for one in mended(desk)] == [(about, True)], name
        assert mended(desk) == (), name
        assert branch(desk).read_text().strip() == head, name
    assert desk.own("fsck", "--connectivity-only") == ""
    assert (desk.state / "kept/r1").is_dir()
    assert not (desk.state / "runs/r1/ws-b/fix-1").exists()
    desk.approve("r1", "ws-b")
    assert desk.resume("r1") == "completed"


def test_what_stood_on_the_branch_without_a_verdict_is_kept(desk: Desk) -> None:
    beside(desk)
    stood = branch(desk).read_text().strip()
    mended(desk)
    assert desk.own("rev-parse", "refs/penstock/r1/_branch/1") == stood


def test_a_process_that_an_earlier_owner_left_is_killed_and_others_are_not(desk: Desk) -> None:
    folder = desk.worktree("r1", "ws-b")
    sleeps = [sys.executable, "-c", "import time; time.sleep(60)"]
    left = subprocess.Popen(sleeps, cwd=folder)
    other = subprocess.Popen(sleeps, cwd=desk.project)
    try:
        (shown,) = mended(desk, dry_run=True)
        assert str(left.pid) in shown.found
        assert left.poll() is None
        (told,) = mended(desk)
        assert (told.about, told.is_mended) == ("processes", True)
        left.wait(timeout=5)  # whoever killed it may have taken its exit code
        assert other.poll() is None
    finally:
        for process in (left, other):
            process.kill()
            process.wait()


def test_a_run_that_somebody_works_on_is_refused_and_named(desk: Desk) -> None:
    with desk.held("r1"), pytest.raises(RunIsOwned, match=f"process {os.getpid()}"):
        mended(desk)


def test_a_repository_that_is_gone_is_made_anew_and_what_is_lost_is_said(desk: Desk) -> None:
    shutil.rmtree(desk.state / "repo.git")
    with pytest.raises(RunIsUnsound, match="own repository of the project is gone") as refused:
        desk.resume("r1")
    assert "penstock recover-run r1" in str(refused.value.hint)
    (shown,) = mended(desk, dry_run=True)
    assert shown.about == "repository"
    told = {(one.about, one.is_mended) for one in mended(desk)}
    assert {("repository", True), ("verdicts", False), ("commits", False)} <= told
    with pytest.raises(RunIsUnsound, match="not in Penstock's own repository any more: the last merge"):
        desk.resume("r1")
    desk.does(lambda penstock: penstock.service.ask("r1", CancelAsked()))
    assert desk.view("r1")["status"] == "abandoned"
    assert desk.run("r2") == "running"


def test_a_candidate_that_is_gone_with_the_repository_is_named(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"), settings=REVIEWED)
    assert desk.run("r1") == "running"
    shutil.rmtree(desk.state / "repo.git")
    (lost,) = [one for one in mended(desk) if not one.is_mendable]
    assert "the candidate of ws-a" in lost.found
    assert "penstock cancel r1" in lost.done


KILLED = """
import asyncio, os, sys
from pathlib import Path
from penstock.bootstrap import build
from penstock.submission import Submission

def effect(name):
    if name == "blob object":  # the first one takes what the agent left
        os.kill(os.getpid(), 9)

async def work():
    penstock = build(folder=Path(sys.argv[1]), environ=dict(os.environ), effect=effect)
    penstock.projects.trust_here(penstock.projects.current())
    await penstock.service.submit(Submission(run_id="r1"))
    await penstock.service.work("r1")

asyncio.run(work())
"""


def test_an_agent_that_had_ended_works_again_where_its_worktree_is_gone(tmp_path: Path) -> None:
    """Its keeper wrote down that it had ended: the next owner would judge it by a folder that it never saw."""
    desk = Desk(tmp_path, bundle("ws-a"), settings=REVIEWED)
    killed = subprocess.run([sys.executable, "-c", KILLED, desk.project], env=desk.environ, check=False)
    assert killed.returncode == -9
    assert (desk.state / "runs/r1/ws-a/edit-1/outcome.json").is_file()
    shutil.rmtree(desk.worktree("r1", "ws-a"))
    (told,) = mended(desk)
    assert (told.about, told.is_mended) == ("attempts", True)
    assert "counted as interrupted" in told.done
    assert desk.resume("r1") == "running"
    assert desk.view("r1")["workstreams"][0]["status"] == "reviewing"
