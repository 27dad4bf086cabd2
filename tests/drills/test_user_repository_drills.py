"""What the user does in mid-run to his own repository: nothing of his is overwritten, nothing of the run is lost."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from drill_desk import DONE, MERGED, DrillDesk
from two_process_support import bundle, writes

pytestmark = pytest.mark.slow

AGENT = '[agents.mine]\ncommand = ["sh", "-c", "{}"]\n'


def test_a_base_that_is_rewritten_meanwhile_loses_nothing_and_is_said(tmp_path: Path) -> None:
    desk = DrillDesk(tmp_path)
    owner = desk.begin()
    desk.git("checkout", "--quiet", "--orphan", "new")
    (desk.project / "README").write_text("rewritten\n")
    desk.git("add", "--all")
    desk.git("commit", "--quiet", "--message=rewritten")
    desk.git("branch", "--move", "--force", "new", "main")
    desk.git("reflog", "expire", "--expire=now", "--all")
    desk.git("gc", "--quiet", "--prune=now")
    rewritten = desk.git("rev-parse", "main")
    said = desk.ended(owner, 0)
    assert desk.states("r1") == DONE
    assert desk.files() == MERGED
    assert desk.git("rev-parse", "main") == rewritten
    shown = desk.ask("show-run", "r1")
    assert "merge --ff-only" not in shown
    for text in (said, shown):
        assert "none of your branches holds any more" in text
    command = re.search(r"`(git rebase [^`]+)`", shown)
    assert command is not None
    desk.git(*command[1].replace("YOUR-BRANCH", "main").split()[1:])
    assert desk.git("merge-base", "main", "penstock/r1") == rewritten
    assert desk.files() == MERGED


def test_an_integration_branch_that_the_user_made_otherwise_is_never_overwritten(tmp_path: Path) -> None:
    desk = DrillDesk(tmp_path)
    owner = desk.begin()
    desk.git("commit", "--quiet", "--allow-empty", "--message=mine")
    desk.git("branch", "penstock/r1")
    mine = desk.git("rev-parse", "penstock/r1")
    said = desk.ended(owner, 0)
    assert "is not overwritten" in said
    assert desk.git("rev-parse", "penstock/r1") == mine
    shown = desk.ask("show-run", "r1")
    command = re.search(r"`git -C \S+ (branch --move [^`]+)`", shown)
    assert command is not None
    desk.git(*command[1].split())
    desk.penstock("resume", "r1")
    assert desk.git("rev-parse", "penstock/r1-mine") == mine
    assert desk.files() == MERGED


def half_done(folder: Path) -> tuple[DrillDesk, str]:
    """A run whose first half was pushed and whose second half can now be mended; and the commit that was pushed."""
    desk = DrillDesk(folder, bundle("ws-a", [], tool="mine"), bundle("ws-b", [writes("ws-b")]))
    own = folder / ".config/penstock/config.toml"
    own.parent.mkdir(parents=True)
    own.write_text(AGENT.format("exit 1"))
    desk.penstock("run", "--run-id", "r1", code=1)
    assert desk.states("r1") == {"ws-a": "failed", "ws-b": "done"}
    own.write_text(AGENT.format("sleep 3; echo good > src/ws-a.txt"))
    desk.ask("reset-workstream", "r1", "ws-a")
    return desk, desk.git("rev-parse", "penstock/r1")


def test_an_integration_branch_that_the_user_rewrites_is_never_overwritten(tmp_path: Path) -> None:
    desk, _ = half_done(tmp_path)
    owner = desk.begin("resume", "r1")
    tree = desk.git("rev-parse", "penstock/r1^{tree}")
    mine = desk.git("commit-tree", tree, "-p", "main", "-m", "mine")
    desk.git("branch", "--force", "penstock/r1", mine)
    said = desk.ended(owner, 0)
    assert "is not overwritten" in said
    assert desk.git("rev-parse", "penstock/r1") == mine
    assert desk.files(folder=desk.own) == MERGED


def test_an_integration_branch_that_the_user_deletes_comes_back_whole_with_the_next_push(tmp_path: Path) -> None:
    desk, pushed = half_done(tmp_path)
    owner = desk.begin("resume", "r1")
    desk.git("branch", "--delete", "--force", "penstock/r1")
    desk.ended(owner, 0)
    assert desk.files() == MERGED
    assert desk.git("merge-base", pushed, "penstock/r1") == pushed


def test_a_project_that_is_moved_away_gets_its_branch_when_it_is_back(tmp_path: Path) -> None:
    desk = DrillDesk(tmp_path)
    owner = desk.begin()
    elsewhere = desk.project.rename(tmp_path / "elsewhere")
    said = desk.ended(owner, 0)
    assert f"{desk.project} is not there any more; put it back" in said
    elsewhere.rename(desk.project)
    assert desk.states("r1") == DONE
    desk.penstock("resume", "r1")
    assert desk.files() == MERGED


def test_a_project_that_is_deleted_leaves_its_result_to_be_fetched(tmp_path: Path) -> None:
    desk = DrillDesk(tmp_path)
    owner = desk.begin()
    shutil.rmtree(desk.project)
    said = desk.ended(owner, 0)
    other = tmp_path / "other"
    desk.git("init", "--quiet", str(other), folder=tmp_path)
    command = re.search(r"`(git fetch [^`]+)`", said)
    assert command is not None
    desk.git(*command[1].split()[1:], folder=other)
    assert desk.files(folder=other) == MERGED
