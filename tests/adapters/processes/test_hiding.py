"""Nobody who looks at a process finds the keys that it was started with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "sk-planted-0123456789abcdef"
HIDES = """
import os, sys
from penstock.adapters.processes.hiding import hide, is_dumpable
before = is_dumpable()
done = hide(["FIRST_KEY", "SECOND_KEY", "EMPTY_KEY", "MISSING_KEY"])
print(before, done, is_dumpable(), os.environ["FIRST_KEY"], os.environ["SECOND_KEY"], flush=True)
sys.stdin.readline()
child = os.popen("printenv FIRST_KEY || echo none").read().strip()
print(child, flush=True)
"""

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux shows a process's environment")


@pytest.fixture
def hidden() -> Iterator[subprocess.Popen[str]]:
    """A process that was started with keys and has hidden them."""
    environ = {
        "A": "plain",
        "FIRST_KEY": SECRET,
        "EMPTY_KEY": "",
        "SECOND_KEY": f"{SECRET}=with=signs",
        "NOT_FIRST_KEY": "stays",
        "PYTHONPATH": ":".join(path for path in sys.path if path),
        "PATH": "/usr/bin:/bin",
    }
    with subprocess.Popen(
        [sys.executable, "-c", HIDES], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process


def test_its_environment_shows_all_but_the_keys_which_it_still_knows(hidden: subprocess.Popen[str]) -> None:
    assert hidden.stdout is not None
    told = hidden.stdout.readline().split()
    try:
        shown = Path(f"/proc/{hidden.pid}/environ").read_bytes()
    except PermissionError:
        pytest.skip("only one who may look into every process sees what is left of it")
    command = Path(f"/proc/{hidden.pid}/cmdline").read_bytes()
    output, _ = hidden.communicate("\n")
    assert told == ["True", "True", "False", SECRET, f"{SECRET}=with=signs"]
    assert SECRET.encode() not in shown + command
    variables = shown.rstrip(b"\0").split(b"\0")
    assert {b"A=plain", b"NOT_FIRST_KEY=stays", b"EMPTY_KEY="} <= set(variables)
    assert b"FIRST_KEY=" + b"x" * len(SECRET) in variables
    assert SECRET not in output  # what it starts without an environment of its own is not given them either
