"""How processes end when we end them: by time, by wish, by closing, and when their keeper is attacked."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import psutil
import pytest
from process_bench import until

from penstock.adapters.processes.request import Ending, Outcome

if TYPE_CHECKING:
    from penstock.adapters.processes.launcher import Launcher

IGNORES_TERM = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""
HEARS_TERM = """
import os, signal, time
def leave(*_): os.write(1, b"bye\\n"); os._exit(5)  # the main program may be within print still
signal.signal(signal.SIGTERM, leave)
print("ready", flush=True)
time.sleep(60)
"""
# The daemon has no marker and no working folder of ours: only who adopts it can find it.
KILLS_ITS_KEEPER = """
import os, sys, time
reader, writer = os.pipe()
os.set_inheritable(writer, True)
if os.fork() == 0:
    os.setsid()
    os.chdir("/")
    code = "import os, sys, time; os.write(int(sys.argv[2]), b'x'); time.sleep(60)"
    os.execve(sys.executable, [sys.executable, "-I", "-S", "-c", code, sys.argv[1], str(writer)], {})
os.read(reader, 1)
os.kill(os.getppid(), 9)
time.sleep(60)
"""


async def _ready(request) -> None:
    await until(lambda: "ready" in _text(request))


def _text(request) -> str:
    log = request.folder / "stdout.log"
    return log.read_text() if log.exists() else ""


def test_a_process_that_ignores_term_is_killed_after_its_grace(bench, run):
    outcome = run(bench.agent(IGNORES_TERM, timeout=0.3, grace=0.2))
    assert (outcome.ending, outcome.exit_code) == (Ending.TIMED_OUT, -9)
    assert 0.45 < outcome.duration < 5
    assert not bench.living()


def test_a_process_that_hears_term_ends_in_its_own_way(bench, with_launcher):
    async def use(launcher: Launcher) -> Outcome:
        request = bench.agent(HEARS_TERM, grace=20.0)
        running = await launcher.start(request)
        await _ready(request)
        return await running.stop()

    outcome = with_launcher(use)
    assert (outcome.ending, outcome.exit_code) == (Ending.STOPPED, 5)
    assert outcome.duration < 15
    assert outcome.stdout.read_text() == "ready\nbye\n"


def test_a_stop_kills_what_ignores_it(bench, with_launcher):
    async def use(launcher: Launcher) -> Outcome:
        request = bench.agent(IGNORES_TERM, grace=0.1)
        running = await launcher.start(request)
        await _ready(request)
        first, second = await asyncio.gather(running.stop(), running.stop())
        assert first == second
        return first

    outcome = with_launcher(use)
    assert (outcome.ending, outcome.exit_code) == (Ending.STOPPED, -9)
    assert not bench.living()


def test_a_stop_after_the_end_gives_the_true_outcome(bench, with_launcher):
    async def use(launcher: Launcher) -> Outcome:
        running = await launcher.start(bench.request("sh", "-c", "exit 6"))
        await running.wait()
        return await running.stop()

    outcome = with_launcher(use)
    assert (outcome.ending, outcome.exit_code) == (Ending.EXITED, 6)


def test_cancelling_a_wait_stops_nothing(bench, with_launcher):
    async def use(launcher: Launcher) -> Outcome:
        request = bench.agent(HEARS_TERM)
        running = await launcher.start(request)
        await _ready(request)
        waiting = asyncio.create_task(running.wait())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert bench.living()
        return await running.stop()

    assert with_launcher(use).ending is Ending.STOPPED


@pytest.mark.parametrize("milliseconds", [0, 1, 2, 4, 8])
def test_a_cancelled_start_leaves_nothing(bench, with_launcher, milliseconds):
    async def use(launcher: Launcher) -> None:
        starting = asyncio.create_task(launcher.start(bench.agent("import time; time.sleep(60)")))
        await asyncio.sleep(milliseconds / 1000)
        starting.cancel()
        try:
            running = await starting
        except asyncio.CancelledError:
            pass
        else:
            await running.stop()
        assert not bench.living()

    with_launcher(use)


def test_closing_stops_what_runs_and_the_zygote(bench, with_launcher):
    async def use(launcher: Launcher) -> None:
        request = bench.agent(IGNORES_TERM, grace=0.1)
        await launcher.start(request)
        await _ready(request)

    before = set(psutil.Process().children())
    with_launcher(use)
    assert not bench.living()
    assert set(psutil.Process().children()) <= before


@pytest.mark.slow
def test_a_stopped_process_hears_the_ladder_too(bench, run):
    outcome = run(bench.agent(HEARS_TERM.replace("time.sleep(60)", "import os; os.kill(os.getpid(), 19)"), timeout=1.0))
    assert (outcome.ending, outcome.exit_code) == (Ending.TIMED_OUT, 5)


def test_an_agent_that_kills_its_keeper_is_lost_and_leaves_nothing(bench, run):
    outcome = run(bench.agent(KILLS_ITS_KEEPER))
    assert outcome.ending is Ending.LOST
    assert outcome.exit_code is None
    assert not bench.living()


def test_a_keeper_that_its_agent_has_stopped_can_be_abandoned(bench, with_launcher):
    async def use(launcher: Launcher) -> Outcome:
        request = bench.agent("import os, time; os.kill(os.getppid(), 19); time.sleep(60)")
        running = await launcher.start(request)
        await until(lambda: bool(bench.living()))  # as long as an exec goes on, a process has no arguments
        keeper = psutil.Process(bench.living()[0]).parent()
        await until(lambda: keeper.status() == psutil.STATUS_STOPPED)
        running.abandon()
        return await running.wait()

    assert with_launcher(use).ending is Ending.LOST
    assert not bench.living()


def test_a_killed_zygote_loses_no_outcome_and_is_replaced(bench, with_launcher):
    async def use(launcher: Launcher) -> tuple[Outcome, Outcome]:
        request = bench.agent(HEARS_TERM)
        first = await launcher.start(request)
        await _ready(request)
        zygote = psutil.Process(bench.living()[0]).parents()[1]
        assert zygote.ppid() == os.getpid()
        zygote.send_signal(signal.SIGKILL)
        await until(lambda: not zygote.is_running())
        second = await (await launcher.start(bench.request("sh", "-c", "exit 2"))).wait()
        return await first.stop(), second

    first, second = with_launcher(use)
    assert (first.ending, first.exit_code) == (Ending.STOPPED, 5)
    assert (second.ending, second.exit_code) == (Ending.EXITED, 2)


def test_without_keeper_and_zygote_the_marker_still_finds_the_agent(bench, with_launcher):
    async def use(launcher: Launcher) -> Outcome:
        running = await launcher.start(bench.agent("import time; time.sleep(60)"))
        await until(lambda: bool(bench.living()))  # as long as an exec goes on, a process has no arguments
        keeper, zygote = psutil.Process(bench.living()[0]).parents()[:2]
        zygote.kill()
        keeper.kill()
        return await running.wait()

    assert with_launcher(use).ending is Ending.LOST
    assert not bench.living()
