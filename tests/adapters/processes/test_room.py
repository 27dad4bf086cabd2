"""How long a start waits for room: a while for memory, hardly at all for a disk."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from penstock.adapters.processes.supervisor import NoRoom, Supervisor

ENDLESS = 10**9


def test_a_disk_below_its_floor_is_given_up_long_before_memory_would_be(tmp_path: Path) -> None:
    supervisor = Supervisor(runs=tmp_path, worktrees=tmp_path, min_free_gb=ENDLESS, wait_for_disk=0.0)
    assert supervisor.wait_for_disk < Supervisor(runs=tmp_path, worktrees=tmp_path).wait_for_disk < supervisor.wait
    began = time.monotonic()
    with pytest.raises(NoRoom, match="GB are free for") as refused:
        asyncio.run(supervisor.room())
    assert time.monotonic() - began < 5
    assert "resume" in (refused.value.hint or "")


def test_memory_is_waited_for(tmp_path: Path) -> None:
    short = Supervisor(runs=tmp_path, worktrees=tmp_path, min_free_gb=0.0, memory_mb=ENDLESS, wait=0.2)
    began = time.monotonic()
    with pytest.raises(NoRoom, match="MB of memory are free"):
        asyncio.run(short.room())
    assert time.monotonic() - began >= 0.2
