"""Whether this machine confines: tried with one real command, once per process, unless it had no room for that."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.processes.confinement import confinement_of
from penstock.adapters.processes.inside import telling
from penstock.domain.errors import WorldError

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = "bwrap"
TIME_LIMIT = 30.0
_PASSING = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT})
"""What says nothing about confining, and may be over soon."""
# Inside it can write, beside it can't: `:` ends a shell whose redirection fails, so that one has a shell of its own.
# What bubblewrap covers of the kernel's files by itself must be covered too.
_SCRIPT = """
(: > "$1/beside") 2>/dev/null && exit 9
for file in /proc/sysrq-trigger /proc/irq/*/smp_affinity /proc/irq/default_smp_affinity /proc/bus/pci/*/*; do
    test -w "$file" && exit 9
done
: > "$1/inside/written"
"""


class NotTried(WorldError):
    """Whether this machine confines could not be found out just now: nobody may take that for a no."""

    def __init__(self, program: str, why: str) -> None:
        super().__init__(
            f"whether {program} confines here could not be tried: {why}",
            hint="try again when the machine has room; `confine = off` in your own configuration does without",
        )


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
        """Why nothing can be confined here; empty if it can. `NotTried` where nobody knows as yet: ask again."""
        if not self.program:
            return f"bubblewrap ({PROGRAM}) was not found on PATH"
        try:
            with tempfile.TemporaryDirectory(prefix="penstock-trial-") as name:
                return self._tried(Path(name))
        except subprocess.TimeoutExpired:
            raise NotTried(self.program, f"it took longer than {TIME_LIMIT:g} seconds") from None
        except OSError as error:
            if error.errno in _PASSING:
                raise NotTried(self.program, str(error)) from error
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
