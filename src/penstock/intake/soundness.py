"""What must hold between bundles: ids of their own, dependencies that exist and end, scopes that nobody shares.

Bundles that were refused for something else still count by their id, so that one fault is not told twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from penstock.domain import dag
from penstock.domain.errors import UserError
from penstock.domain.plan import AcceptanceKind, Scope, Workstream
from penstock.domain.scope import is_literal, matches, normalise, overlaps
from penstock.intake.bundle_files import Entry
from penstock.intake.bundle_model import TestGate
from penstock.intake.problems import Problem, ProblemKind

MOST_OVERLAPS = 1000
MOST_COMPARED = 5_000
"""Ids that are compared with others to tell which one may have been meant: each takes tens of microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedOverlaps:
    """What may be shared: by pairs of ids, or by paths for everybody. Those who share still never run at once."""

    pairs: frozenset[frozenset[str]] = frozenset()
    paths: tuple[str, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> AllowedOverlaps:
        """From the settings: `ws-a,ws-b` is a pair, anything else a path or pattern."""
        pairs, paths = set(), []
        for entry in entries:
            ids = [name.strip() for name in entry.split(",")]
            if len(ids) == 2 and all(name.startswith("ws-") for name in ids):
                pairs.add(frozenset(ids))
            else:
                paths.append(normalise(entry))
        return cls(pairs=frozenset(pairs), paths=tuple(paths))

    def covers(self, pattern: str) -> bool:
        """True when everything that the pattern holds may be shared."""
        return any(
            allowed == pattern or (matches(allowed, pattern) and _is_contained(allowed, pattern))
            for allowed in self.paths
        )


def _is_contained(allowed: str, pattern: str) -> bool:
    return is_literal(pattern) or is_literal(allowed) or allowed.endswith(("/", "/**")) or allowed == "**"


def duplicates(entries: Sequence[Entry]) -> list[Problem]:
    """An id is one bundle's; the problem names both places."""
    first: dict[str, Entry] = {}
    problems = []
    for entry in entries:
        if entry.id is None:
            continue
        earlier = first.setdefault(entry.id, entry)
        if earlier is not entry:
            line = earlier.document.line_of((*earlier.place, *earlier.tidied.original(("id",))))
            message = f"the id is also that of {earlier.source.name}:{line} (this one: {entry.source.name})"
            remedy = "give one of them another id"
            problems.append(entry.problem(ProblemKind.DUPLICATE_ID, message, place=("id",), remedy=remedy))
    return problems


def _edges(entries: Sequence[Entry]) -> dict[str, list[str]]:
    edges: dict[str, list[str]] = {}
    for entry in entries:
        if entry.id is not None:
            others = entry.tidied.fields.get("depends_on")
            texts = [other for other in others if isinstance(other, str)] if isinstance(others, list) else []
            edges.setdefault(entry.id, []).extend(texts)
    return edges


def dependencies(entries: Sequence[Entry]) -> list[Problem]:
    """Every dependency exists, and no bundle waits for itself by any path."""
    edges = _edges(entries)
    by_id = {entry.id: entry for entry in reversed(entries) if entry.id is not None}
    problems = []
    places: dict[str, dict[str, int]] = {}
    for number, (name, other) in enumerate(dag.missing(edges)):
        if name not in places:
            places[name] = {one: place for place, one in reversed([*enumerate(edges[name])])}
        nearest = get_close_matches(other, edges, n=1) if number * len(edges) < MOST_COMPARED else []
        remedy = f"did you mean `{nearest[0]}`?" if nearest else "add that bundle, or take it out of depends_on"
        place = ("depends_on", places[name][other])
        message = f"depends_on names a bundle that isn't there: {name} -> {other}"
        problems.append(by_id[name].problem(ProblemKind.DEPENDENCY, message, place=place, remedy=remedy))
    for cycle in dag.cycles(edges):
        message = f"bundles wait for each other: {' -> '.join(cycle)}"
        place = ("depends_on", edges[cycle[0]].index(cycle[1]))
        remedy = "take one dependency out"
        problems.append(by_id[cycle[0]].problem(ProblemKind.CYCLE, message, place=place, remedy=remedy))
    return problems


def shared_paths(entries: Sequence[Entry], allowed: AllowedOverlaps, *, ignore_case: bool) -> list[Problem]:
    """Bundles that no chain of dependencies orders share no path, unless it is allowed."""
    edges = _without_cycles(_edges(entries))
    if edges is None:
        return []
    ancestry = dag.Ancestry.of(edges)
    first = {one.id: one for one in reversed(entries)}
    good = {ancestry.places[name]: one for name, one in first.items() if name is not None and one.bundle is not None}
    scopes = [_scope_to_compare(good.get(place), allowed) for place in range(len(ancestry.places))]
    excused = _excused(ancestry, allowed.pairs)
    found = overlaps(scopes, ignore_case=ignore_case, excused=excused, limit=MOST_OVERLAPS)
    return [_overlap_problem(good[one], good[other], mine, theirs) for one, other, mine, theirs in found]


def _without_cycles(edges: Mapping[str, Sequence[str]]) -> dict[str, list[str]] | None:
    """The edges without those that lead nowhere or round in circles; None if that can't be had cheaply."""
    kept = {name: [other for other in others if other in edges] for name, others in edges.items()}
    for _ in range(10):
        rings = dag.cycles(kept)
        if not rings:
            return kept
        for ring in rings:
            kept[ring[-2]] = [other for other in kept[ring[-2]] if other != ring[-1]]
    return None


def _excused(ancestry: dag.Ancestry, pairs: Collection[frozenset[str]]) -> list[int]:
    """For each place the bit set of those that it is ordered with or may share with."""
    excused = ancestry.ordered_with()
    for pair in pairs:
        if len(pair) == 2 and pair <= ancestry.places.keys():
            one, other = (ancestry.places[name] for name in pair)
            excused[one] |= 1 << other
            excused[other] |= 1 << one
    return excused


def _scope_to_compare(entry: Entry | None, allowed: AllowedOverlaps) -> Scope:
    if entry is None or entry.bundle is None:
        return Scope(files=())
    patterns = map(normalise, (*entry.bundle.files_scope, *entry.bundle.files_create))
    return Scope(files=tuple(pattern for pattern in patterns if not allowed.covers(pattern)))


def _place_of(entry: Entry, pattern: str) -> tuple[str, int]:
    if entry.bundle is not None:
        for name in ("files_scope", "files_create"):
            for number, written in enumerate(getattr(entry.bundle, name)):
                if normalise(written) == pattern:
                    return name, number
    return "files_scope", 0


def _overlap_problem(one: Entry, other: Entry, mine: str, theirs: str) -> Problem:
    first = one.problem(ProblemKind.OVERLAP, "", place=_place_of(one, mine))
    same = f"`{theirs}` is also in" if mine == theirs else f"`{theirs}` meets `{mine}` of"
    message = f"{same} {one.id} ({first.file}:{first.line}), and no chain of depends_on orders the two"
    remedy = "order them with depends_on, part their scopes, or allow it with allow_overlap"
    return other.problem(ProblemKind.OVERLAP, message, place=_place_of(other, theirs), remedy=remedy)


def test_gates(entries: Sequence[Entry], groups: Mapping[str, int] | None) -> list[Problem]:
    """Every check group that a bundle names exists and holds something; None as groups means that nobody looked."""
    problems = []
    for entry in entries:
        gates = entry.bundle.test_gates if entry.bundle is not None else ()
        for place, gate in enumerate(gates):
            if message := _gate_fault(gate, gates[:place], groups):
                remedy = (
                    f"write the group's checks below `[checks.{gate.group}]` in penstock.toml, or take the gate out"
                )
                where = ("test_gates", place)
                problems.append(entry.problem(ProblemKind.TEST_GATE, message, place=where, remedy=remedy))
    return problems


def _gate_fault(gate: TestGate, before: Sequence[TestGate], groups: Mapping[str, int] | None) -> str:
    if any(other.type == gate.type for other in before):
        return f"`{gate.type}` stands here twice"
    if groups is None or (gate.group in groups and (groups[gate.group] or not gate.required)):
        return ""
    fault = "is empty" if gate.group in groups else "the settings do not have"
    known = ", ".join(sorted(groups)) or "none"
    return f"`{gate.type}` names the check group `{gate.group}`, which {fault}; check groups there are: {known}"


def unchecked(
    entries: Sequence[Entry], kinds: Mapping[int, Sequence[AcceptanceKind]], *, is_enough: bool
) -> list[Problem]:
    """Every bundle has something that would be checked and counts (`is_enough`: the project has)."""
    problems = []
    for number, entry in enumerate(entries):
        if entry.bundle is None or is_enough:
            continue
        gates = any(gate.required and gate.blocking for gate in entry.bundle.test_gates)
        if not gates and all(kind is AcceptanceKind.PROSE for kind in kinds[number]):
            message = (
                "nothing would be checked: no command or known sentence in acceptance_tests, and no project checks"
            )
            remedy = "add a command, add [checks] to penstock.toml, or set allow_unchecked = true"
            problems.append(entry.problem(ProblemKind.UNCHECKED, message, remedy=remedy))
    return problems


def agents(
    entries: Sequence[Entry], workstreams: Mapping[int, Workstream], find: Callable[[Workstream], object]
) -> list[Problem]:
    """Every agent that is named can be called; `find` raises a UserError where it can't."""
    problems = []
    for number, workstream in workstreams.items():
        entry = entries[number]
        metadata = workstream.origin.get("metadata") or {}
        place = next((name for name in ("capability", "tool") if workstream.origin.get(name)), None)
        if place is None:
            continue  # the default agent is found for it later
        try:
            find(workstream)
        except UserError as error:
            where = ("metadata", workstream.agent) if workstream.agent in metadata else (place,)
            message = error.sentence.removeprefix(f"{workstream.id} ")
            problems.append(entry.problem(ProblemKind.AGENT, message, place=where, remedy=error.hint))
    return problems
