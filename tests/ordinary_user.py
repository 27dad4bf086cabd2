"""Runs a piece of code as a user who may not override rights, as most who run this may not."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

CANNOT = 77
NOBODY = 65534
START = f"""\
if os.getuid() == 0:
    try:
        os.setgid({NOBODY}), os.setuid({NOBODY})
    except OSError as refused:
        print(refused), sys.exit({CANNOT})
folder = pathlib.Path(sys.argv[1])
"""


def as_ordinary_user(imports: str, code: str) -> None:
    """The code has `folder`, an empty folder of its own; skipped where root can be nobody else.

    What it imports is read before root's rights are given up: it may lie where only root reads.
    """
    whole = f"import os, sys, pathlib\n{imports}\n{START}{code}"
    with tempfile.TemporaryDirectory() as target:  # pytest's own folders are closed to other users
        Path(target).chmod(0o777)
        done = subprocess.run([sys.executable, "-c", whole, target], capture_output=True, text=True, check=False)
    if done.returncode == CANNOT:
        pytest.skip(f"there is no other user here: {done.stdout.strip()}")
    assert done.returncode == 0, done.stderr
