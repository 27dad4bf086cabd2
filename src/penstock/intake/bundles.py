"""Workstream bundles: a folder or file of them becomes a `Plan`, or all that is wrong with it is said at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from penstock.domain.acceptance import RUNNERS, classify
from penstock.domain.plan import (
    Acceptance,
    AcceptanceKind,
    BreakerOverride,
    Plan,
    Priority,
    Scope,
    TestGate,
    Workstream,
)
from penstock.domain.scope import normalise
from penstock.intake import soundness
from penstock.intake.bundle_files import Entry, Source, find_sources, read
from penstock.intake.bundle_model import Bundle, schema
from penstock.intake.bundle_report import LineTaken, Report
from penstock.intake.positions import pointer
from penstock.intake.problems import (
    BundleCycleError,
    BundleDependencyError,
    BundleValidationError,
    FileScopeOverlapError,
    Problem,
    ProblemKind,
    error_for,
)

__all__ = [
    "BundleCycleError",
    "BundleDependencyError",
    "BundleOptions",
    "BundleValidationError",
    "FileScopeOverlapError",
    "LineTaken",
    "Loaded",
    "Problem",
    "ProblemKind",
    "Report",
    "Source",
    "check",
    "check_sources",
    "load",
    "load_sources",
    "schema",
    "source_of",
]

_ORIGIN = (
    "openspec_change",
    "ccpm_issue",
    "tool",
    "metadata",
    "capability",
    "capability_payload",
    "kind",
    "estimated_context_tokens",
    "max_cost_usd",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleOptions:
    """What the project says that decides how its bundles are read."""

    strict: bool = False
    tool_commands: Collection[str] = ()
    runners: Collection[str] = RUNNERS
    make_targets: Collection[str] | None = None
    allow_overlap: tuple[str, ...] = ()
    has_checks: bool = False
    allow_unchecked: bool = False
    check_groups: Mapping[str, int] | None = None
    """The check groups of the settings, and how many checks each has; None means that nobody looked."""
    ignore_case: bool = False
    find_agent: Callable[[Workstream], object] | None = None
    """Raises a UserError for a workstream whose agent can't be called; None means that nobody looks."""
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A sound plan, what was odd about its files, and each bundle in its normal form, by id."""

    plan: Plan
    warnings: tuple[Problem, ...]
    documents: Mapping[str, Mapping[str, Any]]


def load(path: Path, options: BundleOptions | None = None) -> Loaded:
    """The plan of a folder or file; raises one `BundleValidationError` with all problems."""
    return _loaded(*_examine(path, options or BundleOptions()))


def source_of(document: Mapping[str, Any]) -> Source:
    """A bundle that somebody holds in his hands, as if it stood in a file of its own."""
    return Source(name=f"{document.get('id', 'the bundle')}.json", content=json.dumps(document).encode())


def load_sources(sources: Iterable[Source], options: BundleOptions | None = None) -> Loaded:
    """The plan of files that were read elsewhere, such as a run's own copy."""
    return _loaded(*_examine_sources(sources, options or BundleOptions(), []))


def check(path: Path, options: BundleOptions | None = None) -> Report:
    """Everything that is wrong or odd, without raising."""
    return _examine(path, options or BundleOptions())[0]


def check_sources(sources: Iterable[Source], options: BundleOptions | None = None) -> Report:
    """As `check`, for files that were read elsewhere."""
    return _examine_sources(sources, options or BundleOptions(), [])[0]


def _loaded(report: Report, plan: Plan, entries: Sequence[Entry]) -> Loaded:
    if report.problems:
        raise error_for(report.problems)
    documents = {
        entry.bundle.id: entry.bundle.model_dump(mode="json", exclude_none=True) for entry in entries if entry.bundle
    }
    return Loaded(plan=plan, warnings=report.warnings, documents=documents)


def _examine(path: Path, options: BundleOptions) -> tuple[Report, Plan, Sequence[Entry]]:
    problems: list[Problem] = []
    sources = list(find_sources(path, problems))
    if not sources and not problems:
        remedy = "write a bundle there (*.json, *.yaml), or name another folder"
        problems.append(Problem(kind=ProblemKind.EMPTY, file=str(path), message="no bundle file here", remedy=remedy))
    return _examine_sources(sources, options, problems)


def _examine_sources(
    sources: Iterable[Source], options: BundleOptions, before: Sequence[Problem]
) -> tuple[Report, Plan, Sequence[Entry]]:
    reading = read(sources)
    entries = reading.entries
    acceptance = [_taken_of(entry, "acceptance_tests", options) for entry in entries]
    problems = [*before, *reading.problems]
    if not entries and not problems:
        file = reading.tolerated[0].file if reading.tolerated else ""
        problems.append(Problem(kind=ProblemKind.EMPTY, file=file, message="there is no bundle that could run"))
    allowed, faults = _allowed(options)
    problems += faults
    problems += soundness.duplicates(entries)
    problems += soundness.dependencies(entries)
    problems += soundness.shared_paths(entries, allowed, ignore_case=options.ignore_case)
    kinds = {number: [line.kind for line in lines] for number, lines in enumerate(acceptance)}
    is_enough = options.has_checks or options.allow_unchecked
    problems += soundness.test_gates(entries, options.check_groups)
    problems += soundness.unchecked(entries, kinds, is_enough=is_enough)
    workstreams = {
        number: _workstream(entry.bundle, acceptance[number], _taken_of(entry, "compensation_actions", options))
        for number, entry in enumerate(entries)
        if entry.bundle
    }
    if options.find_agent is not None:
        problems += soundness.agents(entries, workstreams, options.find_agent)
    warnings = [] if options.strict else reading.tolerated
    problems += reading.tolerated if options.strict else []
    report = Report(
        problems=_in_order(problems),
        warnings=_in_order(warnings),
        bundles_checked=len(entries),
        lines=tuple(line for entry in entries for line in _lines(entry, options)),
        gates={one.id: one.test_gates for one in workstreams.values() if one.test_gates},
    )
    plan = Plan(title=options.title, workstreams=tuple(workstreams.values()), allowed_overlaps=allowed.pairs)
    return report, plan, entries


def _allowed(options: BundleOptions) -> tuple[soundness.AllowedOverlaps, list[Problem]]:
    try:
        return soundness.AllowedOverlaps.of(options.allow_overlap), []
    except ValueError as error:
        problem = Problem(kind=ProblemKind.SCOPE, file="allow_overlap", message=str(error).splitlines()[0])
        return soundness.AllowedOverlaps(), [problem]


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda one: (one.file, one.line or 0)))


def _taken(field: str, item: object, options: BundleOptions) -> Acceptance:
    line = item if isinstance(item, str | Mapping) else ""
    taken = classify(
        line, tool_commands=options.tool_commands, runners=options.runners, make_targets=options.make_targets
    )
    if field == "compensation_actions" and taken.kind is AcceptanceKind.BUILTIN:
        return replace(taken, kind=AcceptanceKind.PROSE)  # a claim about files undoes nothing
    return taken


def _taken_of(entry: Entry, field: str, options: BundleOptions) -> tuple[Acceptance, ...]:
    items = entry.tidied.fields.get(field) if entry.bundle else None
    return tuple(_taken(field, item, options) for item in items) if isinstance(items, list) else ()


def _lines(entry: Entry, options: BundleOptions) -> Iterable[LineTaken]:
    if entry.bundle is None:
        return
    for name in ("acceptance_tests", "compensation_actions"):
        items = entry.tidied.fields.get(name)
        for number, item in enumerate(items if isinstance(items, list) else ()):
            taken = _taken(name, item, options)
            place = (*entry.place, *entry.tidied.original((name, number)))
            yield LineTaken(
                file=entry.source.name,
                line=entry.document.line_of(place),
                pointer=pointer(place),
                id=entry.bundle.id,
                text=taken.text,
                kind=taken.kind,
                field=name,
            )


def _workstream(bundle: Bundle, acceptance: tuple[Acceptance, ...], compensation: tuple[Acceptance, ...]) -> Workstream:
    written = bundle.model_dump(mode="json", exclude_none=True)
    title = (bundle.metadata or {}).get("title")
    breaker = bundle.circuit_breaker
    return Workstream(
        id=bundle.id,
        title=title if isinstance(title, str) else bundle.tasks[0],
        tasks=bundle.tasks,
        scope=Scope(files=tuple(map(normalise, bundle.files_scope)), create=tuple(map(normalise, bundle.files_create))),
        acceptance=acceptance,
        acceptance_files=tuple(map(normalise, bundle.acceptance_files)),
        test_gates=tuple(
            TestGate(group=gate.group, required=gate.required, blocking=gate.blocking) for gate in bundle.test_gates
        ),
        compensation=compensation,
        depends_on=tuple(dict.fromkeys(bundle.depends_on)),
        agent=bundle.capability or bundle.tool or "",
        gate=bundle.gate,
        priority=Priority(bundle.priority),
        parallel_ok=bundle.parallel_ok,
        conflict_group=bundle.conflict_group,
        breaker=BreakerOverride()
        if breaker is None
        else BreakerOverride(
            max_attempts=breaker.max_attempts,
            max_error_repeats=breaker.max_error_repeats,
            oscillation_threshold=breaker.oscillation_threshold,
        ),
        change=bundle.openspec_change,
        origin=MappingProxyType({name: written[name] for name in _ORIGIN if name in written}),
    )
