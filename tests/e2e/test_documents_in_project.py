"""The documents of an epic: written into its project where a folder is named for them, through the gate, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from epic_bench import EpicBench, answers_to, epic_bench
from epic_driving import asked, begun, brought_on

from penstock.epics import EpicWish
from penstock.epics.documenting import TYPES

if TYPE_CHECKING:
    from pathlib import Path

EPIC = "mill-households"

pytestmark = pytest.mark.slow


def set_pipeline(bench: EpicBench, written: str) -> None:
    """Commit what the project says about pipelines."""
    file = bench.project / "penstock.toml"
    file.write_text(f"{file.read_text('utf-8')}\n[pipeline]\n{written}\n", encoding="utf-8")
    bench.git("commit", "-qam", "Say where documents go")
    bench.penstock("trust")


def files_of(bench: EpicBench, branch: str) -> list[str]:
    return bench.git("ls-tree", "-r", "--name-only", branch).splitlines()


WISH = EpicWish(description=answers_to(EPIC).epic, epic_id="EPIC-1")


def test_the_documents_are_on_the_branch_and_their_tree_has_a_verdict(tmp_path: Path) -> None:
    with epic_bench(tmp_path, answers_to(EPIC)) as bench:
        set_pipeline(bench, 'docs_path = "docs/epics"')
        told = brought_on(bench, begun(bench, WISH))
        branch, run = told.pipeline["branch"], f"{told.pipeline['pipeline_id']}-docs"
        assert told.pipeline["status"] == "complete", told.refused
        documents = {path for path in files_of(bench, branch) if path.startswith("docs/")}
        assert documents == {f"docs/epics/EPIC-1/{kind}.md" for kind in TYPES}
        newest = {one["artifact_type"]: one for one in told.artifacts}
        for kind in TYPES:
            assert bench.git("show", f"{branch}:docs/epics/EPIC-1/{kind}.md") == newest[kind]["markdown"].strip()
        assert told.runs[run]["status"] == "completed"
        assert told.verdicts[run][-1]["tree"] == bench.git("rev-parse", f"{branch}^{{tree}}")
        assert not (bench.project / "docs").exists()


def test_nothing_is_written_where_no_folder_is_named(tmp_path: Path) -> None:
    with epic_bench(tmp_path, answers_to(EPIC)) as bench:
        told = brought_on(bench, begun(bench, WISH))
        assert told.pipeline["status"] == "complete", told.refused
        assert [path for path in files_of(bench, told.pipeline["branch"]) if path.endswith(".md")] == ["README.md"]
        assert f"{told.pipeline['pipeline_id']}-docs" not in told.runs


def test_documents_that_can_not_be_written_stop_the_delivery_before_anybody_is_asked(tmp_path: Path) -> None:
    with epic_bench(tmp_path, answers_to(EPIC)) as bench:
        set_pipeline(bench, 'docs_path = "README.md"')
        told = brought_on(bench, begun(bench, WISH))
        assert "the documents are not written into the project" in told.refused
        assert (told.pipeline["status"], told.pipeline["current_phase"]) == ("active", "commit_phase")
        assert asked(bench, "commit_phase") == []
        bench.more["PENSTOCK_PIPELINE_DOCS_PATH"] = "docs"
        after = brought_on(bench, told.pipeline["pipeline_id"])
        assert after.pipeline["status"] == "complete", after.refused
        assert "docs/EPIC-1/epic.md" in files_of(bench, after.pipeline["branch"])
