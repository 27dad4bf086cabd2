"""Pipelines for people: the listing, one of them, and what happens to it as short lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from penstock.reports.notes import Spoken
from penstock.reports.plain import columns, details_of, duration, one_line, said_first
from penstock.reports.run import is_over, moment, next_steps

View = Mapping[str, Any]
LONGEST_WISH = 60
MOST_DETAILS = 40


def listing_text(pipelines: Sequence[View]) -> str:
    """The pipelines, newest first."""
    rows = [
        (one["pipeline_id"], one["state"], one["status"], _when(one["created_at"]), _wish(one, LONGEST_WISH))
        for one in pipelines
    ]
    return "\n".join(columns([("pipeline", "phase", "status", "created (UTC)", "epic"), *rows]))


def as_text(pipeline: View, run: View | None = None, *, holder: str = "") -> str:
    """One pipeline: how far it has come with the run of its phase, what it made, and what to do next."""
    why = pipeline.get("sentence") or ""
    rows = [
        ("epic", _wish(pipeline, 200)),
        ("status", f"{pipeline['status']}, {pipeline['state']}" + (f", worked on {holder}" if holder else "")),
        *((("why", said_first(why, 400)),) if why else ()),
        ("branch", f"{pipeline['branch']} at {pipeline['head'][:12]}" if pipeline.get("head") else pipeline["branch"]),
        *((("run", _run(run)),) if run is not None else ()),
        *((("budget", _budget(pipeline)),) if pipeline.get("token_budget") else ()),
    ]
    lines = [f"pipeline {one_line(pipeline['pipeline_id'])}", *columns(rows, indent="  ")]
    if details := details_of(why, MOST_DETAILS):
        lines += ["", *(f"  {line}" for line in details)]
    lines += ["", *columns([("phase", "outcome", "model", "took"), *_attempts(pipeline["attempts"])])]
    lines += ["", *columns([("artifact", "phase", "whose", "id"), *map(_artifact, pipeline["artifacts"])])]
    following = _next_steps(pipeline, run, holder)
    return "\n".join([*lines, "", *following] if following else lines)


def _run(run: View) -> str:
    why = f": {said_first(run['sentence'], 200)}" if run["sentence"] else ""
    return f"{run['run_id']}, {run['status']}{why}"


def _next_steps(pipeline: View, run: View | None, holder: str) -> list[str]:
    """What the reader can do now: first whatever keeps the run of the phase from its end."""
    if run is None or is_over(run) or pipeline["status"] != "active":
        return [next_step(pipeline)]
    first = next_steps(run, is_owned=bool(holder))
    return first if holder else [*first, f"then {next_step(pipeline)}" if first else next_step(pipeline)]


def next_step(pipeline: View) -> str:
    """The command that brings a pipeline on, or says what came of it."""
    name = one_line(pipeline["pipeline_id"])
    match pipeline["status"]:
        case "waiting":
            return f"it waits for your approval: penstock epic approve {name}"
        case "complete":
            return f"it is complete: the result is on the branch {one_line(pipeline['branch'])}"
        case "failed":
            return f"it has failed: see penstock artifacts {name}"
        case _:
            return f"go on with: penstock advance {name}"


def _wish(pipeline: View, most: int) -> str:
    return one_line(f"{pipeline['epic_id']}: {pipeline['description']}", most)


def _budget(pipeline: View) -> str:
    over = f", exceeded: {pipeline['alerted_tokens']:,}" if pipeline.get("alerted_at") else ""
    return f"{pipeline['token_budget']:,} tokens{over}"


def _when(text: object) -> str:
    at = moment(text)
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def _attempts(attempts: Sequence[View]) -> Iterator[tuple[str, ...]]:
    """A row for each attempt at a phase; those in a row that came to the same share one."""
    for (phase, _, outcome, model), alike in groupby(attempts, key=_came_to):
        first, *more = alike
        last = more[-1] if more else first
        numbers = f" ({first['number']} to {last['number']})" if more else _again(first["number"])
        yield (f"{phase}{numbers}", outcome, model, _took(last))


def _came_to(attempt: View) -> tuple[str, int, str, str]:
    why = f": {said_first(attempt['sentence'], 200)}" if attempt["sentence"] else ""
    outcome = f"{attempt['outcome'] or 'under way'}{why}"
    return attempt["phase"], attempt["round"], outcome, attempt["model"] or "-"


def _again(number: int) -> str:
    return f" ({number})" if number > 1 else ""


def _took(attempt: View) -> str:
    began, ended = moment(attempt["started_at"]), moment(attempt["ended_at"])
    return duration((ended - began).total_seconds()) if began and ended else ""


def _artifact(artifact: View) -> tuple[str, ...]:
    return (artifact["artifact_type"], artifact["phase"], artifact["origin"], artifact["artifact_id"])


def spoken(kind: str, payload: View) -> Spoken | None:
    """What happened to a pipeline, in words; None for what says nothing new."""
    words = _WORDS.get(kind)
    return None if words is None else words(payload)


def _started(payload: View) -> Spoken:
    number = payload.get("number")
    again = f", for the {number}. time" if isinstance(number, int) and number > 1 else ""
    warning = payload.get("warning")
    said = f"begins: {payload.get('role')} is asked{again}{f'; {warning}' if warning else ''}"
    return Spoken(step=str(payload.get("phase")), result=said, tone="warn" if warning else "")


def _says(step: str, key: str, tone: str = "") -> Callable[[View], Spoken]:
    return lambda payload: Spoken(
        step=str(payload.get("phase") or step), result=said_first(payload.get(key) or step), tone=tone
    )


_WORDS: Mapping[str, Callable[[View], Spoken]] = {
    "phase_started": _started,
    "artifact_stored": lambda payload: Spoken(
        step=str(payload.get("type")), result=f"stored as {payload.get('artifact_id')}"
    ),
    "phase_passed": lambda payload: Spoken(
        step=str(payload.get("phase")), result=f"passed, next is {payload.get('next') or 'nothing'}", tone="good"
    ),
    "phase_returned": lambda payload: Spoken(
        step=str(payload.get("phase")), result=f"back to {payload.get('to')}: {payload.get('why')}", tone="warn"
    ),
    "phase_replanned": lambda payload: Spoken(
        step=str(payload.get("phase")), result=f"planned anew, round {payload.get('round')}", tone="warn"
    ),
    "phase_failed": _says("failed", "sentence", "bad"),
    "approval_asked": _says("waits", "why", "warn"),
    "run_started": lambda payload: Spoken(step="run", result=f"{payload.get('run_id')} begins"),
    "run_ended": lambda payload: Spoken(step="run", result=f"{payload.get('run_id')} is {payload.get('state')}"),
    "budget_alert": lambda payload: Spoken(
        step="budget",
        result=f"exceeded: {payload.get('used_tokens'):,} tokens of {payload.get('budget_tokens'):,}",
        tone="warn",
    ),
    "pipeline_completed": lambda payload: Spoken(step="complete", result=f"on {payload.get('branch')}", tone="good"),
    "pipeline_failed": _says("failed", "sentence", "bad"),
}
