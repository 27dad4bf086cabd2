"""Whose acceptance a batch may have touched."""

from __future__ import annotations

from domain_stories import one

from penstock.domain.plan import Plan
from penstock.domain.ranked import rank
from penstock.domain.recheck import touched


def names(plan, *members):
    ranked = rank(plan)
    return {ranked.order[place].id for place in touched(ranked, [ranked.rank_of(name) for name in members])}


def test_the_members_themselves_those_they_share_paths_with_and_all_they_were_built_upon():
    plan = Plan(
        workstreams=(
            one("ground"),
            one("wall", depends_on=("ground",)),
            one("roof", depends_on=("wall",), files=("roof.py", "shared.py")),
            one("paint", files=("shared.py",)),
            one("garden"),
        )
    )
    assert names(plan, "roof") == {"roof", "wall", "ground", "paint"}
    assert names(plan, "garden") == {"garden"}
    assert names(plan) == set()
