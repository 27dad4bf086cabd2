"""Nothing that a process has started outlives it, however it tries to get away."""

from __future__ import annotations

import pytest

from penstock.adapters.processes.request import Ending

FRAME = """
import os, sys, time
reader, writer = os.pipe()
os.set_inheritable(writer, True)
if os.fork() == 0:
{escape}
    os.write(writer, b"x")
    time.sleep(60)
    os._exit(0)
os.read(reader, 1)
print("done", flush=True)
"""
SETSID = "    os.setsid()\n"
DOUBLE_FORK = SETSID + "    if os.fork(): os._exit(0)\n"
CHDIR = "    os.chdir('/')\n"
CLEAN = (
    "    os.execve(sys.executable, [sys.executable, '-I', '-S', '-c',"
    " 'import os, sys, time; os.write(int(sys.argv[2]), b\"x\"); time.sleep(60)', sys.argv[1], str(writer)], {})\n"
)
STORM = """
import os, time
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    end = time.monotonic() + 2
    os.write(writer, b"x")
    while time.monotonic() < end:
        time.sleep(0.003)
        if os.fork():
            os._exit(0)
    os._exit(0)
os.read(reader, 1)
"""


@pytest.mark.parametrize(
    "escape",
    [SETSID, DOUBLE_FORK, DOUBLE_FORK + CLEAN, DOUBLE_FORK + CHDIR + CLEAN],
    ids=["setsid", "double fork", "clean environment", "all and another folder"],
)
def test_a_daemon_is_killed_when_the_process_has_ended(bench, run, escape):
    outcome = run(bench.agent(FRAME.format(escape=escape)))
    assert not bench.living()
    assert (outcome.ending, outcome.exit_code) == (Ending.EXITED, 0)
    assert outcome.leftovers == 1


@pytest.mark.slow
def test_a_process_that_forks_on_and_on_is_caught(bench, run):
    outcome = run(bench.agent(STORM))
    assert not bench.living()
    assert outcome.ending is Ending.EXITED
    assert outcome.leftovers >= 1
    assert outcome.duration < 1.5


def test_a_background_child_that_holds_the_output_open_does_not_delay_the_end(bench, run):
    outcome = run(bench.request("sh", "-c", "sleep 60 & echo done"))
    assert outcome.stdout.read_text() == "done\n"
    assert outcome.duration < 15
    assert outcome.leftovers == 1


def test_an_orphan_that_ends_by_itself_is_no_leftover(bench, run):
    code = (
        "import os, time\nif os.fork() == 0:\n    if os.fork() == 0: time.sleep(0.05)\n    os._exit(0)\ntime.sleep(0.5)"
    )
    assert run(bench.agent(code)).leftovers == 0
