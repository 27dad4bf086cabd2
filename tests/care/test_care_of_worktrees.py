"""Worktrees: listed and judged without a touch, made, cleaned up only after everything in them is kept."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from care_desk import REVIEWED, SETTINGS, Desk, bundle, project_of

from penstock.care.cleaning import Cleaned, Wish, cleaned_up
from penstock.care.scope_report import ScopeReport, validated
from penstock.care.worktrees import NothingWorksThere, WorktreeInfo, initialised, listed, status
from penstock.domain.errors import UserError
from penstock.domain.plan import Scope
from penstock.engine.owner import RunIsOwned


def begun(folder: Path) -> Desk:
    """A run whose one workstream waits for a person, in its worktree."""
    found = Desk(folder, bundle("ws-a"), settings=REVIEWED)
    assert found.run("r1") == "running"
    return found


def infos(desk: Desk) -> list[WorktreeInfo]:
    return desk.does(lambda penstock: listed(penstock.parts, project_of(penstock)))


def clean(desk: Desk, **wish: object) -> list[Cleaned]:
    return desk.does(lambda penstock: cleaned_up(penstock.parts, project_of(penstock), Wish(**wish)))  # type: ignore[arg-type]


def judged(desk: Desk, given: Scope | None = None) -> ScopeReport:
    return desk.does(lambda penstock: validated(penstock.parts, project_of(penstock), "ws-a", "", given))


def test_a_worktree_is_listed_with_all_that_is_known_of_it(desk: Desk) -> None:
    (found,) = infos(desk)
    assert (found.run_id, found.ws_id, found.exists, found.clean) == ("r1", "ws-a", True, False)
    assert (found.branch, found.base_branch) == ("ws/OS-1/ws-a-r1", "penstock/r1")
    assert found.path == str(desk.worktree("r1", "ws-a"))
    assert found.last_commit == desk.own("rev-parse", "refs/penstock/r1/ws-a/1")
    assert found.status_summary.startswith("reviewing: 1 created since ")


def test_looking_at_a_worktree_changes_nothing_even_where_something_was_planted(desk: Desk) -> None:
    planted = desk.state / "repo.git/config"
    planted.write_text(planted.read_text() + "[core]\n\tfsmonitor = touch /nonexistent\n")
    (desk.worktree("r1", "ws-a") / ".gitattributes").write_text("* filter=evil\n")
    before = desk.content()
    (found,) = infos(desk)
    assert "2 created" in found.status_summary
    assert desk.content() == before


def test_one_that_has_no_folder_is_shown_as_such(desk: Desk) -> None:
    clean(desk, workstream="ws-a", force=True)
    found = desk.does(lambda penstock: status(penstock.parts, project_of(penstock), "ws-a", "r1"))
    assert (found.exists, found.clean, found.ws_id) == (False, None, "ws-a")
    with pytest.raises(UserError, match="no run of project has a workstream 'ws-b'"):
        desk.does(lambda penstock: status(penstock.parts, project_of(penstock), "ws-b", ""))


def test_what_an_unfinished_run_goes_on_in_stays_unless_it_is_forced(desk: Desk) -> None:
    (left,) = clean(desk)
    assert (left.removed, left.reason) == (False, "its run goes on in it")
    (shown,) = clean(desk, force=True, dry_run=True)
    assert (shown.goes, shown.removed) == (True, False)
    assert desk.worktree("r1", "ws-a").is_dir()


def test_a_forced_one_is_kept_first_and_its_run_goes_on_without_it(desk: Desk) -> None:
    (desk.worktree("r1", "ws-a") / "note.txt").write_text("by hand\n")
    (gone,) = clean(desk, workstream="ws-a", force=True)
    assert gone.removed
    assert gone.snapshot is not None
    assert desk.own("show", f"{gone.snapshot}:note.txt") == "by hand"
    assert infos(desk) == []
    desk.approve("r1", "ws-a")
    assert desk.resume("r1") == "completed"


def test_what_was_lent_to_a_killed_attempt_enters_no_snapshot(desk: Desk) -> None:
    secret = desk.worktree("r1", "ws-a") / "secrets.env"
    secret.write_text("mine\n")
    digest = hashlib.sha256(b"mine\n").hexdigest()
    record = desk.state / "runs/r1/ws-a/edit-1/furnished.json"
    record.write_text(json.dumps({"folders": [], "links": [], "copies": [["secrets.env", digest]]}))
    (gone,) = clean(desk, force=True)
    assert desk.own("ls-tree", "--name-only", gone.snapshot or "").split() == ["penstock.toml", "src", "workstreams"]


def test_the_worktrees_of_a_run_that_somebody_works_on_are_never_touched(desk: Desk) -> None:
    with desk.held("r1"):
        (left,) = clean(desk, force=True)
    assert (left.removed, left.is_owned) == (False, True)
    assert "run r1 is being worked on by process" in left.reason


def test_the_folder_of_an_unknown_run_is_an_orphan_and_its_content_is_moved_aside(desk: Desk) -> None:
    orphan = desk.worktree("r0", "ws-x")
    orphan.mkdir(parents=True)
    (orphan / "work.txt").write_text("precious\n")
    gone = next(one for one in clean(desk, orphans=True) if one.run_id == "r0")
    assert gone.removed
    assert gone.moved_to is not None
    assert (Path(gone.moved_to) / "work.txt").read_text() == "precious\n"
    assert desk.worktree("r1", "ws-a").is_dir()


def test_what_a_killed_owner_left_of_a_done_workstream_is_an_orphan(desk: Desk) -> None:
    desk.approve("r1", "ws-a")
    assert desk.resume("r1") == "completed"
    left = desk.worktree("r1", "ws-a")
    left.mkdir(parents=True)
    (left / "late.txt").write_text("late\n")
    (gone,) = clean(desk)
    assert gone.removed
    assert not left.exists()


def test_a_failed_one_is_kept_for_inspection(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a", writes="src/elsewhere.txt"))
    assert desk.run("r1") == "failed"
    (left,) = clean(desk)
    assert (left.removed, left.reason.startswith("failed: kept")) == (False, True)
    (gone,) = clean(desk, force=True)
    assert gone.removed


def test_a_scope_is_judged_as_the_step_after_an_agent_would(desk: Desk) -> None:
    assert judged(desk).as_json() == {
        "changed_files": (),
        "created_files": ("src/ws-a.txt",),
        "out_of_scope_files": (),
        "violations": [],
        "ok": True,
    }
    worktree = desk.worktree("r1", "ws-a")
    (worktree / "src/seed.txt").write_text("other\n")
    (worktree / "penstock.toml").write_text("")
    found = judged(desk)
    assert found.changed_files == ("penstock.toml", "src/seed.txt")
    assert found.out_of_scope_files == ("penstock.toml", "src/seed.txt")
    assert not found.ok
    assert judged(desk, Scope(files=("src/",))).out_of_scope_files == ("penstock.toml",)
    with pytest.raises(UserError, match="can't be a scope"):
        judged(desk, Scope(files=("../up",)))


def test_a_worktree_can_be_made_for_what_still_works_and_is_left_alone_when_it_is_there(desk: Desk) -> None:
    clean(desk, force=True)
    info, is_new = desk.does(lambda penstock: initialised(penstock.parts, project_of(penstock), "r1", "ws-a"))
    assert (is_new, info.exists) == (True, True)
    (desk.worktree("r1", "ws-a") / "mine.txt").write_text("mine\n")
    info, is_new = desk.does(lambda penstock: initialised(penstock.parts, project_of(penstock), "r1", "ws-a"))
    assert (is_new, info.clean) == (False, False)
    with desk.held("r1"), pytest.raises(RunIsOwned):
        desk.does(lambda penstock: initialised(penstock.parts, project_of(penstock), "r1", "ws-a"))


def test_no_worktree_is_made_where_nothing_would_work(desk: Desk) -> None:
    desk.approve("r1", "ws-a")
    assert desk.resume("r1") == "completed"
    with pytest.raises(NothingWorksThere, match="run r1 is completed"):
        desk.does(lambda penstock: initialised(penstock.parts, project_of(penstock), "r1", "ws-a"))


def test_folders_of_the_user_beside_worktrees_in_his_project_are_not_ours(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a", writes="src/elsewhere.txt"), settings=f'worktree_root = "project"\n{SETTINGS}')
    assert desk.run("r1") == "failed"
    mine = desk.project / ".worktrees/feature/checkout"
    mine.mkdir(parents=True)
    (mine / "mine.txt").write_text("mine\n")
    (found,) = infos(desk)
    assert found.path == str(desk.project / ".worktrees/r1/ws-a")
    (gone,) = clean(desk, force=True, orphans=False)
    assert gone.removed
    assert (mine / "mine.txt").read_text() == "mine\n"
