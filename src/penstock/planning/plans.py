"""From architecture to plan: what the analysis wrote becomes bundles that the intake judges like anybody's.

Nothing here decides whether a plan is run; what a model wrote opens no protected path to itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

from penstock.planning import drafting
from penstock.planning.bundling import Wishes, bundled
from penstock.planning.components import Component, components_of, key_of
from penstock.planning.drafts import Document, Draft, Planned, PlanRules, PlanUnsound
from penstock.planning.payloads import Payload, rows_in, texts_in
from penstock.planning.stories import shared_notes, stories_of

__all__ = ["Document", "PlanRules", "PlanUnsound", "Planned", "plan_of"]

NOTHING: Payload = MappingProxyType({})


def plan_of(analysis: Payload, architecture: Payload, rules: PlanRules, *, epic: Payload = NOTHING) -> Planned:
    """The plan that an analysis is: its workstreams, or one per component of the architecture where it has none.

    PlanUnsound says all that is wrong, in words that a model can act on.
    """
    components = components_of(architecture)
    stories = stories_of(epic, analysis)
    drafts = drafting.from_workstreams(analysis, components, stories, rules.files)
    if not drafts and components:
        drafts = drafting.from_components(architecture, components, stories, rules.files)
    if not drafts:
        raise PlanUnsound(["no workstreams are given, and the architecture has no components to make some of"])
    shared = shared_notes(analysis)
    drafts = tuple(replace(one, notes="\n".join(part for part in (one.notes, shared) if part)) for one in drafts)
    wishes = Wishes(pairs=_pairs(drafts, components), elsewhere=frozenset(key_of(one.name) for one in components))
    return bundled(drafts, rules, wishes=wishes, warnings=_odd(analysis, drafts, stories))


def _pairs(drafts: Sequence[Draft], components: Sequence[Component]) -> tuple[tuple[int, int], ...]:
    """A workstream should wait for those of the components that its own depends on."""
    places: dict[str, list[int]] = {}
    for place, draft in enumerate(drafts):
        places.setdefault(key_of(draft.component), []).append(place)
    known = {key: one for one in components if (key := key_of(one.name))}
    return tuple(
        (later, earlier)
        for later, draft in enumerate(drafts)
        if (component := known.get(key_of(draft.component))) is not None
        for name in component.dependencies
        if key_of(name) in known and key_of(name) != key_of(component.name)
        for earlier in places.get(key_of(name), ())
    )


def _odd(analysis: Payload, drafts: Sequence[Draft], stories: Payload) -> list[str]:
    """Stories that nobody works on, and stories that there are not."""
    named = {key_of(name) for draft in drafts for name in draft.stories}
    given_up = {key_of(str(row.get("story_id", ""))) for row in rows_in(analysis, "debt")}
    unknown = sorted({name for row in rows_in(analysis, "workstreams") for name in texts_in(row, "stories")})
    warnings = [f"there is no story {name!r}" for name in unknown if key_of(name) not in stories]
    if named:
        left = [story.id for key, story in stories.items() if key not in named and key not in given_up]
        warnings += [f"no workstream is for the story {name!r}" for name in left]
    return warnings
