"""An attempt ends at once when its models send it away or it gives no sign of life; its logs are settled then too."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from programs_support import KEY, task, visit

from penstock.adapters.agents.attempt import Manner, run_attempt
from penstock.adapters.agents.command import CommandAgent
from penstock.adapters.agents.verdicts import by_exit_code
from penstock.adapters.agents.watching import Watch
from penstock.adapters.processes.request import Request
from penstock.domain.redaction import Redactor
from penstock.domain.tools import ToolProfile, ToolType
from penstock.ports import AgentReport, Stop, StopKind, Visit

Launched = Callable[[Callable[[Any], Awaitable[Any]]], Any]
SECRET = "hunter2-hunter2"
STOP = Stop(kind=StopKind.BUDGET, sentence="the budget of run r does not allow it")
LIMIT = 2.0


class Looks:
    """A clock that stands still until it is moved, and knows how often it was looked at."""

    def __init__(self) -> None:
        self.now, self.count = 0.0, 0

    def __call__(self) -> float:
        self.count += 1
        return self.now

    async def advance(self, seconds: float) -> None:
        """Let time pass, and let the watcher look twice: once that it began before is not enough."""
        self.now += seconds
        await until(lambda seen=self.count: self.count >= seen + 2)  # type: ignore[misc]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what a process does sets no event of ours
            await asyncio.sleep(0.005)


def script(root: Path, code: str, **more: Any) -> Request:
    (root / "work").mkdir(exist_ok=True)
    return Request(
        argv=("/bin/sh", "-c", code),
        cwd=root / "work",
        env={"PATH": os.environ["PATH"]},
        folder=root / "attempt",
        marker="home:run/ws/1",
        **{"grace": 0.5, **more},
    )


def manner(*, comes: Visit | None = None, idle: float = 0.0, clock: Callable[[], float] = time.monotonic) -> Manner:
    watch = Watch(visit=comes, idle_timeout=idle, monotonic=clock, interval=0.01)
    return Manner(judge=by_exit_code(), watch=watch, redactor=Redactor([SECRET]))


def has_said(root: Path, word: str) -> Callable[[], bool]:
    log = root / "attempt" / "stdout.log"
    return lambda: log.exists() and word in log.read_text()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


FAMILY = "echo $$ > pid; setsid sh -c 'echo $$ > other; exec sleep 60' & sleep 0.1; echo ready; {}; sleep 60"


@pytest.mark.parametrize("manners", [":", pytest.param("trap '' TERM", marks=pytest.mark.slow)])
def test_who_is_sent_away_is_gone_within_two_seconds_with_all_its_family(
    tmp_path: Path, launched: Launched, manners: str
) -> None:
    comes = visit()

    async def job(launcher: Any) -> tuple[AgentReport, float]:
        request = script(tmp_path, FAMILY.format(manners), grace=1.0)
        work = asyncio.create_task(run_attempt(launcher, request.folder, lambda: request, manner(comes=comes)))
        await until(lambda: has_said(tmp_path, "ready")() and (tmp_path / "work/other").exists())
        begin = time.monotonic()
        comes.stop.set_result(STOP)
        return await work, time.monotonic() - begin

    report, took = launched(job)
    assert report.ending == "refused"
    assert report.sentence.startswith(f"was stopped: {STOP.sentence}")
    assert took < LIMIT
    for name in ("pid", "other"):
        assert not is_alive(int((tmp_path / "work" / name).read_text()))


def test_who_ended_because_it_was_sent_away_did_not_fail_by_itself(tmp_path: Path, launched: Launched) -> None:
    comes = visit()
    comes.stop.set_result(STOP)
    request = script(tmp_path, "exit 1")
    report = launched(lambda launcher: run_attempt(launcher, request.folder, lambda: request, manner(comes=comes)))
    assert (report.ending, report.sentence) == ("refused", f"was stopped: {STOP.sentence}")


def test_the_word_of_the_models_may_come_from_another_thread(tmp_path: Path, launched: Launched) -> None:
    comes = visit()

    async def job(launcher: Any) -> AgentReport:
        request = script(tmp_path, "echo ready; sleep 60")
        work = asyncio.create_task(run_attempt(launcher, request.folder, lambda: request, manner(comes=comes)))
        await until(has_said(tmp_path, "ready"))
        await asyncio.to_thread(comes.stop.set_result, STOP)
        return await work

    assert launched(job).ending == "refused"


def test_a_word_that_comes_when_all_is_over_is_nobodys_error(tmp_path: Path, launched: Launched) -> None:
    comes = visit()
    request = script(tmp_path, "exit 0")
    assert (
        launched(lambda launcher: run_attempt(launcher, request.folder, lambda: request, manner(comes=comes))).ending
        == "finished"
    )
    comes.stop.set_result(STOP)


def test_who_gives_no_sign_of_life_is_stopped(tmp_path: Path, launched: Launched) -> None:
    clock = Looks()

    async def job(launcher: Any) -> AgentReport:
        request = script(tmp_path, "echo ready; sleep 60")
        work = asyncio.create_task(
            run_attempt(launcher, request.folder, lambda: request, manner(idle=10.0, clock=clock))
        )
        await until(has_said(tmp_path, "ready"))
        await clock.advance(0.0)
        await clock.advance(9.9)
        assert not work.done()
        clock.now += 0.1
        return await work

    report = launched(job)
    assert (report.ending, report.sentence) == ("idle", "was stopped: for 10 seconds it printed nothing")


@pytest.mark.parametrize("limit", [4 * 1024 * 1024, 4], ids=["kept", "over the limit of what is kept"])
def test_output_is_a_sign_of_life(tmp_path: Path, launched: Launched, limit: int) -> None:
    clock = Looks()
    code = "echo ready; while ! [ -e go ]; do sleep 0.01; done; echo more; sleep 60"

    async def job(launcher: Any) -> AgentReport:
        request = script(tmp_path, code, output_limit=limit)
        work = asyncio.create_task(
            run_attempt(launcher, request.folder, lambda: request, manner(idle=10.0, clock=clock))
        )
        await until(has_said(tmp_path, "re"))
        await clock.advance(0.0)
        await clock.advance(9.0)
        log = tmp_path / "attempt/stdout.log"
        before = log.stat().st_mtime_ns
        (tmp_path / "work/go").touch()
        await until(lambda: log.stat().st_mtime_ns != before)
        await clock.advance(0.0)
        await clock.advance(9.0)
        assert not work.done()
        clock.now += 1.0
        return await work

    assert launched(job).ending == "idle"


def test_a_byte_of_a_models_answer_is_a_sign_of_life(tmp_path: Path, launched: Launched) -> None:
    clock, comes = Looks(), visit()

    async def job(launcher: Any) -> AgentReport:
        request = script(tmp_path, "echo ready; sleep 60")
        watched = manner(comes=comes, idle=10.0, clock=clock)
        work = asyncio.create_task(run_attempt(launcher, request.folder, lambda: request, watched))
        await until(has_said(tmp_path, "ready"))
        await clock.advance(0.0)
        comes.quiet_since = 9.0
        await clock.advance(18.0)
        assert not work.done()
        clock.now += 1.0
        return await work

    report = launched(job)
    assert report.ending == "idle"
    assert report.sentence.endswith("it neither printed anything nor heard from its model")


def test_without_a_limit_silence_is_no_reason_to_stop(tmp_path: Path, launched: Launched) -> None:
    clock = Looks()

    async def job(launcher: Any) -> AgentReport:
        request = script(tmp_path, "echo ready; while ! [ -e go ]; do sleep 0.01; done")
        work = asyncio.create_task(run_attempt(launcher, request.folder, lambda: request, manner(clock=clock)))
        await until(has_said(tmp_path, "ready"))
        clock.now += 1e9
        (tmp_path / "work/go").touch()
        return await work

    assert launched(job).ending == "finished"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_the_logs_of_who_was_sent_away_hold_no_secret(tmp_path: Path, launched: Launched, stream: str) -> None:
    comes = visit()

    async def job(launcher: Any) -> AgentReport:
        to = {"stdout": "1", "stderr": "2"}[stream]
        request = script(tmp_path, f"echo {SECRET} {KEY} >&{to}; echo ready; sleep 60")
        work = asyncio.create_task(run_attempt(launcher, request.folder, lambda: request, manner(comes=comes)))
        await until(has_said(tmp_path, "ready"))
        comes.stop.set_result(STOP)
        return await work

    report = launched(job)
    log = (tmp_path / "attempt" / f"{stream}.log").read_text()
    assert "[redacted] [redacted]" in log
    assert not {SECRET, KEY} & set((log + report.output).split())


@pytest.mark.parametrize("times", [1, 2], ids=["once", "and once more while it is being stopped"])
def test_the_logs_of_an_attempt_whose_owner_gives_up_hold_no_secret(
    tmp_path: Path, launched: Launched, times: int
) -> None:
    clock = Looks()

    async def job(launcher: Any) -> None:
        ends = "touch stopping; sleep 0.3; exit"
        code = f"trap '{ends}' TERM; echo {SECRET}; echo ready; while :; do sleep 0.05; done"
        request = script(tmp_path, code, grace=10.0)
        work = asyncio.create_task(
            run_attempt(launcher, request.folder, lambda: request, manner(idle=9.0, clock=clock))
        )
        await until(has_said(tmp_path, "ready"))
        await clock.advance(0.0)
        for _ in range(times):
            work.cancel()
            if times > 1:
                await until((tmp_path / "work/stopping").exists)
        with pytest.raises(asyncio.CancelledError):
            await work

    launched(job)
    assert (tmp_path / "attempt/stdout.log").read_text().startswith("[redacted]\n")


class SlowStart:
    """A launcher whose process runs before it says so."""

    def __init__(self, launcher: Any, has_begun: Callable[[], bool]) -> None:
        self._launcher, self._has_begun = launcher, has_begun
        self.waits = asyncio.Event()

    async def start(self, request: Request) -> Any:
        await self._launcher.start(request)
        await until(self._has_begun)
        self.waits.set()
        await asyncio.Event().wait()


def test_the_logs_of_an_attempt_that_is_given_up_while_it_starts_hold_no_secret(
    tmp_path: Path, launched: Launched
) -> None:
    async def job(launcher: Any) -> None:
        slow: Any = SlowStart(launcher, has_said(tmp_path, "ready"))
        request = script(tmp_path, f"echo {SECRET}; echo ready; sleep 60")
        work = asyncio.create_task(run_attempt(slow, request.folder, lambda: request, manner()))
        await slow.waits.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    launched(job)
    assert (tmp_path / "attempt/stdout.log").read_text() == "[redacted]\nready\n"


def test_a_command_that_is_given_a_way_to_the_models_finds_it_in_its_environment(
    tmp_path: Path, launched: Launched
) -> None:
    profile = ToolProfile(
        type=ToolType.AI,
        command="/bin/sh",
        args=("-c", 'env > seen; echo "$1 $2"', "sh", "{gateway_url}", "{model_name}"),
        env={"MY_KEY": "{gateway_key}"},
    )

    async def job(launcher: Any) -> AgentReport:
        agent = CommandAgent(
            name="mine", profile=profile, launcher=launcher, environ=os.environ, redactor=Redactor(), model="own"
        )
        return await agent.work(task(tmp_path, "openai"))

    report = launched(job)
    assert report.output == "http://127.0.0.1:8080 model-1\n"
    seen = set((tmp_path / "worktree/seen").read_text().splitlines())
    wanted = {"PENSTOCK_GATEWAY_URL=http://127.0.0.1:8080", f"PENSTOCK_GATEWAY_KEY={KEY}", f"MY_KEY={KEY}"}
    assert wanted <= seen


def test_a_key_in_a_commands_arguments_is_not_put_on_record(tmp_path: Path, launched: Launched) -> None:
    profile = ToolProfile(type=ToolType.AI, command="/bin/echo", args=("{gateway_key}",))

    async def job(launcher: Any) -> AgentReport:
        agent = CommandAgent(name="mine", profile=profile, launcher=launcher, environ=os.environ, redactor=Redactor())
        return await agent.work(task(tmp_path, "openai"))

    assert launched(job).output == "[redacted]\n"
    assert not [path for path in (tmp_path / "attempt").glob("*.*") if KEY in path.read_text()]


def test_a_commands_own_limit_of_silence_counts_before_the_general_one(tmp_path: Path, launched: Launched) -> None:
    profile = ToolProfile(type=ToolType.AI, command="/bin/sleep", args=("60",))

    async def job(launcher: Any) -> AgentReport:
        agent = CommandAgent(
            name="mine",
            profile=profile,
            launcher=launcher,
            environ=os.environ,
            redactor=Redactor(),
            idle_timeout=0.05,
        )
        return await agent.work(task(tmp_path, "openai", idle_timeout=3600.0))

    assert launched(job).ending == "idle"
