"""A branch that can't be pushed yet is pushed later, with the same closing commit: nothing is made or asked twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from epic_bench import answers_to, epic_bench
from epic_driving import begun, brought_on

from penstock.epics import EpicWish

if TYPE_CHECKING:
    from pathlib import Path

EPIC = "health-check"


@pytest.mark.slow
def test_a_branch_that_is_checked_out_waits_and_is_delivered_once_it_is_free(tmp_path: Path) -> None:
    with epic_bench(tmp_path, answers_to(EPIC)) as bench:
        pipeline = begun(bench, EpicWish(description=answers_to(EPIC).epic))
        branch = f"penstock/{pipeline}"
        bench.git("switch", "--quiet", "--create", branch)
        held = brought_on(bench, pipeline)
        assert "is checked out in" in held.refused
        assert (held.pipeline["status"], held.pipeline["state"]) == ("active", "commit_phase")
        bench.git("switch", "--quiet", "main")
        bench.git("branch", "--quiet", "--delete", "--force", branch)
        told = len(bench.models.issued)
        end = brought_on(bench, pipeline)
        assert len(bench.models.issued) == told
        outcomes = [one["outcome"] for one in held.pipeline["attempts"] if one["phase"] == "commit_phase"]
        assert outcomes == ["stopped"]
        assert end.pipeline["attempts"][-1]["outcome"] == "passed"
        assert (end.refused, end.pipeline["status"]) == ("", "complete")
        assert bench.git("rev-parse", branch) == end.pipeline["head"] == held.pipeline["head"]
        subjects = bench.git("log", "--format=%s", f"main..{branch}").splitlines()
        assert subjects.count("Answer GET /health") == 1
