"""The last net: it takes what carries the marker or works in the folder, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from penstock.adapters.processes.reaping import is_marked, read_outcome, reap, was_started
from penstock.adapters.processes.records import record_outcome
from penstock.adapters.processes.request import Ending
from penstock.domain.errors import Bug

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def stray(bench) -> Iterator[object]:
    """Starts a process as a killed owner would have left it."""
    made: list[subprocess.Popen[bytes]] = []

    def start(folder: Path, marker: str | None) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-I", "-S", "-c", "print(flush=True); import time; time.sleep(60)", bench.token]
        environment = {} if marker is None else {"PENSTOCK_ATTEMPT": marker}
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE)
        made.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield start
    for process in made:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_a_run_is_reaped_by_its_marker_and_another_run_is_not(bench, stray):
    ours = stray(Path("/"), f"{bench.token}:run1/workstream/1")
    others = stray(Path("/"), f"{bench.token}:run10/workstream/1")
    assert reap(f"{bench.token}:run1", bench.folder) == [ours.pid]
    assert ours.poll() is not None
    assert others.poll() is None


def test_a_process_without_a_marker_is_found_by_its_working_folder(bench, stray):
    inside = bench.work / "deep"
    inside.mkdir()
    ours, others = stray(inside, None), stray(bench.folder, None)
    assert reap(f"{bench.token}:run1", bench.work) == [ours.pid]
    assert others.poll() is None


def test_a_folder_that_is_gone_still_counts(bench, stray):
    inside = bench.work / "gone"
    inside.mkdir()
    ours = stray(inside, None)
    inside.rmdir()
    assert reap(f"{bench.token}:run1", bench.work) == [ours.pid]


def test_we_and_our_ancestors_are_spared(bench, monkeypatch):
    monkeypatch.chdir(bench.work)
    assert reap(f"{bench.token}:run1", bench.work) == []


def test_an_empty_marker_reaps_nobody(bench):
    with pytest.raises(Bug):
        reap("", bench.work)


def test_the_whole_file_system_is_no_working_folder():
    with pytest.raises(Bug):
        reap("home:run", Path("/"))


@pytest.mark.parametrize(
    ("marker", "prefix", "claim"),
    [
        ("home:run/a/1", "home:run/a/1", True),
        ("home:run/a/1", "home:run/a", True),
        ("home:run/a/1", "home:run", True),
        ("home:run/a/1", "home:run/", True),
        ("home:run/a/1", "home:", True),
        ("home:run/a/1", "home", True),
        ("home:run/a/10", "home:run/a/1", False),
        ("home:run2/a/1", "home:run", False),
        ("home2:run/a/1", "home", False),
        ("home:run:2/a/1", "home:run", False),
        ("", "home", False),
    ],
)
def test_markers_match_by_whole_segments(marker, prefix, claim):
    assert is_marked(marker, prefix) is claim


@pytest.mark.parametrize("content", ["", "{", "[]", '{"ending": "exited"}', '{"ending": "invented"}'])
def test_a_broken_record_is_none(tmp_path, content):
    (tmp_path / "outcome.json").write_text(content)
    assert read_outcome(tmp_path) is None


def test_an_outcome_from_before_the_machine_was_started_is_not_believed(tmp_path):
    record = {"ending": "exited", "exit_code": 0, "started_at": 1, "ended_at": 2, "duration": 1, "truncated": False}
    record |= {"leftovers": 0, "error": None, "confined": False}
    record_outcome(str(tmp_path), record)
    assert read_outcome(tmp_path).ending is Ending.EXITED
    (tmp_path / "outcome.json").write_text(json.dumps({**record, "boot": "another"}))
    assert read_outcome(tmp_path) is None
    (tmp_path / "request.json").write_text("{}")
    assert was_started(tmp_path)


def test_a_request_on_record_counts_as_started_until_the_outcome_says_otherwise(tmp_path):
    assert not was_started(tmp_path)
    (tmp_path / "request.json").write_text("{}")
    assert was_started(tmp_path)
