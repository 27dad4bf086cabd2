"""A disk that fills while a run works: the run stops for its environment with code 3, and goes on with more room."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from bad_input_support import Bench
from two_process_support import BOUND, bundle, until, writes

pytestmark = pytest.mark.slow


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench whose state is on a disk of its own, of 8 MB."""
    bench = Bench(
        tmp_path,
        bundle("ws-a", [writes("ws-a", after=2.0)]),
        bundle("ws-b", [writes("ws-b")], depends_on=["ws-a"]),
    )
    before = bench.home.rename(tmp_path / "before")
    bench.home.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", bench.home]
    is_able = os.geteuid() == 0 and shutil.which("mount") is not None
    if not is_able or subprocess.run(command, check=False).returncode:
        pytest.skip("a small disk needs root and the right to mount")
    try:
        shutil.copytree(before, bench.home, dirs_exist_ok=True)
        yield bench
    finally:
        subprocess.run(["umount", bench.home], check=True)


def fill(bench: Bench) -> Path:
    """Take all the room that is left, to the last byte."""
    ballast = bench.home / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    return ballast


def run_until_full(bench: Bench, **environ: str) -> tuple[int, str, Path]:
    """Begin a run, fill the disk while its agent works; how the run ended, what it said, and what takes the room."""
    bench.desk.environ.update(environ)
    owner = bench.desk.start("run", "--run-id", "r1")
    until(bench.desk.agents, "the agent works")
    ballast = fill(bench)
    said, _ = owner.communicate(timeout=BOUND)
    assert "Traceback" not in said
    assert "bug" not in said
    assert bench.desk.agents() == []
    return owner.returncode, said, ballast


def finish(bench: Bench) -> None:
    """Go on with the run; it comes to its end, with each merge once."""
    assert bench.said("resume", "r1").code == 0
    assert bench.desk.states("r1") == {"ws-a": "done", "ws-b": "done"}
    merges = subprocess.run(
        ["git", "rev-list", "--count", "--merges", "penstock/r1"], cwd=bench.project, check=True, capture_output=True
    )
    assert merges.stdout.strip() == b"2"


def test_a_disk_that_is_full_for_the_database_ends_the_command_and_resume_finishes_the_run(bench: Bench) -> None:
    code, said, ballast = run_until_full(bench)
    assert code == 3, said
    assert "the disk is full" in said
    assert "\nhint: free some space" in said
    assert "resume r1" in bench.said("show-run", "r1").out
    again = bench.said("resume", "r1")
    assert again.code == 3
    assert "the disk is full" in again.err
    ballast.unlink()
    finish(bench)


def test_a_disk_that_is_full_for_the_work_pauses_the_run_with_its_reason(bench: Bench) -> None:
    code, said, ballast = run_until_full(bench, PENSTOCK_DATABASE=str(bench.project.with_name("elsewhere.db")))
    assert code == 3, said
    shown = bench.desk.shown("r1")
    assert (shown["status"], shown["reason"]) == ("paused", "environment")
    assert "the disk is full" in str(shown["sentence"])
    again = bench.said("resume", "r1")
    assert again.code == 3
    assert "the disk is full" in again.out
    ballast.unlink()
    finish(bench)


def test_a_command_that_finds_the_disk_full_is_no_bug(bench: Bench) -> None:
    fill(bench)
    for command in (["trust"], ["run"]):
        assert "full" in bench.refused(*command, code=3)


def test_a_disk_below_its_floor_pauses_the_run_before_anything_is_started(bench: Bench) -> None:
    ballast = bench.home / "ballast"
    ballast.write_bytes(bytes(4 << 20))
    said = bench.said("run", "--run-id", "r1", PENSTOCK_EXECUTOR_MIN_FREE_GB="0.004")  # kept by the run for its life
    assert said.code == 3, said
    assert "GB are free for" in said.out
    shown = bench.desk.shown("r1")
    assert (shown["status"], shown["reason"]) == ("paused", "environment")
    ballast.unlink()
    finish(bench)
