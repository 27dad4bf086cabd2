"""The demo's epic: a sentence becomes merged, tested code, phase by phase. What models answer was recorded beforehand,
unless it is live; all else is real.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from penstock.demo.sample import MAIN, Sample
from penstock.demo.standing import Standing, standing, tried
from penstock.domain.usage import Tokens
from penstock.reports import pipelines as report
from penstock.reports import tokens

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.demo.console import Console
    from penstock.domain.pipelines import PipelineNote

EPIC = "Tell how many households a water mill could serve: a function with tests, and a short report that prints it."
MOST_PHASES = 20
TESTS_BEFORE = 3
"""So many tests the sample project has by itself."""
WAY = ("pm_phase", "arch_phase", "ba_phase", "dev_phase", "qa_phase")
BACK = ("dev_phase", "qa_phase")
END = ("commit_phase", "complete")
PERSON = "the demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class EpicOutcome:
    """The facts that decide whether the demo succeeded. Each is looked at, none is concluded from another."""

    way: tuple[str, ...]
    """The states that the pipeline went through."""
    artifacts: tuple[str, ...]
    """The types that are stored, each once."""
    pushed: bool
    """The branch in the sample repository is at the commit that the pipeline ended with."""
    tests_pass: bool
    """The tests of the branch pass in a clean clone, and there are more of them than before."""
    is_counted: bool
    """The bill adds up: every phase that asked a model is on it, and no other."""
    main_is_unchanged: bool
    """The sample's own branch, its HEAD and its files are as they were."""


MEANT = EpicOutcome(
    way=(*WAY, *BACK, *END),
    artifacts=("arch_notes", "ba_spec", "commit_result", "epic", "proposed_change_set", "qa_result"),
    pushed=True,
    tests_pass=True,
    is_counted=True,
    main_is_unchanged=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The facts, and what the report shows of them."""

    outcome: EpicOutcome
    pipeline: Mapping[str, Any]
    bill: Mapping[str, Any]
    tests: str
    graph: str


def differences(found: EpicOutcome, *, is_live: bool) -> list[str]:
    """What is not as it was meant to be, in words; a live model may take another way to the same end."""
    told = []
    for field in fields(found):
        wanted, there = getattr(MEANT, field.name), getattr(found, field.name)
        if field.name == "way" and is_live:
            wanted, there = wanted[-1:], there[-1:]
        if wanted != there:
            told.append(f"{field.name.replace('_', ' ')}: meant was {wanted}, found was {there}")
    return told


def beginning(sample: Sample, *, is_live: bool) -> list[str]:
    """What is about to happen, and what of it is not real."""
    answers = (
        "Your own models are asked, with your own key: see the bill at the end."
        if is_live
        else "What models answer was recorded beforehand and is played by the gateway: no key, no network."
    )
    return [
        f"Penstock demo in {sample.folder}",
        "",
        "A small Python project, and a wish in words:",
        f"  {EPIC}",
        "",
        answers,
        "All else is real: prompts, validation, the plan, worktrees, checks, merges, the bill.",
        "",
    ]


async def work(sample: Sample, penstock: Penstock, console: Console) -> str:
    """Take the epic to its end; the pipeline's id."""
    from penstock.epics import ApprovalNeeded, EpicWish  # noqa: PLC0415 - planning is slow to import

    penstock.projects.trust_here(penstock.projects.current())
    pipeline_id, _ = await penstock.epics.create(EpicWish(description=EPIC))

    def hear(note: PipelineNote) -> None:
        words = report.spoken(note.type, note.payload)
        if words is not None:
            console.line(f"  {words.step:<20} {words.result}", words.tone)

    for _ in range(MOST_PHASES):
        try:
            advanced = await penstock.epics.advance(pipeline_id, tell=hear)
        except ApprovalNeeded as needed:
            console.line(f"  {'approved':<20} {needed.sentence}", "warn")
            await penstock.epics.approve(pipeline_id, by=PERSON)
            continue
        if advanced.status != "active":
            break
    return pipeline_id


async def observe(sample: Sample, penstock: Penstock, pipeline_id: str, before: Standing) -> Seen:
    """Everything that there is to see of a pipeline that has ended."""
    return await asyncio.to_thread(_observed, sample, penstock, pipeline_id, before)


def _observed(sample: Sample, penstock: Penstock, pipeline_id: str, before: Standing) -> Seen:
    from penstock.ports import UsageFilter  # noqa: PLC0415 - as above

    views = penstock.parts.views
    pipeline = views.pipeline(pipeline_id)
    bill = views.token_report(UsageFilter(pipeline=pipeline_id))
    branch = pipeline["branch"]
    has_branch = bool(sample.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}"))
    count, tests = tried(sample, branch) if has_branch else (0, "there is no branch to test")
    asked = {one["phase"] for one in pipeline["attempts"]}
    outcome = EpicOutcome(
        way=tuple(move["to"] for move in pipeline["phase_history"]),
        artifacts=tuple(sorted({one["artifact_type"] for one in pipeline["artifacts"]})),
        pushed=has_branch and sample.git("rev-parse", f"refs/heads/{branch}") == pipeline["head"],
        tests_pass=count > TESTS_BEFORE,
        is_counted={row["key"] for row in bill["by_phase"]} == asked and _adds_up(bill),
        main_is_unchanged=standing(sample) == before,
    )
    graph = sample.git("log", "--graph", "--format=%h %s", f"{MAIN}..{branch}") if has_branch else ""
    return Seen(outcome=outcome, pipeline=pipeline, bill=bill, tests=tests, graph=graph)


def _adds_up(bill: Mapping[str, Any]) -> bool:
    rows = bill["by_phase"]
    parts = Tokens(input=sum(row["input_tokens"] for row in rows), output=sum(row["output_tokens"] for row in rows))
    return bool(parts.total == bill["total_tokens"] > 0)


def ending(sample: Sample, seen: Seen) -> list[str]:
    """What became of it, and where to look further."""
    parts = (_result(seen), _bill(seen), _look(sample, seen))
    return [line for part in parts for line in ("", *part)]


def _result(seen: Seen) -> Iterator[str]:
    yield f"What was made: the branch {seen.pipeline['branch']} of the sample repository"
    yield from (f"  {line}".rstrip() for line in seen.graph.splitlines())
    yield f"  its tests, run in a clean clone: {seen.tests}"
    yield f"  {MAIN} is {'as it was' if seen.outcome.main_is_unchanged else 'NOT as it was'}"


def _bill(seen: Seen) -> Sequence[str]:
    return ["The bill", *(f"  {line}".rstrip() for line in tokens.as_lines(seen.bill, "phase"))]


def _look(sample: Sample, seen: Seen) -> Iterator[str]:
    pipeline = seen.pipeline["pipeline_id"]
    yield "Look further"
    yield f"  git -C {shlex.quote(str(sample.project))} diff {MAIN}...{seen.pipeline['branch']}"
    yield f"  {sample.penstock} artifacts {pipeline} epic --format markdown"
    yield f"  {sample.penstock} epic show {pipeline}"
    yield f"  {sample.penstock} token-report --pipeline {pipeline}"
    yield f"Remove it all with: rm -r {shlex.quote(str(sample.folder))}"
