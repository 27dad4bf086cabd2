"""An epic whose run stands still: the command line ends and says how to go on, or waits if it is told to."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from epic_bench import EpicBench, answers_to, epic_bench, view
from epic_driving import done_by

from penstock.bootstrap import Penstock
from penstock.epics import deciding
from penstock.epics.asked import AdvanceRefused

pytestmark = pytest.mark.slow

LONGEST = 90.0


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[EpicBench]:
    """An epic that is begun, in a project whose workstreams a person must look at."""
    with epic_bench(tmp_path, answers_to("health-check")) as bench:
        settings = bench.project / "penstock.toml"
        asked = settings.read_text("utf-8").replace("approvals = []", 'approvals = ["review"]')
        settings.write_text(asked, encoding="utf-8")
        bench.git("commit", "-qam", "Look at everything")
        bench.penstock("trust")
        bench.penstock("epic", "create", answers_to("health-check").epic, "--id", "EPIC-1")
        yield bench


def test_an_advance_ends_where_its_run_waits_for_a_person_and_goes_on_after_their_word(bench: EpicBench) -> None:
    stopped = bench.penstock("advance", "latest", "--all", check=False)
    run = f"{view(bench, 'latest')['pipeline_id']}-r1"
    assert stopped.returncode == 4, stopped.stdout + stopped.stderr
    assert f"run {run} has not ended, it is running" in stopped.stderr
    assert f"`penstock show-run {run}` says for whom" in stopped.stderr
    assert view(bench, "latest")["status"] == "active", "it stands where it stood"
    shown = bench.penstock("epic", "show", "latest").stdout
    assert f"waiting: ws-health waits for your approval: penstock approve {run} ws-health" in shown
    assert "then go on with: penstock advance pip_" in shown
    bench.penstock("approve", run, "ws-health")
    bench.penstock("advance", "latest", "--all")
    assert view(bench, "latest")["status"] == "complete"


def test_a_paused_run_is_resumed_before_its_epic_goes_on(bench: EpicBench) -> None:
    bench.penstock("advance", "latest", "--all", check=False)
    run = f"{view(bench, 'latest')['pipeline_id']}-r1"
    bench.penstock("pause", run)
    stopped = bench.penstock("advance", "latest", check=False)
    assert stopped.returncode == 4, stopped.stdout + stopped.stderr
    assert f"`penstock resume {run}`, then advance the pipeline again" in stopped.stderr
    shown = bench.penstock("epic", "show", "latest").stdout
    assert f"{run}, paused" in shown
    assert f"paused; go on with: penstock resume {run}\nthen go on with: penstock advance" in shown
    bench.penstock("resume", run, check=False)
    bench.penstock("approve", run, "ws-health")
    bench.penstock("advance", "latest", "--all")
    assert view(bench, "latest")["status"] == "complete"


def test_who_rejects_an_epic_ends_its_run_that_nobody_works_on(bench: EpicBench) -> None:
    bench.penstock("advance", "latest", "--all", check=False)
    run = f"{view(bench, 'latest')['pipeline_id']}-r1"
    assert json.loads(bench.penstock("show-run", run, "--json").stdout)["status"] == "running"
    bench.penstock("epic", "reject", "latest", check=False)
    assert view(bench, "latest")["status"] == "failed"
    assert json.loads(bench.penstock("show-run", run, "--json").stdout)["status"] == "abandoned"


@pytest.mark.parametrize("by", ["reject", "advance", "start"])
def test_a_run_whose_epic_was_rejected_by_who_was_killed_then_is_ended_by_the_next(bench: EpicBench, by: str) -> None:
    bench.penstock("advance", "latest", "--all", check=False)
    pipeline = view(bench, "latest")["pipeline_id"]
    run = f"{pipeline}-r1"

    async def killed_after_it(penstock: Penstock) -> None:
        await deciding.reject(penstock.parts, pipeline, by="", note="")

    async def next_one(penstock: Penstock) -> None:
        with suppress(AdvanceRefused):
            match by:
                case "reject":
                    await penstock.epics.reject(pipeline)
                case "advance":
                    await penstock.epics.advance(pipeline)
                case _:
                    assert await penstock.epics.take_up() == []

    done_by(bench, killed_after_it)
    assert json.loads(bench.penstock("show-run", run, "--json").stdout)["status"] == "running"
    done_by(bench, next_one)
    assert json.loads(bench.penstock("show-run", run, "--json").stdout)["status"] == "abandoned"


def test_with_wait_an_advance_stays_until_the_person_has_spoken(bench: EpicBench) -> None:
    words = [sys.executable, "-m", "penstock", "advance", "latest", "--all", "--wait"]
    with subprocess.Popen(
        words, cwd=bench.project, env=bench.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as waiting:
        try:
            run = f"{view(bench, 'latest')['pipeline_id']}-r1"
            give_up = time.monotonic() + LONGEST
            while "waiting: ws-health" not in bench.penstock("show-run", run, check=False).stdout:
                assert waiting.poll() is None, "it did not stay"
                assert time.monotonic() < give_up
                time.sleep(0.2)
            bench.penstock("approve", run, "ws-health")
            said, _ = waiting.communicate(timeout=LONGEST)
        finally:
            waiting.kill()
    assert waiting.returncode == 0, said
    assert view(bench, "latest")["status"] == "complete"
