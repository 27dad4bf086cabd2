"""A kill at any instant is harmless: SIGKILL between every two effects, recovery, and comparison with a quiet run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).with_name("crash_runner.py")
STRIDE = int(os.environ.get("CRASH_STRIDE", "7"))
"""Every seventh point in CI; `make crash` takes each."""


@pytest.mark.crash
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("mode", ["owner", "group"])
@pytest.mark.parametrize("half", [0, 1])
def test_a_kill_at_any_point_is_harmless(tmp_path: Path, mode: str, half: int) -> None:
    first, stride = (1 + half, 2) if STRIDE == 1 else (1 + half * (STRIDE // 2), STRIDE)
    done = subprocess.run(
        [sys.executable, str(RUNNER), str(tmp_path), mode, str(first), str(stride)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    print(f"{mode}: {found['points']} fault points, {found['tried']} tried, {found['extra_snapshots']} extra snapshots")
    assert found["tried"] > 10
    assert found["wrong"] == []
