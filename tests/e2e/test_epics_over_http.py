"""An epic from its words to tested code, over HTTP with `curl` alone: a real server, a real store, a scripted model."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from curled import Curl, curled
from epic_bench import EpicBench, answers_to, epic_bench

from model_server import summed
from penstock.domain.usage import Tokens
from penstock.epics.wishes import id_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

EPIC = answers_to("mill-households").epic
TYPES = {"epic", "arch_notes", "ba_spec", "proposed_change_set", "qa_result", "commit_result"}
SECOND_NAMES = {"arch_spec"}
LEFT = ["arch_phase", "ba_phase", "dev_phase", "qa_phase", "dev_phase", "qa_phase", "commit_phase", "complete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Went:
    """An epic that has gone its way over HTTP, as the server told it before and after it was started again."""

    bench: EpicBench
    server: Curl
    pipeline: str
    way: list[str]
    main: str
    before: dict[str, Any]
    answered: Tokens
    """What the model server itself counted."""

    @property
    def branch(self) -> str:
        """Where the code is."""
        return f"penstock/{self.pipeline}"


@pytest.fixture(scope="module")
def went(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Went]:
    """The epic's way, and a second server that tells of it."""
    folder = tmp_path_factory.mktemp("epic")
    with epic_bench(folder, answers_to("mill-households", id_of(EPIC))) as bench:
        main = bench.git("rev-parse", "main")
        with curled(bench.project, bench.environ) as server:
            pipeline = server.created(EPIC)
            way = server.advanced(pipeline)
            before = told(server, pipeline)
            server.end()
        answered = summed(bench.models.issued)
        with curled(bench.project, bench.environ) as server:
            yield Went(
                bench=bench, server=server, pipeline=pipeline, way=way, main=main, before=before, answered=answered
            )


def told(server: Curl, pipeline: str) -> dict[str, Any]:
    """All that a server tells of a pipeline."""
    paths = ("", "/artifacts", "/artifacts?format=list")
    return {path: server.get(f"/pipelines/{pipeline}{path}") for path in paths}


def test_it_goes_through_all_phases_and_once_back(went: Went) -> None:
    assert went.way == LEFT
    shown = went.before[""]
    assert (shown["state"], shown["status"], shown["epic_id"]) == ("complete", "complete", id_of(EPIC))
    assert shown["completed_at"]
    assert [(move["from"], move["to"]) for move in shown["phase_history"]][-9:] == [
        ("idle", "pm_phase"),
        ("pm_phase", "arch_phase"),
        ("arch_phase", "ba_phase"),
        ("ba_phase", "dev_phase"),
        ("dev_phase", "qa_phase"),
        ("qa_phase", "dev_phase"),
        ("dev_phase", "qa_phase"),
        ("qa_phase", "commit_phase"),
        ("commit_phase", "complete"),
    ]
    assert "divides by zero" in shown["phase_history"][5]["reason"]


def test_its_artifacts_are_keyed_by_their_types_and_both_names(went: Went) -> None:
    found = went.before["/artifacts"]
    assert set(found) == TYPES | SECOND_NAMES
    assert found["arch_notes"] == found["arch_spec"]
    assert (found["epic"]["epic_id"], found["qa_result"]["passed"]) == (id_of(EPIC), True)
    assert found["epic"]["title"]
    assert (found["commit_result"]["success"], found["commit_result"]["branch"]) == (True, went.branch)
    assert set(went.before[""]["artifacts"]) >= TYPES


def test_its_artifacts_as_a_list_are_all_that_were_stored(went: Went) -> None:
    listed = went.before["/artifacts?format=list"]["artifacts"]
    assert {one["pipeline_id"] for one in listed} == {went.pipeline}
    verdicts = [one["content"]["passed"] for one in listed if one["artifact_type"] == "qa_result"]
    assert sorted(verdicts) == [False, True]
    assert len({one["artifact_id"] for one in listed}) == len(listed)
    for one in listed:
        assert went.server.get(f"/artifacts/{one['artifact_id']}")["content"] == one["content"]


def test_a_server_that_is_started_again_tells_the_same(went: Went) -> None:
    assert told(went.server, went.pipeline) == went.before
    assert went.server.ask("POST", f"/pipelines/{went.pipeline}/advance", status=409)["error"] == "invalid_transition"


def test_its_code_is_on_its_branch_and_passes_its_tests_in_a_clean_clone(went: Went, tmp_path: Path) -> None:
    bench = went.bench
    assert bench.git("rev-parse", went.branch) == went.before["/artifacts"]["commit_result"]["commit"]
    bench.git("clone", "--quiet", "--branch", went.branch, str(bench.project), str(tmp_path / "clone"))
    tests = ["python3", "-m", "unittest", "discover", "-s", "tests"]
    done = subprocess.run(tests, cwd=tmp_path / "clone", env=bench.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Ran 9 tests" in done.stderr
    changed = bench.git("diff", "--name-only", f"main...{went.branch}").splitlines()
    assert set(changed) == {file for files in answers_to("mill-households").files.values() for file in files}


def test_where_the_user_stands_is_as_it_was(went: Went) -> None:
    assert went.bench.git("rev-parse", "main") == went.main
    assert went.bench.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert went.bench.git("status", "--porcelain") == ""


def test_every_token_that_the_model_counted_is_on_the_bill(went: Went) -> None:
    bill = went.server.get(f"/metrics/tokens?pipeline={went.pipeline}")
    answered = went.answered
    assert (bill["total_input_tokens"], bill["total_output_tokens"]) == (answered.all_input, answered.output)
    assert bill["total_tokens"] == answered.total > 0
    for by in ("by_phase", "by_role", "by_pipeline"):
        assert sum(row["input_tokens"] + row["output_tokens"] for row in bill[by]) == answered.total
    assert sum(row["calls"] for row in bill["by_phase"]) == len(went.bench.models.issued)
    said = went.bench.penstock("token-report", "--pipeline", went.pipeline, "--json").stdout
    assert json.loads(said) == bill
