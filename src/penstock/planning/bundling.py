"""From drafts to bundles: ids, scopes, order and acceptance are settled, or all that is wrong is said at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.domain.acceptance import classify
from penstock.domain.plan import AcceptanceKind, Scope
from penstock.planning import scopes
from penstock.planning.components import key_of
from penstock.planning.drafts import LONGEST_COMMAND, MOST_WORKSTREAMS, Draft, Planned, PlanRules, PlanUnsound
from penstock.planning.naming import change_of, id_of
from penstock.planning.ordering import Edges, Order, circles, order_overlaps
from penstock.planning.payloads import one_line

MOST_WARNINGS = 100
Item = str | Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What should come before what, as far as that is possible: by places in document order, and by names."""

    pairs: tuple[tuple[int, int], ...] = ()
    """Later, earlier."""
    elsewhere: frozenset[str] = frozenset()
    """Keys of names that may be waited for although no workstream has them: there is nothing to wait for."""


@dataclass(slots=True)
class _Findings:
    """What is wrong with drafts, and what is odd."""

    errors: list[str]
    warnings: list[str]


def bundled(
    drafts: Sequence[Draft], rules: PlanRules, *, wishes: Wishes | None = None, warnings: Iterable[str] = ()
) -> Planned:
    """The bundles of some drafts, or PlanUnsound with all that is wrong with them."""
    found = _Findings([], list(warnings))
    if len(drafts) > MOST_WORKSTREAMS:
        raise PlanUnsound([f"{len(drafts)} workstreams are planned, and {MOST_WORKSTREAMS} are the most"])
    ids = _ids(drafts, rules, found)
    allowed = [_scope(draft, rules, found) for draft in drafts]
    acceptance = [_acceptance(draft, rules, found) for draft in drafts]
    edges = _demanded(drafts, ids, rules, wishes or Wishes(), found)
    if found.errors:
        raise PlanUnsound(found.errors)
    order = _ordered(drafts, edges, allowed, rules, wishes or Wishes(), found)
    documents = tuple(
        _document(draft, rules, found)
        | {
            "id": ids[place],
            "files_scope": list(allowed[place].files),
            "files_create": list(allowed[place].create),
            "acceptance_tests": acceptance[place],
            "depends_on": [ids[other] for other in sorted(order.edges[place])],
        }
        for place, draft in enumerate(drafts)
    )
    return Planned(documents=documents, warnings=tuple(dict.fromkeys(found.warnings))[:MOST_WARNINGS])


def _ids(drafts: Sequence[Draft], rules: PlanRules, found: _Findings) -> list[str]:
    ids: list[str] = []
    for number, draft in enumerate(drafts, 1):
        made = id_of(draft.name, (), fallback=str(number))
        if made in rules.done:
            found.errors.append(f"workstream {draft.name!r} is done already: plan only what is left")
        ids.append(id_of(draft.name, ids, fallback=str(number)))
    return ids


def _scope(draft: Draft, rules: PlanRules, found: _Findings) -> Scope:
    files, create = (
        scopes.judged(paths, rules.protected, draft.most_paths) for paths in (draft.files_scope, draft.files_create)
    )
    for fault in (*files.faults, *create.faults):
        found.errors.append(f"workstream {draft.name!r}: {fault}")
    if not files.good and not create.good and not (files.faults or create.faults):
        found.errors.append(f"workstream {draft.name!r} names no path: list in files_scope what it may change")
    return Scope(files=files.good or create.good, create=create.good)


def _acceptance(draft: Draft, rules: PlanRules, found: _Findings) -> list[Item]:
    items: list[Item] = []
    is_checked = rules.has_checks or rules.allow_unchecked
    for line in draft.acceptance:
        taken = classify(
            line, tool_commands=rules.tool_commands, runners=rules.runners, make_targets=rules.make_targets
        )
        if len(taken.text) > LONGEST_COMMAND:  # without what says that it is one
            text = f"an acceptance command has more than {LONGEST_COMMAND} characters"
            found.errors.append(f"workstream {draft.name!r}: {text}")
            continue
        if taken.kind is AcceptanceKind.PROSE:
            found.warnings.append(f"workstream {draft.name!r}: taken for prose, not for a command: {one_line(line)}")
        is_checked = is_checked or taken.is_checkable
        items.append(_item(taken.kind, taken.text))
    if not is_checked:
        found.errors.append(
            f"workstream {draft.name!r}: nothing of it would be checked, for the project has no checks: "
            "give it an acceptance command, such as one that runs its tests"
        )
    items += [{"prose": criterion} for criterion in draft.criteria]
    return [item for place, item in enumerate(items) if item not in items[:place]]


def _item(kind: AcceptanceKind, text: str) -> Item:
    match kind:
        case AcceptanceKind.COMMAND:
            return {"run": text}
        case AcceptanceKind.BUILTIN:
            return text
        case AcceptanceKind.PROSE:
            return {"prose": text}


def _demanded(drafts: Sequence[Draft], ids: Sequence[str], rules: PlanRules, wishes: Wishes, found: _Findings) -> Edges:
    """What the drafts themselves say that they wait for; a circle is an error that names it."""
    edges: Edges = []
    for place, draft in enumerate(drafts):
        mine: set[int] = set()
        for name in draft.waits_for:
            meant = _meant(name, drafts, ids)
            if not meant and not _is_settled(name, rules.done, wishes):
                known = ", ".join(ids[:20])
                text = f"waits for {one_line(name, 80)!r}, which is no workstream; there are: {known}"
                found.errors.append(f"workstream {draft.name!r} {text}")
            mine |= meant - {place}
        edges.append(mine)
    for ring in circles(edges):
        shown = " -> ".join(ids[place] for place in ring)
        found.errors.append(f"workstreams wait for each other: {shown}; take one depends_on out")
    return edges


def _meant(name: str, drafts: Sequence[Draft], ids: Sequence[str]) -> set[int]:
    """The places of what a name means: workstreams of that name, else those of the component."""
    key = key_of(name)
    by_name = {place for place, draft in enumerate(drafts) if name in (draft.name, ids[place])}
    by_key = {place for place, draft in enumerate(drafts) if key and key in (key_of(draft.name), key_of(ids[place]))}
    return by_name or by_key or {p for p, draft in enumerate(drafts) if key and key == key_of(draft.component)}


def _is_settled(name: str, done: Collection[str], wishes: Wishes) -> bool:
    return name in done or id_of(name, (), fallback="-") in done or key_of(name) in wishes.elsewhere


def _ordered(
    drafts: Sequence[Draft],
    edges: Edges,
    allowed: Sequence[Scope],
    rules: PlanRules,
    wishes: Wishes,
    found: _Findings,
) -> Order:
    """What must, then what should, then what shares paths."""
    order = Order(edges)
    for later, earlier in wishes.pairs:
        if later != earlier and not order.add(later, earlier):
            text = f"{drafts[later].name!r} can't also wait for {drafts[earlier].name!r}, which waits for it"
            found.warnings.append(f"workstream {text}")
    for later, earlier in order_overlaps(order, allowed, ignore_case=rules.ignore_case):
        text = f"{drafts[later].name!r} runs after {drafts[earlier].name!r}: they share paths"
        found.warnings.append(f"workstream {text}")
    return order


def _document(draft: Draft, rules: PlanRules, found: _Findings) -> dict[str, Any]:
    own = (*draft.files_scope, *draft.files_create)
    kept = scopes.frozen_tests(draft.acceptance_files, own, rules.files, draft.most_paths)
    found.warnings += [f"workstream {draft.name!r}: {fault}" for fault in kept.faults]
    metadata = {
        "title": draft.title,
        "notes": draft.notes,
        "component": draft.component,
        "stories": list(draft.stories),
    }
    return {
        "openspec_change": change_of(rules.change),
        "gate": 1,
        "tasks": list(draft.tasks or (draft.title,)),
        "acceptance_files": list(kept.good),
        "tool": rules.tool,
        "metadata": {name: value for name, value in metadata.items() if value},
    }
