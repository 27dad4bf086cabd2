"""Whether this machine confines: tried with one real command, once per process."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.processes.confinement import confinement_of
from penstock.adapters.processes.inside import telling

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = "bwrap"
TIME_LIMIT = 10.0
# Inside it can write, beside it can't: `:` ends a shell whose redirection fails, so that one has a shell of its own.
# What bubblewrap covers of the kernel's files by itself must be covered too.
_SCRIPT = """
(: > "$1/beside") 2>/dev/null && exit 9
for file in /proc/sysrq-trigger /proc/irq/*/smp_affinity /proc/irq/default_smp_affinity /proc/bus/pci/*/*; do
    test -w "$file" && exit 9
done
: > "$1/inside/written"
"""


class Trial:
    """The confining program and what came of trying it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._search = environ.get("PATH", os.defpath)

    @cached_property
    def program(self) -> str:
        """Where the confining program is; empty if there is none."""
        return shutil.which(PROGRAM, path=self._search) or ""

    @cached_property
    def fault(self) -> str:
        """Why nothing can be confined here; empty if it can."""
        if not self.program:
            return f"bubblewrap ({PROGRAM}) was not found on PATH"
        try:
            with tempfile.TemporaryDirectory(prefix="penstock-trial-") as name:
                return self._tried(Path(name))
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{self.program} could not be tried: {error}"

    def _tried(self, folder: Path) -> str:
        inside = folder / "inside"
        inside.mkdir()
        words = confinement_of(hidden=(folder,)).arguments(self.program, inside, writable=(os.path.realpath(inside),))
        command = [*telling(words, 1), "/bin/sh", "-c", _SCRIPT, "sh", str(folder)]
        done = subprocess.run(
            command, env={}, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIME_LIMIT, check=False
        )
        if done.returncode == 0 and (inside / "written").exists() and not (folder / "beside").exists():
            return ""
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return f"{self.program} ended with exit code {done.returncode}" + (f": {said[-1]}" if said else "")
