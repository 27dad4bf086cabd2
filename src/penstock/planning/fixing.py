"""What was not passed becomes a plan of its own: the findings as tasks, within the scopes that the work had already.

A finding opens nothing: whatever place it names, its workstream may change what some workstream of the plan might.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from penstock.domain.scope import fault_of, matches_any, normalise
from penstock.planning.bundling import bundled
from penstock.planning.components import key_of
from penstock.planning.drafts import MOST_PATHS, MOST_WORKSTREAMS, Document, Draft, Planned, PlanRules, PlanUnsound
from penstock.planning.payloads import Payload, one_line, paths_in, rows_in, text_in, texts_in

MOST_NOTES = 6000
EVERY_PATH = MOST_PATHS * MOST_WORKSTREAMS
"""Whoever mends what all have made may change what all might: together that is more than one of them may name."""
SEVERITIES = ("critical", "high", "medium", "low")
_LINE = re.compile(r"(?::\d+(?:[-:,]\d+)*|#L\d+(?:-L?\d+)?|\s+\(?lines? .*)$", re.IGNORECASE)
Group = frozenset[int]
"""The places of the bundles that a finding is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Issue:
    place: str
    severity: str
    told: str
    must: bool


def fixing_plan(report: Payload, documents: Sequence[Document], rules: PlanRules, *, number: int) -> Planned:
    """The plan that mends what a report does not pass: one workstream per group of findings of the same scope.

    `documents` are the bundles of the work that was judged; `number` is the round, which the ids name.
    """
    if not documents:
        raise PlanUnsound(["there is no plan of which something could be mended"])
    groups: dict[Group, list[_Issue]] = {}
    for issue in _issues(report):
        groups.setdefault(_concerned(issue.place, documents), []).append(issue)
    drafts = [
        _draft(f"fix-{number}-{place}", group, issues, documents)
        for place, (group, issues) in enumerate(groups.items(), 1)
    ]
    return bundled(drafts, rules)


def _issues(report: Payload) -> list[_Issue]:
    """What has to be mended, the worst first; all of it where nothing is marked, and the advice where there is none."""
    found = [_issue(row) for row in rows_in(report, "issues")]
    wanted = [issue for issue in found if issue.must] or found
    if not wanted:
        advice = texts_in(report, "recommendations")
        told = f"What was made was not passed. {' '.join(advice)}".strip()
        wanted = [_Issue(place="", severity=SEVERITIES[1], told=told, must=True)]
    return sorted(wanted, key=lambda issue: SEVERITIES.index(issue.severity))


def _issue(row: Payload) -> _Issue:
    severity, place = text_in(row, "severity").casefold(), text_in(row, "location", most=500)
    severity = severity if severity in SEVERITIES else SEVERITIES[2]
    name = one_line(text_in(row, "id"), 80)
    category = one_line(text_in(row, "category"), 40)
    what = ", ".join(part for part in (severity, category) if part)
    told = f"{name} ({what})".strip() + (f" at {one_line(place)}" if place else "")
    return _Issue(
        place=place,
        severity=severity,
        told=f"{told}: {text_in(row, 'description') or 'to be mended'}",
        must=row.get("fix_required") is True,
    )


def _concerned(place: str, documents: Sequence[Document]) -> Group:
    """The bundles that a place lies in, by path, component or id; all of them where nobody can tell."""
    everywhere = frozenset(range(len(documents)))
    path, key = _LINE.sub("", place.strip()), key_of(place)
    if path and fault_of(path) is None:
        inside = [at for at, one in enumerate(documents) if matches_any(_scope_of(one), normalise(path))]
        if inside:
            return frozenset(inside)
    named = [at for at, one in enumerate(documents) if key and key in _names_of(one)]
    return frozenset(named) or everywhere


def _names_of(document: Document) -> set[str]:
    metadata = _metadata(document)
    return {key_of(str(document.get("id", ""))), key_of(text_in(metadata, "component"))}


def _scope_of(document: Document) -> tuple[str, ...]:
    return (*paths_in(document, "files_scope"), *paths_in(document, "files_create"))


def _draft(name: str, group: Group, issues: Sequence[_Issue], documents: Sequence[Document]) -> Draft:
    mine = [documents[place] for place in sorted(group)]
    notes = "\n".join(dict.fromkeys(text_in(_metadata(one), "notes", most=MOST_NOTES) for one in mine))
    components = dict.fromkeys(text_in(_metadata(one), "component") for one in mine)
    return Draft(
        name=name,
        title=one_line(f"Mend: {issues[0].told}", 100),
        component=next(iter(components)) if len(components) == 1 else "",
        tasks=tuple(issue.told for issue in issues),
        files_scope=_together(mine, "files_scope"),
        files_create=_together(mine, "files_create"),
        acceptance=tuple(line for line, is_command in _lines(mine) if is_command),
        criteria=tuple(line for line, is_command in _lines(mine) if not is_command),
        acceptance_files=_together(mine, "acceptance_files"),
        notes=notes[:MOST_NOTES],
        stories=tuple(dict.fromkeys(story for one in mine for story in texts_in(_metadata(one), "stories"))),
        most_paths=EVERY_PATH,
    )


def _metadata(document: Document) -> Payload:
    found = document.get("metadata")
    return found if isinstance(found, Mapping) else {}


def _together(documents: Sequence[Document], name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for one in documents for path in paths_in(one, name, most=EVERY_PATH)))


def _lines(documents: Sequence[Document]) -> list[tuple[str, bool]]:
    """Every line of acceptance once, and whether it is a command: what was one stays one."""
    found: dict[str, tuple[str, bool]] = {}
    for item in (item for one in documents for item in one.get("acceptance_tests", ())):
        if isinstance(item, Mapping):
            line = (f"run: {item['run']}", True) if "run" in item else (str(item.get("prose", "")), False)
        else:
            line = (str(item), True)
        found.setdefault(json.dumps(line), line)
    return list(found.values())
