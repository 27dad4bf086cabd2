"""What a user asks to be run, and what becomes of asking: the values and errors of a submission."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from penstock.domain.budget import NO_CAP, Cap
from penstock.domain.changes import Finding
from penstock.domain.errors import UserError, WorldError
from penstock.domain.plan import Plan, Workstream
from penstock.domain.redaction import Redactor
from penstock.domain.run import Step
from penstock.engine.context import RunSettings

_RUN_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,63}")

SERVER = "server"


def check_run_id(run_id: str) -> None:
    """A run's id becomes a branch and a folder: refuse what can't be both."""
    if not _RUN_ID.fullmatch(run_id) or run_id.endswith((".", ".lock")) or run_id == "latest":
        raise UserError(
            f"{run_id!r} can't name a run",
            hint="use letters, digits, dots, dashes and underscores, at most 64, beginning with a letter or digit",
        )


class NotTrusted(UserError):
    """The project brings commands that the user has not agreed to."""


class NoAgent(WorldError):
    """No agent is set and none is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a user asks to be run."""

    plan: Path | None = None
    workstream: str | None = None
    run_id: str | None = None
    max_parallel: int | None = None
    cap: Cap = NO_CAP
    """The most that the run may spend; the settings may say less."""
    begun_by: str = ""
    """Who begins with it as soon as it is stored, even after a restart: `SERVER`; empty where nobody has to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A run that is stored and may be driven."""

    run_id: str
    branch: str
    base: str
    base_branch: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a run would do, without doing it."""

    order: tuple[Workstream, ...]
    prompts: tuple[tuple[str, str], ...]
    settings: RunSettings
    base: str
    base_branch: str
    warnings: tuple[str, ...] = ()


PROMPT_CONTEXT = frozenset({"attempt", "note", "repo_root", "worktree_path"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptOrder:
    """A prompt that a program asks for: what an attempt at a bundle would be told, in a stored run or without one."""

    step: Step
    bundle: Mapping[str, Any]
    run_id: str = ""
    findings: tuple[Finding, ...] = ()
    number: int = 1
    note: str = ""
    worktree: str = ""
    repository: str = ""

    @classmethod
    def of(
        cls,
        step: Step,
        run: Mapping[str, Any] | str,
        ws: Mapping[str, Any] | str,
        bundle: Mapping[str, Any],
        context: Mapping[str, Any],
        errors: Sequence[Mapping[str, Any] | str] = (),
    ) -> PromptOrder:
        """The order that a program says, in the words of the phase plan: run and workstream by id or as their rows."""
        if unknown := sorted(set(context) - PROMPT_CONTEXT):
            possible = ", ".join(sorted(PROMPT_CONTEXT))
            raise UserError(f"the context of a prompt holds the unknown {unknown[0]!r}; possible are {possible}")
        ws_id = _named(ws, "ws_id")
        if ws_id and ws_id != bundle.get("id"):
            raise UserError(f"the bundle is that of {bundle.get('id')!r}, not of {ws_id!r}")
        given = {name: str(value) for name, value in context.items() if value not in (None, "")}
        number = given.get("attempt", "1")
        if not number.isdecimal() or not int(number):
            raise UserError(f"the context of a prompt names the attempt {number!r}; they are counted from 1")
        return cls(
            step=step,
            bundle=bundle,
            run_id=_named(run, "run_id"),
            findings=tuple(_finding(error) for error in errors),
            number=int(number),
            note=given.get("note", ""),
            worktree=given.get("worktree_path", ""),
            repository=given.get("repo_root", ""),
        )


def _named(said: Mapping[str, Any] | str, key: str) -> str:
    return said if isinstance(said, str) else str(said.get(key) or "")


def _finding(error: Mapping[str, Any] | str) -> Finding:
    if isinstance(error, str):
        return Finding(code="error", text=error)
    code = error.get("error_code") or error.get("code") or "error"
    text = error.get("message") or error.get("text") or error.get("signature") or ""
    return Finding(code=str(code), text=str(text))


def without_secrets(plan: Plan, redactor: Redactor) -> Plan:
    """The plan with its texts redacted: they get into prompts and commits. Commands stay as they are to be run."""
    return replace(
        plan,
        workstreams=tuple(
            replace(one, title=redactor.redact(one.title), tasks=tuple(map(redactor.redact, one.tasks)))
            for one in plan.workstreams
        ),
    )


def chosen(plan: Plan, only: str | None) -> tuple[Plan, tuple[str, ...]]:
    """The plan, or the one workstream of it that was asked for."""
    if only is None:
        return plan, ()
    for workstream in plan.workstreams:
        if workstream.id == only:
            alone = replace(workstream, depends_on=(), after=())
            needed = ", ".join(workstream.depends_on)
            warning = (f"{only} runs alone; what it depends on must be in the base already: {needed}",)
            return replace(plan, workstreams=(alone,)), warning if needed else ()
    known = ", ".join(workstream.id for workstream in plan.workstreams[:10])
    raise UserError(f"the plan has no workstream {only!r}; it has: {known}", hint="name one of them")
