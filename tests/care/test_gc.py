"""gc: lists what it would remove, removes just that, and never anything of a run that may still go on."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from care_desk import REVIEWED, Desk, bundle

from penstock.care.collecting import collect
from penstock.domain.errors import UserError
from penstock.epics import EpicWish

LATER = 40.0
"""Days after which nothing of an ended run is kept."""


def gc(desk: Desk, *, days: float = LATER, **wish: Any) -> list[dict[str, Any]]:
    async def sweep(penstock: Any) -> list[dict[str, Any]]:
        _, done = await collect(penstock.parts, **wish)
        return [one.as_json() for one in done]

    return desk.does(sweep, days=days)


def names(items: list[dict[str, Any]]) -> list[tuple[str, str | None, str]]:
    return [(item["kind"], item["run_id"], item["name"]) for item in items]


def of_run(desk: Desk, run: str) -> dict[str, str]:
    return {name: digest for name, digest in desk.content().items() if f"/{run}/" in name or name.endswith(f"/{run}")}


def begun(folder: Path) -> Desk:
    """A run that failed, one that is done, and one that waits for a person."""
    found = Desk(folder, bundle("ws-a"), bundle("ws-b", writes="src/elsewhere.txt"))
    assert found.run("r1") == "partial"
    found.plan(bundle("ws-c"), settings=REVIEWED)
    assert found.run("r2") == "running"
    return found


def scatter(desk: Desk) -> None:
    """What kills, other programs and bugs leave."""
    for name, content in {
        "environments/abc/bin/tool": "tool",
        ".worktrees/r1/ws-x/old.txt": "old",
        "clean/r1/1/left.txt": "left",
        "kept/r1/ws-b-1/big.bin": "big",
        "kept/r1/ws-b-1.json": '{"kept_at": "2020-01-01T00:00:00+00:00", "keep_days": 14}',
        "clean/.gone~r0~1~0/file": "half removed",
        "recordings/r1/calls/ws-a/edit/edit-1/0000/plain-000001.json": "{}",
        "recordings/r2/blocks/x.json": "{}",
    }.items():
        path = desk.state / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    report = desk.home / "logs/bug-20200101T000000Z-1.txt"
    report.parent.mkdir(exist_ok=True)
    report.write_text("a bug")
    long_ago = time.time() - 400 * 86400
    for path in (report, desk.state / "environments/abc"):
        os.utime(path, (long_ago, long_ago))


def test_the_dry_run_lists_exactly_what_the_real_one_removes_and_removes_nothing(desk: Desk) -> None:
    scatter(desk)
    spare = desk.state / ".worktrees/r1/.spares/1"  # what a killed owner kept for the run's next workstream
    spare.mkdir(parents=True)
    before, waiting = desk.content(), of_run(desk, "r2")
    listed = gc(desk, dry_run=True)
    assert desk.content() == before
    removed = gc(desk)
    assert names(listed) == names(removed)
    assert [item["reason"] for item in listed] == [item["reason"] for item in removed]
    assert [item["sentence"] for item in removed if not item["removed"]] == []
    assert set(names(listed)) == {
        ("worktree", "r1", "ws-x"),
        ("worktree", "r1", "ws-b"),
        ("checkouts", "r1", "r1"),
        ("kept", "r1", "ws-b-1"),
        ("logs", "r1", "r1"),
        ("recording", "r1", "r1"),
        ("snapshots", "r1", "ws-a"),
        ("snapshots", "r1", "ws-b"),
        ("environment", None, "abc"),
        ("scrap", None, "clean/.gone~r0~1~0"),
        ("objects", None, "repo.git"),
        ("report", None, "bug-20200101T000000Z-1.txt"),
    }
    sizes = {item["kind"]: item["bytes"] for item in listed}
    assert (sizes["kept"], sizes["environment"]) > (3, 3)
    assert of_run(desk, "r2") == waiting
    assert not (desk.state / "runs/r1").exists()
    assert not (desk.state / "recordings/r1").exists()
    assert (desk.state / "recordings/r2").exists()
    assert not spare.exists()
    assert not (desk.state / "environments/abc").exists()
    assert desk.own("for-each-ref", "refs/penstock/r1/ws-a") == ""
    assert desk.own("fsck", "--no-dangling", "--connectivity-only") == ""


def test_a_run_that_waits_goes_on_after_it(desk: Desk) -> None:
    gc(desk, older_than=0)
    gc(desk, older_than=0)
    assert desk.own("fsck", "--no-dangling") == ""
    desk.approve("r2", "ws-c")
    assert desk.resume("r2") == "completed"


def test_nothing_of_a_run_that_somebody_works_on_is_touched_nor_the_objects_beside_it(desk: Desk) -> None:
    desk.approve("r2", "ws-c")
    desk.resume("r2")
    with desk.held("r2"):
        items = gc(desk)
    assert {item["run_id"] for item in items} == {"r1"}
    assert "objects" not in {item["kind"] for item in items}


def test_what_is_young_stays(desk: Desk) -> None:
    assert [name for name in names(gc(desk, days=1.5)) if name[0] != "objects"] == []
    assert desk.worktree("r1", "ws-b").is_dir()


def test_a_second_time_there_is_nothing_left_but_what_the_first_kept(desk: Desk) -> None:
    gc(desk)
    again = gc(desk, days=LATER)
    assert [name for name in names(again) if name[0] not in ("snapshots", "objects")] == []


def test_a_failed_workstream_can_be_reset_after_its_remains_are_gone(desk: Desk) -> None:
    from penstock.domain.events import ResetAsked

    desk.plan(bundle("ws-c"))
    gc(desk)
    desk.does(lambda penstock: penstock.service.ask("r1", ResetAsked(workstream="ws-b")))
    assert desk.resume("r1") == "partial"


def test_a_merge_in_the_making_that_no_ref_names_survives(desk: Desk) -> None:
    """The start of a fix after a conflict is such a commit."""
    base = desk.loaded("r2").run.base
    tree = desk.own("rev-parse", f"{base}^{{tree}}")
    loose = desk.own("commit-tree", tree, "-p", base, "-m", "merge in the making")
    with closing(sqlite3.connect(desk.home / "penstock.db")) as database, database:
        said = json.loads(database.execute("select progress from workstreams where run_id = 'r2'").fetchone()[0])
        said = json.dumps({**said, "start": loose}, separators=(",", ":"))
        database.execute("update workstreams set progress = ? where run_id = 'r2'", (said,))
    long_ago = time.time() - 90 * 86400
    for path in (desk.state / "repo.git/objects").rglob("*"):
        if path.is_file():
            os.utime(path, (long_ago, long_ago))
    stray = desk.own("commit-tree", tree, "-p", base, "-m", "nobody's")
    os.utime(desk.state / "repo.git/objects" / stray[:2] / stray[2:], (long_ago, long_ago))
    gc(desk)
    assert desk.own("cat-file", "-t", loose) == "commit"
    with pytest.raises(subprocess.CalledProcessError):
        desk.own("cat-file", "-t", stray)


def test_what_an_epic_was_begun_from_survives_that_its_branch_was_rewritten(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"))

    async def begin(penstock: Any) -> str:
        penstock.projects.trust_here(penstock.projects.current())
        return (await penstock.epics.create(EpicWish(description="Write a mill")))[0]

    async def base(penstock: Any) -> str:
        return (await penstock.parts.pipelines.load(epic)).base

    epic = desk.does(begin)
    found = desk.does(base)
    desk.git("commit", "--quiet", "--amend", "--message=rewritten")
    assert desk.run("r1") == "completed"
    long_ago = time.time() - 90 * 86400
    for path in (desk.state / "repo.git/objects").rglob("*"):
        if path.is_file():
            os.utime(path, (long_ago, long_ago))
    gc(desk)
    assert desk.own("cat-file", "-t", found) == "commit"


def test_packs_that_are_shared_with_the_user_are_not_written_anew(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"))
    desk.git("gc", "--quiet")
    shared = {path.name for path in (desk.project / ".git/objects/pack").glob("*.pack")}
    assert desk.run("r1") == "completed"
    gc(desk)
    packs = list((desk.state / "repo.git/objects/pack").glob("*.pack"))
    assert shared <= {path.name for path in packs}
    assert all(path.stat().st_nlink > 1 for path in packs if path.name in shared)
    assert desk.own("fsck", "--no-dangling") == ""


@pytest.mark.slow
def test_a_kill_at_any_instant_is_harmless(desk: Desk) -> None:
    scatter(desk)
    command = [sys.executable, "-m", "penstock", "gc", "--older-than", "0"]
    waiting = of_run(desk, "r2")
    for moment in range(0, 12, 2):
        sweeping = subprocess.Popen(command, cwd=desk.project, env=desk.environ, stdout=subprocess.PIPE, text=True)
        assert sweeping.stdout is not None
        for _ in range(moment):
            if not sweeping.stdout.readline():
                break
        sweeping.kill()
        sweeping.communicate()
    done = subprocess.run(command, cwd=desk.project, env=desk.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert of_run(desk, "r2") == waiting
    assert desk.own("fsck", "--no-dangling", "--connectivity-only") == ""
    assert not desk.worktree("r1", "ws-b").exists()
    desk.approve("r2", "ws-c")
    assert desk.resume("r2") == "completed"


def test_an_age_below_zero_is_refused(desk: Desk) -> None:
    with pytest.raises(UserError, match="0 or more are possible"):
        gc(desk, older_than=-1)


def test_an_age_beyond_all_time_removes_nothing_that_has_one(desk: Desk) -> None:
    removed = {one["kind"] for one in gc(desk, older_than=99_999_999_999)}
    assert removed.isdisjoint({"kept", "snapshots", "report", "environment"})


def test_what_the_store_does_not_know_goes_by_age_alone_and_objects_stay_for_it(desk: Desk) -> None:
    folder = desk.worktree("r0", "ws-x")
    folder.mkdir(parents=True)
    (folder / "old.txt").write_text("old")
    young = names(gc(desk, days=1.5))
    assert [name for name in young if name[1] == "r0" or name[0] == "objects"] == []
    assert ("worktree", "r0", "ws-x") in names(gc(desk))
    assert not folder.exists()
    assert (desk.state / "kept/r0/ws-x-1/old.txt").is_file()


def test_a_store_that_was_lost_does_not_cost_the_work_of_its_runs(desk: Desk) -> None:
    for path in desk.home.glob("penstock.db*"):
        path.unlink()
    kept = desk.content()
    assert gc(desk, days=1.0) == []
    assert desk.content() == kept
    shutil.rmtree(desk.state / "looks", ignore_errors=True)
