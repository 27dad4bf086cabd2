"""When an owner is killed, its agents go with it within a second, and what they were stands on record."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from process_bench import Bench, eventually

from penstock.adapters.processes.reaping import read_outcome, was_started
from penstock.adapters.processes.request import Ending

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNER = Path(__file__).with_name("owner_script.py")
FAMILY = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork(): os._exit(0)
    os.chdir("/")
    os.execve(sys.executable, [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)", sys.argv[1]], {})
time.sleep(60)
"""
ENDS_WHEN_TOLD = """
import pathlib, sys, time
while not pathlib.Path("go").exists(): time.sleep(0.01)
sys.exit(3)
"""


class Owner:
    """An owner process, which the test kills."""

    def __init__(self, bench: Bench, code: str, *arguments: str) -> None:
        (bench.folder / "code").write_text(code)
        (bench.folder / "token").write_text(bench.token)
        self.attempt = bench.folder / "attempt"
        command = [sys.executable, str(OWNER), str(bench.folder), *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def started(self) -> Owner:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "started\n"
        return self

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def ending(self) -> Ending | None:
        outcome = read_outcome(self.attempt)
        return None if outcome is None else outcome.ending


@pytest.fixture
def owners() -> Iterator[list[Owner]]:
    made: list[Owner] = []
    yield made
    for owner in made:
        owner.kill()
        assert owner.process.stdout is not None
        owner.process.stdout.close()


@pytest.mark.slow
@pytest.mark.crash
def test_agent_and_daemons_of_a_killed_owner_are_gone_within_a_second(bench, owners):
    owners.append(Owner(bench, FAMILY).started())
    owner = owners[0]
    assert eventually(lambda: len(bench.living()) == 2)
    helpers = psutil.Process(owner.process.pid).children(recursive=True)
    owner.kill()
    assert bench.is_empty_within(1.0)
    assert eventually(lambda: owner.ending() is Ending.LOST)
    assert eventually(lambda: not any(helper.is_running() for helper in helpers))


@pytest.mark.crash
def test_a_keeper_that_its_agent_has_stopped_lets_nothing_outlive_the_owner(bench, owners):
    owners.append(Owner(bench, "import os, time; os.kill(os.getppid(), 19); time.sleep(60)").started())
    assert eventually(lambda: bool(bench.living()))
    keeper = psutil.Process(bench.living()[0]).parent()
    assert keeper is not None
    assert eventually(lambda: keeper.status() == psutil.STATUS_STOPPED)
    owners[0].kill()
    assert bench.is_empty_within(1.0)


@pytest.mark.crash
def test_an_agent_that_had_ended_before_its_owner_leaves_its_true_outcome(bench, owners):
    owners.append(Owner(bench, ENDS_WHEN_TOLD).started())
    owner = owners[0]
    os.kill(owner.process.pid, signal.SIGSTOP)  # it can't notice the end any more
    (bench.folder / "go").write_text("")
    assert eventually(lambda: owner.ending() is Ending.EXITED)
    owner.kill()
    outcome = read_outcome(owner.attempt)
    assert outcome is not None
    assert (outcome.ending, outcome.exit_code) == (Ending.EXITED, 3)


@pytest.mark.crash
def test_an_owner_killed_before_the_start_has_started_nothing(bench, owners):
    owners.append(Owner(bench, FAMILY, "process start"))
    assert owners[0].process.wait(20) == -signal.SIGKILL
    assert not was_started(owners[0].attempt)
    assert not bench.living()


@pytest.mark.crash
def test_an_owner_killed_right_after_the_start_leaves_a_lost_attempt(bench, owners):
    owners.append(Owner(bench, FAMILY, "process started"))
    assert owners[0].process.wait(20) == -signal.SIGKILL
    assert bench.is_empty_within(1.0)
    assert was_started(owners[0].attempt)
    assert eventually(lambda: owners[0].ending() is Ending.LOST)
