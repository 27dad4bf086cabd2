"""What a start promises: argv, environment, folder, streams and records exactly as asked."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from process_bench import until

from ordinary_user import as_ordinary_user
from penstock.adapters.processes.reaping import read_outcome, was_started
from penstock.adapters.processes.request import Ending, Outcome, Request, RequestIsUnsound

if TYPE_CHECKING:
    from penstock.adapters.processes.launcher import Launcher


def test_exit_code_and_both_streams_are_kept(bench, run):
    outcome = run(bench.request("sh", "-c", "echo out; echo err >&2; exit 7"))
    assert (outcome.ending, outcome.exit_code, outcome.leftovers) == (Ending.EXITED, 7, 0)
    assert (outcome.stdout.read_text(), outcome.stderr.read_text()) == ("out\n", "err\n")
    assert not outcome.truncated
    assert outcome.error is None


def test_a_signal_is_its_negative_number(bench, run):
    outcome = run(bench.request("sh", "-c", "kill -SEGV $$"))
    assert (outcome.ending, outcome.exit_code) == (Ending.SIGNALLED, -11)


def test_a_missing_command_is_not_found(bench, run):
    request = bench.request("no-such-command-here")
    outcome = run(request)
    assert (outcome.ending, outcome.exit_code) == (Ending.NOT_FOUND, None)
    assert not was_started(request.folder)


def test_what_can_not_be_executed_is_not_started_with_the_reason(bench, run):
    (bench.work / "plain.txt").write_text("no program")
    outcome = run(bench.request("./plain.txt"))
    assert outcome.ending is Ending.NOT_STARTED
    assert "Permission denied" in (outcome.error or "")


@pytest.mark.parametrize("field", ["cwd", "stdin"])
def test_a_missing_folder_or_input_is_not_started_rather_than_not_found(bench, run, field):
    outcome = run(bench.request("true", **{field: bench.folder / "missing"}))
    assert outcome.ending is Ending.NOT_STARTED
    assert "No such file" in (outcome.error or "")


def test_a_folder_that_can_not_be_made_is_not_started(bench, run):
    (bench.folder / "file").write_text("")
    outcome = run(bench.request("true", folder=bench.folder / "file" / "attempt"))
    assert outcome.ending is Ending.NOT_STARTED


def test_the_environment_is_the_given_one_and_the_marker_only(bench, run, monkeypatch):
    monkeypatch.setenv("PROVIDER_KEY", "very-secret")
    request = bench.request(sys.executable, "-I", "-S", "-c", "import os; print(sorted(os.environ))", env={"A": "ä"})
    shown = run(request).stdout.read_text()
    names = set(eval(shown)) - {"LC_CTYPE"}  # the child's own interpreter sets this one
    assert names == {"A", "PENSTOCK_ATTEMPT"}


def test_zygote_and_keeper_do_not_carry_our_environment(bench, with_launcher, monkeypatch):
    monkeypatch.setenv("PROVIDER_KEY", "very-secret")

    async def use(launcher: Launcher) -> list[dict[str, str]]:
        running = await launcher.start(bench.agent("import time; time.sleep(60)"))
        await until(lambda: bool(bench.living()))  # as long as an exec goes on, a process has no arguments
        helpers = [psutil.Process(pid).parents()[:2] for pid in bench.living()]
        seen = [helper.environ() for helper in helpers[0]]
        await running.stop()
        return seen

    keeper, zygote = with_launcher(use)
    assert keeper == zygote == {}


def test_the_working_folder_is_the_given_one(bench, run):
    assert run(bench.request("pwd", "-P")).stdout.read_text().strip() == str(bench.work.resolve())


def test_a_relative_program_is_found_from_the_working_folder(bench, run):
    script = bench.work / "tool"
    script.write_text("#!/bin/sh\necho mine\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    assert run(bench.request("./tool")).stdout.read_text() == "mine\n"


def test_input_is_empty_or_the_given_file(bench, run):
    text = bench.folder / "prompt.txt"
    text.write_text("the prompt")
    assert run(bench.request("cat")).stdout.read_text() == ""
    assert run(bench.request("cat", stdin=text)).stdout.read_text() == "the prompt"


def test_a_child_gets_three_descriptors_and_no_lock_of_ours(bench, with_launcher):
    lock = bench.folder / "run.lock"

    async def use(launcher: Launcher) -> tuple[Outcome, list[str]]:
        request = bench.agent("import os, time; print(len(os.listdir('/proc/self/fd')), flush=True); time.sleep(60)")
        running = await launcher.start(request)
        await until(lambda: request.folder.joinpath("stdout.log").read_text() != "")
        helpers = psutil.Process(bench.living()[0]).parents()[:2]
        held = [target for helper in helpers for target in _held_by(helper)]
        return await running.stop(), held

    descriptor = os.open(lock, os.O_CREAT | os.O_RDWR)
    os.set_inheritable(descriptor, True)
    try:
        outcome, held = with_launcher(use)
    finally:
        os.close(descriptor)
    assert outcome.stdout.read_text().strip() == "4"  # 0, 1, 2 and the listing itself
    assert str(lock) not in held


def _held_by(process: psutil.Process) -> list[str]:
    return [str(entry.readlink()) for entry in Path(f"/proc/{process.pid}/fd").iterdir()]


def test_ignored_and_blocked_signals_are_reset(bench, run):
    outcome = run(bench.request("sh", "-c", "grep -E 'Sig(Blk|Ign)' /proc/self/status"))
    ours = sum(1 << (number - 1) for number in signal.valid_signals())  # the C library keeps two for itself
    assert [int(line.split()[1], 16) & ours for line in outcome.stdout.read_text().splitlines()] == [0, 0]


def test_request_json_shows_no_secret_and_no_environment_value(bench, run):
    request = bench.request(
        "true", "--key=abc123", "--word", "hush", env={"TOKEN": "of-the-environment"}, redact=("abc123",)
    )
    run(request, redact=lambda text: text.replace("hush", "***"))
    written = (request.folder / "request.json").read_text()
    assert json.loads(written)["argv"] == ["true", "--key=[redacted]", "--word", "***"]
    assert "of-the-environment" not in written
    assert stat.S_IMODE((request.folder / "request.json").stat().st_mode) == 0o600


def test_the_outcome_on_disk_is_the_outcome_that_was_awaited(bench, run):
    request = bench.request("sh", "-c", "exit 3")
    assert run(request) == read_outcome(request.folder)
    assert was_started(request.folder)


def test_times_are_those_of_the_given_clock(bench, run):
    outcome = run(bench.request("true"), clock=lambda: 1000.0)
    assert outcome.started_at == 1000.0
    assert outcome.ended_at == pytest.approx(1000.0 + outcome.duration)
    assert outcome.duration < 30


def test_records_of_an_earlier_run_in_the_folder_are_replaced(bench, run):
    folder = bench.folder / "same"
    run(bench.request("sh", "-c", "exit 3", folder=folder))
    assert run(bench.request("sh", "-c", "exit 4", folder=folder)).exit_code == 4
    recorded = read_outcome(folder)
    assert recorded is not None
    assert recorded.exit_code == 4


def test_fifty_starts_at_once_all_end_with_their_own_result(bench, with_launcher):
    async def use(launcher: Launcher) -> list[Outcome]:
        async def one(number: int) -> Outcome:
            return await (await launcher.start(bench.request("sh", "-c", f"echo {number}; exit {number}"))).wait()

        return await asyncio.gather(*(one(number) for number in range(50)))

    outcomes = with_launcher(use)
    assert [outcome.exit_code for outcome in outcomes] == list(range(50))
    assert [outcome.stdout.read_text() for outcome in outcomes] == [f"{number}\n" for number in range(50)]


def test_a_long_argument_and_a_large_environment_arrive(bench, run):
    request = bench.request("sh", "-c", "echo ${#0} ${#LONG}", "x" * 100_000, env={"LONG": "y" * 100_000})
    assert run(request).stdout.read_text().split() == ["100000", "100000"]


def test_both_effects_are_announced_in_order(bench, run):
    effects: list[str] = []
    run(bench.request("true"), effect=effects.append)
    assert effects == ["process start", "process started"]


@pytest.mark.parametrize(
    "fields", [{"argv": ()}, {"argv": ("a\0b",)}, {"env": {"A=B": ""}}, {"marker": ""}, {"grace": -1.0}]
)
def test_a_request_that_no_system_could_carry_out_is_refused(tmp_path, fields):
    sound = {"argv": ("true",), "cwd": tmp_path, "env": {}, "folder": tmp_path, "marker": "home:run/a/1"}
    with pytest.raises(RequestIsUnsound):
        Request(**{**sound, **fields})


def test_a_keeper_is_used_again_and_keeps_nothing_of_what_it_had(bench, with_launcher):
    script = "sleep 0.2; echo $PPID; ls /proc/$PPID/fd | wc -l"  # by then it has closed what it gave away

    async def use(launcher):
        outcomes = []
        for number in range(6):
            request = bench.request("/bin/sh", "-c", script, folder=bench.work / f"attempt-{number}")
            outcomes.append(await (await launcher.start(request)).wait())
        return [outcome.stdout.read_text().split() for outcome in outcomes]

    said = with_launcher(use)
    assert len({keeper for keeper, _ in said}) <= 2, "one may still be putting away what it kept when the next comes"
    assert len({descriptors for _, descriptors in said}) == 1


def test_a_keeper_has_one_process_at_a_time(bench, with_launcher):
    async def use(launcher):
        requests = [
            bench.request("/bin/sh", "-c", "echo $PPID; sleep 0.3", folder=bench.work / f"attempt-{number}")
            for number in range(3)
        ]
        running = [await launcher.start(request) for request in requests]
        return [(await one.wait()).stdout.read_text() for one in running]

    assert len(set(with_launcher(use))) == 3


def test_a_keeper_that_could_start_nothing_is_as_good_as_before(bench, with_launcher):
    async def use(launcher):
        for number in range(3):
            missing = bench.request("/no/such/program", folder=bench.work / f"missing-{number}")
            assert (await (await launcher.start(missing)).wait()).ending is Ending.NOT_FOUND
        request = bench.request("/bin/sh", "-c", "sleep 0.2; ls /proc/$PPID/fd | wc -l", folder=bench.work / "there")
        return (await (await launcher.start(request)).wait()).stdout.read_text()

    async def fresh(launcher):
        request = bench.request("/bin/sh", "-c", "sleep 0.2; ls /proc/$PPID/fd | wc -l", folder=bench.work / "fresh")
        return (await (await launcher.start(request)).wait()).stdout.read_text()

    assert with_launcher(use) == with_launcher(fresh)


def test_an_idle_keeper_that_was_killed_is_in_nobodys_way(bench, with_launcher):
    async def use(launcher):
        codes = []
        for number in range(3):
            request = bench.request("/bin/sh", "-c", "echo $PPID; exit 3", folder=bench.work / f"attempt-{number}")
            outcome = await (await launcher.start(request)).wait()
            codes.append(outcome.exit_code)
            keeper = psutil.Process(int(outcome.stdout.read_text()))
            keeper.kill()
            await until(lambda keeper=keeper: not keeper.is_running())
        return codes

    assert with_launcher(use) == [3, 3, 3]


def test_a_keeper_that_was_killed_is_not_used_again(bench, with_launcher):
    async def use(launcher):
        killing = bench.request("/bin/sh", "-c", "kill -KILL $PPID; sleep 30", folder=bench.work / "killing")
        lost = await (await launcher.start(killing)).wait()
        after = bench.request("/bin/sh", "-c", "exit 3", folder=bench.work / "after")
        return lost.ending, (await (await launcher.start(after)).wait()).exit_code

    assert with_launcher(use) == (Ending.LOST, 3)


def test_a_folder_of_path_that_may_not_be_looked_into_holds_no_command():
    as_ordinary_user(
        "from penstock.adapters.processes.spawn import CouldNotStart, spawn",
        "(folder / 'closed').mkdir(); (folder / 'open').mkdir()\n"
        "(folder / 'closed').chmod(0); (folder / 'open/plain').write_text('no program')\n"
        "def refused(command):\n"
        "    path = f'{folder}/closed:{folder}/open'\n"
        "    order = {'stdin': '', 'cwd': str(folder), 'confinement': (), 'argv': [command], 'env': {'PATH': path}}\n"
        "    try:\n"
        "        spawn(order, 1, 2)\n"
        "    except CouldNotStart as error:\n"
        "        return error.is_not_found\n"
        "assert (refused('nowhere'), refused('plain')) == (True, False)\n",
    )


@pytest.mark.parametrize("timeout", [1e7, 1e15, 1e300])
def test_a_timeout_may_be_longer_than_a_system_waits(bench, run, timeout):
    outcome = run(bench.request("/bin/sh", "-c", "echo done", timeout=timeout))
    assert (outcome.ending, outcome.exit_code, outcome.error) == (Ending.EXITED, 0, None)


def lowest_free(pid: int) -> int:
    """The number that a process would give the next thing that it opens."""
    used = {int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir()}
    return next(number for number in range(len(used) + 1) if number not in used)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lets one set another process's limits")
@pytest.mark.parametrize("room", [0, 1])
def test_what_no_keeper_can_be_made_for_is_not_started_and_nobody_else_is_the_worse_for_it(bench, with_launcher, room):
    async def use(launcher):
        first = await launcher.start(bench.request("sleep", "60"))
        zygote = psutil.Process(launcher._zygote.pid)
        before = zygote.rlimit(psutil.RLIMIT_NOFILE)
        zygote.rlimit(psutil.RLIMIT_NOFILE, (lowest_free(zygote.pid) + room, before[1]))
        second = await (await launcher.start(bench.request("true"))).wait()
        zygote.rlimit(psutil.RLIMIT_NOFILE, before)
        third = await (await launcher.start(bench.request("true"))).wait()
        assert zygote.is_running()
        assert not first.follower.done()
        await first.stop()
        return second, third

    second, third = with_launcher(use)
    assert (second.ending, second.confined) == (Ending.NOT_STARTED, False)
    assert second.error == "there is no room for one more process on this machine"
    assert (third.ending, third.exit_code) == (Ending.EXITED, 0)
