"""From artifacts to the bundles of the next run, and from what runs have made to what roles are shown of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from penstock.config.pipeline import PipelineSettings
from penstock.domain.run import Run
from penstock.epics import runs
from penstock.epics.desk import Desk
from penstock.intake.bundles import BundleValidationError
from penstock.planning.change_sets import change_set_of
from penstock.planning.drafts import Planned, PlanRules, PlanUnsound
from penstock.planning.fixing import fixing_plan
from penstock.planning.leftovers import done_of, replan_sections
from penstock.planning.naming import change_of
from penstock.planning.plans import plan_of
from penstock.planning.prompting import Section
from penstock.planning.reviews import CheckShown, review_sections

PLAN, REPORT, ARCHITECTURE, EPIC = "ba_spec", "qa_result", "arch_notes", "epic"
DIRECT = "model"
"""The agent that asks a model directly: where the user names no other."""
REVIEW_TOKENS, DELIVERY_TOKENS, LEFT_TOKENS = 24_000, 2_000, 6_000
MOST_DIFF = 1 << 20

Judged = tuple[Any, tuple[str, ...]]
Documents = tuple[Mapping[str, Any], ...]


async def checker(desk: Desk) -> Callable[[Any, tuple[str, ...]], Judged]:
    """Judges an analysis as the plan that it would be; PlanUnsound says what is wrong with that."""
    rules = await _rules(desk)

    def check(value: Any, warnings: tuple[str, ...]) -> Judged:
        planned = plan_of(value.model_dump(mode="json"), desk.payload(ARCHITECTURE), rules, epic=desk.payload(EPIC))
        _judge(desk, planned)
        return value, (*warnings, *planned.warnings)

    return check


async def documents_of(desk: Desk) -> Documents:
    """The bundles of the round's run: what a report did not pass, else what is planned and not done."""
    newest = next((one.type for one in reversed(desk.artifacts) if one.type in (PLAN, REPORT)), PLAN)
    before, rules = await _documents_before(desk), await _rules(desk)
    if newest == REPORT and before:
        planned = fixing_plan(desk.payload(REPORT), before, rules, number=desk.pipeline.round)
    else:
        planned = plan_of(desk.payload(PLAN), desk.payload(ARCHITECTURE), rules, epic=desk.payload(EPIC))
    _judge(desk, planned)
    return planned.documents


def _judge(desk: Desk, planned: Planned) -> None:
    """The intake judges the bundles like anybody's."""
    try:
        runs.judged(desk, planned.documents)
    except BundleValidationError as unsound:
        raise PlanUnsound([str(problem) for problem in unsound.problems]) from unsound


async def _rules(desk: Desk) -> PlanRules:
    opened = desk.opened
    options = desk.house.projects.plan_options(opened.project, opened.settings)
    done = [name for run in await _runs_before(desk) for name in done_of(desk.parts.views.run(run))]
    agent = opened.settings.node(PipelineSettings).agent or desk.house.projects.default_agent(opened.settings)
    return PlanRules(
        tool=agent or DIRECT,
        change=change_of(desk.pipeline.epic_id),
        files=await opened.parts.history.paths(desk.head),
        done=tuple(done),
        has_checks=options.has_checks,
        allow_unchecked=options.allow_unchecked,
        tool_commands=options.tool_commands,
        runners=options.runners,
        make_targets=options.make_targets,
        ignore_case=options.ignore_case,
    )


async def _runs_before(desk: Desk) -> list[str]:
    """The pipeline's runs that were stored, oldest first."""
    attempts = await desk.parts.pipelines.attempts(desk.pipeline.id)
    named = dict.fromkeys(one.run for one in attempts if one.run)
    return [run for run in named if await runs.exists(desk, run)]


async def _documents_before(desk: Desk) -> Documents:
    """The bundles of all its runs, of two with one id the newer."""
    found: dict[str, Mapping[str, Any]] = {}
    for run in await _runs_before(desk):
        loaded = await desk.parts.journal.load(run)
        found |= {str(one.get("id", "")): one for one in loaded.documents}
    return tuple(found.values())


async def what_is_left(desk: Desk, run: Run) -> tuple[Section, ...]:
    """A run that did not complete, told to who makes a new plan."""
    views, documents = desk.parts.views, await _documents_before(desk)
    told = replan_sections(views.run(run.id), views.errors(run.id), documents, max_tokens=LEFT_TOKENS)
    return tuple(_sections(desk, told))


async def what_was_made(desk: Desk) -> tuple[Section, ...]:
    """The true diff of the whole work, what was said of its tree, and how each workstream ended: planned again, the
    newer one counts.
    """
    views, before = desk.parts.views, await _runs_before(desk)
    verdicts = [row for run in before for row in views.verdicts(run)]
    newest = {row["ws_id"]: row for run in before for row in views.run(run)["workstreams"]}
    passed = dict.fromkeys(command for row in verdicts[-1:] for command in row["checks"])
    told = review_sections(
        await _diff(desk),
        verdicts,
        [CheckShown(command=command, passed=True) for command in passed],
        tuple(newest.values()),
        max_tokens=REVIEW_TOKENS,
    )
    return tuple(_sections(desk, told))


async def what_is_delivered(desk: Desk) -> tuple[Section, ...]:
    """The diff, as far as who writes a message needs it."""
    told = review_sections(await _diff(desk), (), (), (), max_tokens=DELIVERY_TOKENS)
    return tuple(_sections(desk, told))


async def change_set(desk: Desk, head: str) -> dict[str, Any]:
    """What a run has made, read from its tree."""
    return await change_set_of(desk.opened.parts.history, desk.pipeline.base, head, redact=desk.redact)


async def _diff(desk: Desk) -> str:
    found = await desk.opened.parts.history.diff(desk.pipeline.base, desk.head, max_bytes=MOST_DIFF)
    return desk.redact(found)


def _sections(desk: Desk, told: tuple[tuple[str, str], ...]) -> Iterator[Section]:
    return (Section(title=title, text=desk.redact(text)) for title, text in told)
