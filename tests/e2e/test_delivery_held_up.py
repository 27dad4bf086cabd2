"""A branch that can't be pushed yet is pushed later, with the same closing commit: nothing is made or asked twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from epic_bench import EpicBench, answers_to, epic_bench
from epic_driving import Told, begun, brought_on, replaced

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


def held_up(bench: EpicBench) -> Told:
    """An epic whose documents are written and whose branch could not be pushed, and can be by now."""
    bench.more["PENSTOCK_PIPELINE_DOCS_PATH"] = "docs"
    pipeline = begun(bench, EpicWish(description=answers_to(EPIC).epic, epic_id="EPIC-1"))
    branch = f"penstock/{pipeline}"
    bench.git("switch", "--quiet", "--create", branch)
    held = brought_on(bench, pipeline)
    assert "is checked out in" in held.refused
    bench.git("switch", "--quiet", "main")
    bench.git("branch", "--quiet", "--delete", "--force", branch)
    return held


def payload_of(held: Told, kind: str) -> dict[str, object]:
    return next(dict(one["payload"]) for one in held.artifacts if one["artifact_type"] == kind)


@pytest.mark.slow
def test_work_that_is_closed_is_not_opened_again_where_the_delivery_is_asked_for_anew(tmp_path: Path) -> None:
    with epic_bench(tmp_path, answers_to(EPIC)) as bench:
        held = held_up(bench)
        replaced(bench, held, "epic", payload_of(held, "epic"))  # what is newer is asked about anew
        end = brought_on(bench, held.pipeline["pipeline_id"])
        assert (end.refused, end.pipeline["status"]) == ("", "complete")
        assert [one["outcome"] for one in end.pipeline["attempts"][-2:]] == ["stopped", "passed"]
        assert bench.git("rev-parse", end.pipeline["branch"]) == end.pipeline["head"] == held.pipeline["head"]


@pytest.mark.slow
def test_a_document_that_a_person_has_replaced_since_is_written_anew(tmp_path: Path) -> None:
    with epic_bench(tmp_path, answers_to(EPIC)) as bench:
        held = held_up(bench)
        replaced(bench, held, "epic", {**payload_of(held, "epic"), "title": "Quite another title"})
        end = brought_on(bench, held.pipeline["pipeline_id"])
        assert (end.refused, end.pipeline["status"]) == ("", "complete")
        assert "Quite another title" in bench.git("show", f"{end.pipeline['branch']}:docs/EPIC-1/epic.md")
        assert bench.git("rev-parse", end.pipeline["branch"]) == end.pipeline["head"]


def delivered(bench: EpicBench) -> tuple[str, str]:
    """An epic that is complete: its id, and the head of its branch."""
    pipeline = begun(bench, EpicWish(description=answers_to(EPIC).epic))
    end = brought_on(bench, pipeline)
    assert (end.refused, end.pipeline["status"]) == ("", "complete")
    return pipeline, str(end.pipeline["head"])


def our_branch(bench: EpicBench, pipeline: str) -> str:
    ours = next((bench.folder / "state" / "projects").glob("*/repo.git"))
    return (ours / "refs/heads/penstock" / pipeline).read_text().strip()


@pytest.mark.slow
def test_recovery_of_a_run_leaves_the_branch_where_its_epic_has_brought_it_since(tmp_path: Path) -> None:
    with epic_bench(tmp_path, answers_to(EPIC)) as bench:
        pipeline, head = delivered(bench)
        assert "nothing" in bench.penstock("recover-run", f"{pipeline}-r1").stdout
        assert our_branch(bench, pipeline) == head


@pytest.mark.slow
def test_nothing_is_taken_back_of_a_run_that_an_epic_builds_upon_and_that_is_said_each_time(tmp_path: Path) -> None:
    with epic_bench(tmp_path, answers_to(EPIC)) as bench:
        pipeline, head = delivered(bench)
        for _ in range(2):
            told = bench.penstock("rollback-workstream", f"{pipeline}-r1", "ws-health", check=False)
            assert f"is the branch of {pipeline}, which goes on from there" in told.stderr
        assert our_branch(bench, pipeline) == head
