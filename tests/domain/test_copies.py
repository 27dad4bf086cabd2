"""Frozen values made and copied quickly are what `dataclasses` makes of them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest
from domain_stories import one

from penstock.domain.copies import changed, quickly_made
from penstock.domain.plan import Plan
from penstock.domain.ranked import rank
from penstock.domain.run import Policy, Progress, new_run


def test_a_copy_differs_in_what_was_changed_and_in_nothing_else():
    before = Progress(base="b", start="s")
    after = changed(before, {"start": "t", "lost": 2})
    assert after == replace(before, start="t", lost=2)
    assert before == Progress(base="b", start="s")
    with pytest.raises(FrozenInstanceError):
        after.base = "other"


def test_a_run_is_copied_too():
    run = new_run(id="r", plan=rank(Plan(workstreams=(one("a"),))), policy=Policy(), branch="b")
    assert changed(run, {"head": "h"}) == replace(run, head="h")


def test_a_field_that_is_not_there_is_an_error():
    with pytest.raises(KeyError):
        changed(Progress(), {"nothing": 1})


@quickly_made
@dataclass(frozen=True, slots=True)
class Told:
    """A place that may be given by position, a list of its own, and a name that must be named."""

    place: int
    heard: list[str] = field(default_factory=list)
    name: str = field(kw_only=True)
    note: str = field(default="none", kw_only=True)


def test_what_is_made_quickly_is_made_as_it_was_declared():
    told = Told(1, name="a")
    assert (told.place, told.heard, told.name, told.note) == (1, [], "a", "none")
    assert told == Told(place=1, heard=[], name="a", note="none")
    assert told == replace(Told(2, ["x"], name="b"), place=1, heard=[], name="a")
    assert told.heard is not Told(1, name="a").heard


def test_what_is_made_quickly_stays_frozen():
    with pytest.raises(FrozenInstanceError):
        Told(1, name="a").place = 2


@pytest.mark.parametrize("given", [((), {"name": "a"}), ((1,), {}), ((1,), {"name": "a", "other": 2})])
def test_what_is_made_quickly_takes_its_own_fields_and_all_that_have_no_default(given):
    places, names = given
    with pytest.raises(TypeError):
        Told(*places, **names)
