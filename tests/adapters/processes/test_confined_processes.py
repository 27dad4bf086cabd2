"""A confined process is kept, ended and reported like any other, and nothing of it outlives its keeper."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest
from process_bench import PYTHON, eventually, until
from test_owner_death import FAMILY, Owner
from test_stopping import HEARS_TERM, IGNORES_TERM

from penstock.adapters.processes.confiner import Confiner
from penstock.adapters.processes.reaping import read_outcome
from penstock.adapters.processes.request import Ending

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from process_bench import Bench

    from penstock.adapters.processes.request import Request
    from penstock.adapters.processes.trial import Trial


@pytest.fixture
def confined(bench: Bench, trial: Trial) -> Any:
    """Confines a request to the bench's folder of work."""
    confiner = Confiner(trial=trial, mode="required")

    def of(request: Request) -> Request:
        return confiner.confine(request, bench.work)

    return of


def test_its_exit_code_and_its_output_are_its_own(bench, run, confined):
    outcome = run(confined(bench.request("/bin/sh", "-c", "echo out; echo err >&2; exit 7")))
    assert (outcome.ending, outcome.exit_code, outcome.confined) == (Ending.EXITED, 7, True)
    assert (outcome.stdout.read_text(), outcome.stderr.read_text()) == ("out\n", "err\n")
    assert outcome.leftovers == 0


def test_that_it_was_confined_stands_on_record(bench, run, confined):
    request = confined(bench.request("/bin/true"))
    run(request)
    recorded = read_outcome(request.folder)
    assert recorded is not None
    assert recorded.confined
    assert json.loads((request.folder / "request.json").read_text())["confinement"][0].endswith("bwrap")


def test_a_process_that_nobody_confined_is_not_said_to_be(bench, run):
    assert not run(bench.request("/bin/true")).confined


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_signal_that_ended_it_is_told_as_one(bench, run, confined, number):
    outcome = run(confined(bench.request("/bin/sh", "-c", f"kill -{int(number)} $$")))
    assert (outcome.ending, outcome.exit_code) == (Ending.SIGNALLED, -number)


@pytest.mark.parametrize("command", ["no-such-program", "/no/such/program", "./no-such-program"])
def test_a_program_that_is_not_there_is_not_found(bench, run, confined, command):
    outcome = run(confined(bench.request(command)))
    assert (outcome.ending, outcome.exit_code, outcome.confined) == (Ending.NOT_FOUND, None, False)


def test_a_confinement_that_can_not_be_made_is_no_failure_of_the_process(bench, run, confined, tmp_path: Path):
    request = confined(bench.request("/bin/sh", "-c", "echo ran"))
    broken = [str(tmp_path / "gone") if word == str(bench.work) else word for word in request.confinement]
    outcome = run(bench.request("/bin/sh", "-c", "echo ran", confinement=tuple(broken)))
    assert (outcome.ending, outcome.confined) == (Ending.NOT_STARTED, False)
    assert "bwrap" in (outcome.error or "")
    assert outcome.stdout.read_text() == ""


def test_what_it_writes_itself_is_not_taken_for_what_confines_it(bench, run, confined):
    outcome = run(confined(bench.request("/bin/sh", "-c", "echo bwrap: no such luck >&2; exit 1")))
    assert (outcome.ending, outcome.exit_code, outcome.confined) == (Ending.EXITED, 1, True)
    assert outcome.error is None


def test_it_holds_nothing_but_its_streams(bench, run, confined):
    outcome = run(confined(bench.request(*PYTHON, "import os; print(sorted(os.listdir('/proc/self/fd')))")))
    assert outcome.stdout.read_text() == "['0', '1', '2', '3']\n"  # the last is the listed folder itself


@pytest.fixture
def kept_key() -> Iterator[int]:
    """The number of a key that the kernel keeps for the session of the tests."""
    system = ctypes.CDLL(None, use_errno=True)
    if os.uname().machine != "x86_64":
        pytest.skip("the kernel's calls have other numbers here")
    key = system.syscall(248, b"user", b"penstock-test", b"a key", 5, -3)  # add_key, to the session's ring
    if key <= 0:
        pytest.skip(f"the kernel keeps no keys here: {os.strerror(ctypes.get_errno())}")
    yield key
    system.syscall(250, 3, key)  # keyctl, KEYCTL_REVOKE


def test_it_has_none_of_the_keys_that_the_kernel_keeps_for_the_users_session(bench, run, confined, kept_key):
    code = "import ctypes; c = ctypes.CDLL(None); text = ctypes.create_string_buffer(9)\n"
    code += f"c.syscall(250, 11, {kept_key}, text, 9); print(text.value)"  # keyctl, KEYCTL_READ
    assert run(bench.request(sys.executable, "-I", "-S", "-c", code)).stdout.read_text() == "b'a key'\n"
    outcome = run(confined(bench.request(sys.executable, "-I", "-S", "-c", code)))
    assert (outcome.confined, outcome.stdout.read_text()) == (True, "b''\n")


def test_it_hears_term_and_may_tidy_up(bench, with_launcher, confined):
    async def use(launcher):
        request = confined(bench.agent(HEARS_TERM, grace=20.0))
        running = await launcher.start(request)
        await until(lambda: "ready" in (request.folder / "stdout.log").read_text())
        return await running.stop()

    outcome = with_launcher(use)
    assert (outcome.ending, outcome.exit_code) == (Ending.STOPPED, 5)
    assert outcome.stdout.read_text() == "ready\nbye\n"


def test_one_that_ignores_term_is_killed_with_all_its_kind(bench, run, confined):
    outcome = run(confined(bench.agent(IGNORES_TERM, timeout=0.5, grace=0.1)))
    assert outcome.ending is Ending.TIMED_OUT
    assert outcome.duration < 5
    assert bench.is_empty_within(1.0)


def test_a_daemon_is_gone_when_the_process_has_ended(bench, run, confined):
    code = FAMILY.replace("time.sleep(60)\n", "") + "time.sleep(0.05)"
    outcome = run(confined(bench.agent(code)))
    assert (outcome.ending, outcome.exit_code) == (Ending.EXITED, 0)
    assert bench.is_empty_within(1.0)


@pytest.mark.crash
def test_all_go_when_the_owner_is_killed(bench, trial):
    owner = Owner(bench, FAMILY, "confined").started()
    assert eventually(lambda: len(bench.living()) >= 2)
    owner.kill()
    owner.process.stdout.close()
    assert bench.is_empty_within(1.0)
    assert eventually(lambda: owner.ending() is Ending.LOST)


def test_it_sees_no_process_but_its_own_and_can_kill_none(bench, run, confined):
    code = "import os, signal; print(os.getpid(), sorted(int(p) for p in os.listdir('/proc') if p.isdigit()))\n"
    code += "for pid in range(3, 5000):\n    try: os.kill(pid, 0); print('sees', pid)\n    except OSError: pass\n"
    code += "try: os.kill(-1, signal.SIGTERM)\nexcept OSError as error: print(error)"
    outcome = run(confined(bench.request(*PYTHON, code)))
    assert outcome.ending in (Ending.EXITED, Ending.SIGNALLED)
    assert outcome.stdout.read_text().splitlines()[0] == "2 [1, 2]"
    assert "sees" not in outcome.stdout.read_text()


def test_its_keeper_can_not_be_killed_from_inside(bench, run, confined):
    code = "import os; print(os.getppid())\ntry: os.kill(os.getppid(), 9)\nexcept OSError as e: print(e)\nprint('on')"
    outcome = run(confined(bench.request(sys.executable, "-I", "-S", "-c", code)))
    assert outcome.ending is Ending.EXITED
    assert outcome.stdout.read_text().splitlines()[-1] == "on"
