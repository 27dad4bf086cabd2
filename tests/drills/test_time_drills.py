"""Time that does what it should not: a clock that jumps, an agent that never ends."""

from __future__ import annotations

import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from drill_desk import DONE, DrillDesk
from two_process_support import SETTINGS, bundle, writes

pytestmark = pytest.mark.slow

LIMITS = "[limits]\nagent_timeout = {0}\ncheck_timeout = {0}\n"
HOURS = timedelta(hours=5)
JUMPING_CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t which, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    const char *path = getenv("CLOCK_JUMP");
    long jump = 0;
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    if (file) { if (fscanf(file, "%ld", &jump) != 1) jump = 0; fclose(file); }
    int answer = real(which, time);
    if (!answer && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) time->tv_sec += jump;
    return answer;
}
"""
"""Put before the C library, it moves the wall clock of one process tree, and leaves everybody else's alone."""


@pytest.fixture
def jump(tmp_path: Path) -> Path:
    """A file that says by how many seconds the wall clock is off; the library that obeys it lies beside it."""
    if shutil.which("cc") is None:
        pytest.skip("a clock that jumps for one process tree needs a C compiler")
    source, library = tmp_path / "clock.c", tmp_path / "clock.so"
    source.write_text(JUMPING_CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    (tmp_path / "jump").write_text("0")
    return tmp_path / "jump"


@pytest.mark.parametrize("hours", [HOURS, -HOURS], ids=["forwards", "backwards"])
def test_a_clock_that_jumps_by_hours_ends_nothing_early_and_reorders_nothing(
    hours: timedelta, jump: Path, tmp_path: Path
) -> None:
    desk = DrillDesk(tmp_path, settings=SETTINGS + LIMITS.format("60.0"))
    desk.environ |= {"LD_PRELOAD": str(jump.with_name("clock.so")), "CLOCK_JUMP": str(jump)}
    owner = desk.begin()
    jump.write_text(str(int(hours.total_seconds())))
    desk.ended(owner, 0)
    assert desk.states("r1") == DONE
    assert all(one["attempts"]["edit"] == 1 for one in desk.shown("r1")["workstreams"])  # type: ignore[attr-defined]
    events = desk.events()
    assert [one["id"] for one in events] == sorted(one["id"] for one in events)  # type: ignore[type-var]
    assert (events[0]["event_type"], events[-1]["event_type"]) == ("run_started", "run_status_changed")
    took = _moment(events[-1]) - _moment(events[0])
    assert abs(took - hours) < timedelta(hours=1)


def _moment(event: dict[str, object]) -> datetime:
    return datetime.fromisoformat(str(event["timestamp"]))


def test_an_agent_that_says_nothing_and_never_ends_is_stopped_by_its_time_limit(tmp_path: Path) -> None:
    silent = bundle("ws-a", [writes("ws-a", after=3600.0)])
    desk = DrillDesk(tmp_path, silent, bundle("ws-b", [writes("ws-b")]), settings=SETTINGS + LIMITS.format("1.0"))
    said = desk.ended(desk.start("run", "--run-id", "r1"), 1)
    assert "its time was over" in said
    assert desk.states("r1") == {"ws-a": "failed", "ws-b": "done"}
