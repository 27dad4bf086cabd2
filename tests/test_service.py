"""The use cases with real parts: submitting, driving, asking; in one process that is always the only owner."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from command_support import performed
from penstock.adapters.processes.confiner import NotConfinable
from penstock.adapters.processes.trial import Trial
from penstock.domain.decision import Note
from penstock.domain.errors import UserError
from penstock.domain.events import Approved, CancelAsked, PauseAsked, Rejected, ResetAsked, ResumeAsked
from penstock.domain.plan import Plan, Scope, Workstream
from penstock.domain.refusals import EventRefused
from penstock.domain.run import Run
from penstock.domain.states import RunState
from penstock.engine.loop import Loop
from penstock.ports import Holder
from penstock.projects import BaseNotClean
from penstock.submission import NoAgent, NotTrusted, Submission
from service_support import SETTINGS, Desk, awaited, bundle

SCRIPT = [[{"write": {"path": "a", "content": "x"}}]]
REVIEWED = 'approvals = ["review"]\n' + SETTINGS


@awaited
async def test_a_submitted_run_is_worked_on_to_its_end(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"), bundle("ws-b", depends_on=["ws-a"]))
    penstock = desk.trusted()
    submitted = await penstock.service.submit(Submission(max_parallel=1))
    assert submitted.branch == f"penstock/{submitted.run_id}"
    assert submitted.warnings == ()
    assert await penstock.service.latest_unfinished() == submitted.run_id
    run = await penstock.service.work(submitted.run_id)
    assert run.state is RunState.COMPLETED
    assert desk.git("rev-parse", submitted.branch) == run.published == run.head
    events = penstock.parts.views.events(submitted.run_id)
    runs = [event["payload"] for event in events if event["event_type"] == "tool_run"]
    assert {one["command"] for one in runs} >= {"! grep -rq BROKEN src", "test -f src/ws-a.txt"}
    assert all(one["exit_code"] == 0 and one["duration"] >= 0 and one["confined"] is False for one in runs)
    assert {attempt["confined"] for attempt in penstock.parts.views.attempts(submitted.run_id)} == {False}
    with pytest.raises(UserError, match="no run of project is unfinished"):
        await penstock.service.latest_unfinished()
    await penstock.close()


@awaited
async def test_an_unfinished_run_is_found_behind_many_newer_ones(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"))
    penstock = desk.trusted()
    submitted = await penstock.service.submit(Submission())
    with closing(sqlite3.connect(desk.home / "penstock.db")) as database, database:
        names = [row[1] for row in database.execute("pragma table_info(runs)")]
        other = {"run_id": "?", "created_at": "'2999' || substr(created_at, 5)", "status": "'failed'"}
        copied = ", ".join(other.get(name, name) for name in names)
        copies = [(f"copy-{number}",) for number in range(51)]
        database.executemany(f"insert into runs select {copied} from runs where run_id = '{submitted.run_id}'", copies)
    assert await penstock.service.latest_unfinished() == submitted.run_id
    await penstock.close()
    own = {"PATH": os.environ["PATH"], "HOME": str(desk.home), "PENSTOCK_HOME": str(desk.home)}
    listed = await asyncio.to_thread(performed, "show-run", environ=own, folder=desk.project)
    assert submitted.run_id not in listed.out
    assert listed.err == "there are older runs, too: `penstock show-run --limit 100` lists more\n"
    whole = await asyncio.to_thread(performed, "show-run", "--limit", "52", environ=own, folder=desk.project)
    assert (submitted.run_id in whole.out, whole.err) == (True, "")


@awaited
async def test_what_would_run_is_shown_before_it_is_trusted_and_nothing_is_stored(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"))
    penstock = desk.penstock()
    with pytest.raises(NotTrusted, match="grep -rq BROKEN"):
        await penstock.service.submit(Submission())
    assert penstock.parts.views.runs() == []
    project = penstock.projects.current()
    async with penstock.projects.opened(project) as opened:
        assert "BROKEN" in opened.would_run
        penstock.projects.trust(opened)
    found = await penstock.service.preview(Submission())
    assert [name for name, _ in found.prompts] == ["ws-a"]
    assert "Write ws-a" in found.prompts[0][1]
    assert penstock.parts.views.runs() == []
    (desk.project / "penstock.toml").write_text(SETTINGS.replace("BROKEN", "WORSE"))
    desk.commit()
    with pytest.raises(NotTrusted, match="WORSE"):
        await penstock.service.submit(Submission())
    await penstock.close()


@awaited
async def test_a_run_that_must_be_confined_is_refused_where_nothing_confines_and_nothing_is_stored(
    tmp_path: Path,
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").symlink_to(str(shutil.which("git")))
    without = {"PATH": str(tmp_path / "bin")}
    desk = Desk(tmp_path, bundle("ws-a"))
    penstock = desk.trusted(PENSTOCK_CONFINE="required", **without)
    with pytest.raises(NotConfinable, match="bubblewrap"):
        await penstock.service.submit(Submission())
    assert penstock.parts.views.runs() == []
    await penstock.close()
    lenient = desk.penstock(PENSTOCK_CONFINE="auto", **without)
    submitted = await lenient.service.submit(Submission(run_id="run-1"))
    assert [one for one in submitted.warnings if "not confined" in one and "bubblewrap" in one]
    await lenient.close()


@awaited
async def test_a_run_is_never_confined_less_than_it_was_when_it_began(tmp_path: Path, trial: Trial) -> None:
    assert trial.fault == ""
    desk = Desk(tmp_path, bundle("ws-a"))
    penstock = desk.trusted(PENSTOCK_CONFINE="required")
    await penstock.service.submit(Submission(run_id="run-1"))
    await penstock.close()
    later = desk.penstock(PENSTOCK_CONFINE="off")
    await later.service.work("run-1")
    attempts = later.parts.views.attempts("run-1")
    assert {one["confined"] for one in attempts} == {True}
    assert later.parts.views.run("run-1")["confinement"] == {"confined": len(attempts), "unconfined": 0}
    await later.close()


@awaited
async def test_uncommitted_changes_are_said_or_refused_where_the_project_wants_a_clean_base(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"))
    (desk.project / "src" / "seed.txt").write_text("mine\n")
    (desk.project / "untracked.txt").write_text("mine too\n")
    penstock = desk.trusted()
    found = await penstock.service.preview(Submission())
    assert found.warnings == ("not committed, so not part of the run, which starts from main: src/seed.txt",)
    (desk.project / "penstock.toml").write_text("require_clean_base = true\n" + SETTINGS)
    desk.commit()
    (desk.project / "src" / "seed.txt").write_text("mine again\n")
    before = (desk.project / ".git" / "index").read_bytes()
    with pytest.raises(BaseNotClean, match=r"not committed: src/seed\.txt"):
        await penstock.service.submit(Submission())
    assert (desk.project / ".git" / "index").read_bytes() == before
    assert penstock.parts.views.runs() == []
    desk.commit()
    assert (await penstock.service.preview(Submission())).warnings == ()
    await penstock.close()


@awaited
async def test_many_uncommitted_files_are_counted(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"))
    for number in range(7):
        (desk.project / "src" / f"{number}.txt").write_text("x\n")
    desk.git("add", "--all")
    found = await (penstock := desk.trusted()).service.preview(Submission())
    assert "src/4.txt and 2 more" in found.warnings[0]
    await penstock.close()


@awaited
async def test_a_workstream_without_an_agent_is_given_the_default_or_refused(tmp_path: Path) -> None:
    penstock = Desk(tmp_path).penstock()
    own = Workstream(id="ws-a", tasks=("do it",), scope=Scope(files=("a",)), origin={"metadata": {"scripted": SCRIPT}})
    project = penstock.projects.current()
    async with penstock.parts.project(project.id, project.path, penstock.parts.settings({})) as parts:
        with pytest.raises(NoAgent, match=r"no agent is set for ws-a; configured are: .*scripted"):
            penstock.submitting._with_agents(Plan(workstreams=(own,)), parts, "")
        (given,) = penstock.submitting._with_agents(Plan(workstreams=(own,)), parts, "scripted").workstreams
    assert given.agent == "scripted"
    await penstock.close()


@awaited
async def test_one_workstream_can_be_run_alone(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"), bundle("ws-b", depends_on=["ws-a"]))
    penstock = desk.trusted()
    found = await penstock.service.preview(Submission(workstream="ws-b"))
    assert [one.id for one in found.order] == ["ws-b"]
    assert any("ws-b runs alone" in warning for warning in found.warnings)
    assert (await penstock.service.preview(Submission(workstream="ws-a"))).warnings == ()
    with pytest.raises(UserError, match="the plan has no workstream 'ws-x'; it has: ws-a, ws-b"):
        await penstock.service.preview(Submission(workstream="ws-x"))
    await penstock.close()


@awaited
async def test_a_run_that_nobody_owns_takes_a_request_at_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"), settings=REVIEWED)
    penstock = desk.trusted()
    await penstock.service.submit(Submission(run_id="r1"))
    with pytest.raises(EventRefused, match="run r1: the run has not begun"):
        await penstock.service.ask("r1", ResumeAsked())
    await penstock.service.work("r1")
    answer = await penstock.service.ask("r1", Approved(workstream="ws-a"))
    assert answer.holder is None
    assert penstock.parts.views.request(answer.request_id)["taken_at"]
    with pytest.raises(EventRefused, match="not waiting for a review"):
        await penstock.service.ask("r1", Approved(workstream="ws-a"))
    with pytest.raises(EventRefused, match="only a failed workstream can be reset"):
        await penstock.service.ask("r1", ResetAsked(workstream="ws-a"))
    run = await penstock.service.work("r1", resume=True)
    assert run.state is RunState.COMPLETED
    with pytest.raises(EventRefused, match="run r1 is completed"):
        await penstock.service.ask("r1", PauseAsked())
    await penstock.close()


@awaited
async def test_a_cancel_ends_a_run_that_was_never_begun_and_one_that_waits(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"), settings=REVIEWED)
    penstock = desk.trusted()
    for name in ("r1", "r2"):
        await penstock.service.submit(Submission(run_id=name))
    await penstock.service.work("r2")
    for name in ("r1", "r2"):
        await penstock.service.ask(name, CancelAsked())
        assert penstock.parts.views.run(name)["status"] == "abandoned"
    await penstock.close()


@awaited
async def test_a_request_to_a_run_that_is_owned_is_left_for_its_owner(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"))
    penstock = desk.trusted()
    other = desk.penstock()
    await penstock.service.submit(Submission(run_id="r1"))
    held = await other.parts.locks.acquire("r1")
    assert not isinstance(held, Holder)
    answer = await penstock.service.ask("r1", CancelAsked())
    assert answer.holder == penstock.service.holder("r1")
    assert not penstock.parts.views.request(answer.request_id)["taken_at"]
    held.release()
    await penstock.service.work("r1")
    assert penstock.parts.views.request(answer.request_id)["taken_at"]
    assert penstock.parts.views.run("r1")["status"] == "abandoned"
    await other.close()
    await penstock.close()


class LastMoment:
    """The locks of a process, and what somebody does in the instant before one is given back."""

    def __init__(self, locks: Any, act: Any) -> None:
        self._locks, self._act, self._held = locks, act, None

    async def acquire(self, run_id: str) -> Any:
        self._held = await self._locks.acquire(run_id)
        return self._held if isinstance(self._held, Holder) else self

    def holder(self, run_id: str) -> Any:
        return self._locks.holder(run_id)

    def release(self) -> None:
        act, self._act = self._act, lambda: None
        act()
        assert self._held is not None
        self._held.release()


@awaited
async def test_what_is_asked_for_just_before_the_lock_is_released_does_not_lie_there(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"), settings=REVIEWED)
    penstock = desk.trusted()
    await penstock.service.submit(Submission(run_id="r1"))
    penstock.parts.database.close()

    def ask_late() -> None:
        with sqlite3.connect(desk.home / "penstock.db") as connection:
            connection.execute(
                "INSERT INTO inbox (run_id, type, payload, version, created_at) VALUES (?, ?, ?, ?, ?)",
                ("r1", "cancel_asked", "{}", 1, "2026-01-01 00:00:00.000000"),
            )
        connection.close()

    again = desk.penstock()
    again.parts.__dict__["locks"] = LastMoment(again.parts.locks, ask_late)
    run = await again.service.work("r1")
    assert run.state is RunState.ABANDONED
    assert await again.parts.journal.waiting("r1") == ()
    await again.close()


def _writes(content: str) -> dict[str, object]:
    return {"write": {"path": "src/ws-a.txt", "content": content}}


@awaited
async def test_no_secret_of_the_user_is_stored_or_committed(tmp_path: Path) -> None:
    secret = "s3cr3t-of-the-user"
    own = bundle("ws-a", tasks=[f"Log in with {secret}"])
    own["metadata"] = {"title": f"Use {secret}", "scripted": [[_writes("1\n")], [_writes("2\n")]]}
    checks = 'leak = "echo leaked: $(cat src/seed.txt); test -f src/done || true"\n'
    settings = REVIEWED.replace("[checks]\n", f"[checks]\n{checks}")
    desk = Desk(tmp_path, own, settings=settings)
    (desk.project / "src" / "seed.txt").write_text(f"{secret}\n")
    desk.commit()
    penstock = desk.trusted(MY_API_KEY=secret)
    await penstock.service.submit(Submission(run_id="r1"))
    await penstock.service.work("r1")
    await penstock.service.ask("r1", Rejected(workstream="ws-a", note=f"do not use {secret}", by="me"))
    await penstock.service.work("r1", resume=True)
    await penstock.close()
    with sqlite3.connect(desk.home / "penstock.db") as connection:
        for table in ("events", "errors", "inbox", "approvals", "commands", "step_attempts", "check_results"):
            rows = str(connection.execute(f"SELECT * FROM {table}").fetchall())
            assert secret not in rows, table
    connection.close()
    prompts = list(desk.home.glob("projects/*/runs/r1/*/*/prompt.txt"))
    assert len(prompts) == 2
    assert all(secret not in prompt.read_text() for prompt in prompts)
    own_repository = next(desk.home.glob("projects/*/repo.git"))
    assert secret not in desk.git("--git-dir", str(own_repository), "log", "--all", "--format=%B")


@awaited
async def test_the_loop_is_handed_out_and_its_turns_are_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"))
    penstock = desk.trusted()
    await penstock.service.submit(Submission(run_id="r1"))
    loops: list[Loop] = []
    told: list[str] = []

    def watch(run: Run, notes: list[Note]) -> None:
        told.extend(note.type for note in notes)

    await penstock.service.work("r1", control=loops.append, watch=watch)
    assert len(loops) == 1
    assert {"workstream_start", "step_start", "step_end", "tool_run", "workstream_end"} <= set(told)
    await penstock.close()
