"""Changed copies of frozen values are what `dataclasses.replace` makes."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest
from domain_stories import one

from penstock.domain.copies import changed
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
