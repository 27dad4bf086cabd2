"""The use case of playing a run again from its recording, and comparing what comes of it, tree by tree."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from penstock.domain.errors import UserError
from penstock.domain.events import CancelAsked
from penstock.domain.run import new_run
from penstock.domain.states import TERMINAL_RUN
from penstock.engine import frozen
from penstock.engine.loop import Watch
from penstock.parts import Parts
from penstock.ports import Loaded, NewRun, Played
from penstock.projects import Projects
from penstock.service import Control, Service

COMPARED = ("edit", "fix")
BRANCH = ("", "branch")
"""Stands for all attempts together: what was merged. Which of them were merged at once is a matter of moments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One attempt, then and now."""

    workstream: str
    attempt: str
    tree: str
    """What came of it then; empty where it came to nothing."""
    tree_now: str
    differences: tuple[str, ...] = ()
    """What was asked otherwise than it was recorded."""
    has_equal_tool_outputs: bool = True

    @property
    def is_equal(self) -> bool:
        """Whether the same came of it."""
        return self.tree == self.tree_now


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A run that was played again."""

    run_id: str
    replay_id: str
    comparisons: tuple[Comparison, ...]
    status: str
    status_now: str

    @property
    def is_equal(self) -> bool:
        """Whether the same came of every attempt, and of the whole."""
        return self.status == self.status_now and all(one.is_equal for one in self.comparisons)


class Replays:
    """Runs, played again."""

    def __init__(self, parts: Parts, projects: Projects, service: Service) -> None:
        self._parts = parts
        self._projects = projects
        self._service = service

    async def replay(
        self, run_id: str, *, is_lenient: bool = False, watch: Watch | None = None, control: Control | None = None
    ) -> Replay:
        """Play a run again in a run of its own, which is not pushed; no model is called and no key needed."""
        loaded = await self._parts.journal.load(run_id)
        kept = frozen.from_json(loaded.settings)
        if kept.settings.replay_of:
            raise UserError(
                f"{run_id} is itself a replay of {kept.settings.replay_of}",
                hint=f"play that again: penstock replay {kept.settings.replay_of}",
            )
        if not loaded.run.plan.order or not loaded.run.base:
            raise UserError(f"run {run_id} never began: there is nothing to play again")
        replay_id = await self._begun(loaded, kept, is_lenient=is_lenient)
        run = await self._service.work(replay_id, watch=watch, control=control)
        if run.state not in TERMINAL_RUN:  # it can't go on, and nobody shall take it up
            await self._service.ask(replay_id, CancelAsked())
        return self._compared(run_id, replay_id)

    async def _begun(self, loaded: Loaded, kept: frozen.Frozen, *, is_lenient: bool) -> str:
        replay_id = f"replay-{loaded.run.id[:40]}-{secrets.token_hex(2)}"
        settings = replace(kept.settings, replay_of=loaded.run.id, is_lenient=is_lenient)
        run = new_run(id=replay_id, plan=loaded.run.plan, policy=kept.policy, branch=f"penstock/{replay_id}")
        await self._parts.journal.create(
            NewRun(
                run=replace(run, base=loaded.run.base),
                project=loaded.project,
                project_path=loaded.project_path,
                settings=frozen.to_json(replace(kept, settings=settings)),
                documents=loaded.documents,
            )
        )
        return replay_id

    def _compared(self, run_id: str, replay_id: str) -> Replay:
        views = self._parts.views
        then, now = self._trees(run_id), self._trees(replay_id)
        played = {(one.workstream, one.attempt): one for one in self._parts.models.played(replay_id)}
        comparisons = tuple(
            _comparison(place, then.get(place, ""), now.get(place, ""), played) for place in {**then, **now}
        )
        return Replay(
            run_id=run_id,
            replay_id=replay_id,
            comparisons=comparisons,
            status=views.run(run_id)["status"],
            status_now=views.run(replay_id)["status"],
        )

    def _trees(self, run_id: str) -> dict[tuple[str, str], str]:
        """What each attempt of an agent came to, of one that was made again the last, and what all came to."""
        rows = [row for row in self._parts.views.attempts(run_id) if row["step"] in COMPARED]
        verdicts = self._parts.views.verdicts(run_id)
        merged = {BRANCH: verdicts[-1]["tree"]} if verdicts else {}
        return {**{(row["ws_id"], _label(row)): row["tree"] or "" for row in rows}, **merged}


def _label(row: Mapping[str, Any]) -> str:
    prefix = "" if row["round"] == 1 else f"{row['round']}."
    return f"{prefix}{row['step']}-{row['attempt']}"


def _comparison(
    place: tuple[str, str], tree: str, tree_now: str, played: Mapping[tuple[str, str], Played]
) -> Comparison:
    workstream, attempt = place
    told = played.get(place)
    return Comparison(
        workstream=workstream,
        attempt=attempt,
        tree=tree,
        tree_now=tree_now,
        differences=told.differences if told else (),
        has_equal_tool_outputs=told.has_equal_tool_outputs if told else True,
    )
