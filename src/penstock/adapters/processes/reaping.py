"""What is left of processes whose owner is gone: their records, and the last net that kills what still runs."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import psutil

from penstock.adapters.processes.records import OUTCOME, REQUEST, boot
from penstock.adapters.processes.request import Ending, Outcome, outcome_of
from penstock.domain.errors import Bug

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 200
TIME_LIMIT = 10.0
MARKER_NAME = "PENSTOCK_ATTEMPT"


def read_outcome(folder: Path) -> Outcome | None:
    """What the keeper has written; None if it has written nothing, or nothing that can be read.

    The same for what it wrote before the machine was started last: the work may not have reached the disk with it.
    """
    try:
        record = json.loads((folder / OUTCOME).read_text(encoding="utf-8"))
        return outcome_of(record, folder) if record.get("boot", boot()) == boot() else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def was_started(folder: Path) -> bool:
    """Whether a process may have run for this folder; in doubt it has."""
    outcome = read_outcome(folder)
    if outcome is not None:
        return outcome.ending not in {Ending.NOT_FOUND, Ending.NOT_STARTED}
    return (folder / REQUEST).exists()


def is_marked(marker: str, prefix: str) -> bool:
    """Whether the marker is the prefix or continues it by whole segments."""
    rest = marker.removeprefix(prefix)
    return marker.startswith(prefix) and (not rest or prefix[-1] in "/:" or rest[0] == ("/" if ":" in prefix else ":"))


def reap(prefix: str, folder: Path | None) -> list[int]:
    """Kill every process with such a marker, or working under `folder`, until none is left; their pids.

    Ourselves and our ancestors are spared. A person's shell that stands in `folder` is not told apart.
    """
    killed: list[int] = []
    limit = time.monotonic() + TIME_LIMIT
    for _ in range(ROUNDS):
        found = _found(prefix, folder)
        if not found or time.monotonic() > limit:
            break
        killed += [process.pid for process in found if _kill(process) and process.pid not in killed]
        psutil.wait_procs(found, timeout=0.2)
    return killed


def living(prefix: str, folder: Path | None) -> list[int]:
    """The pids of those whom `reap` would kill."""
    return sorted(process.pid for process in _found(prefix, folder))


def _found(prefix: str, folder: Path | None) -> list[psutil.Process]:
    if not prefix:
        raise Bug("processes were to be reaped by an empty marker, which every process would have")
    root = None if folder is None else folder.resolve()
    if root is not None and root.parent == root:
        raise Bug(f"processes were to be reaped by the folder {root}, in which every process works")
    here = psutil.Process()
    spared = {(process.pid, process.create_time()) for process in (here, *here.parents())}
    return [process for process in psutil.process_iter() if _is_ours(process, prefix, root, spared)]


def _is_ours(process: psutil.Process, prefix: str, root: Path | None, spared: set[tuple[int, float]]) -> bool:
    try:
        if (process.pid, process.create_time()) in spared:
            return False
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        if is_marked(process.environ().get(MARKER_NAME, ""), prefix):
            return True
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        pass  # its environment is not ours to read, its folder may be
    return root is not None and _works_under(process, root)


def _works_under(process: psutil.Process, root: Path) -> bool:
    try:
        folder = type(root)(process.cwd())
    except psutil.Error:
        return False
    return folder.is_relative_to(root)


def _kill(process: psutil.Process) -> bool:
    try:
        process.kill()  # psutil compares the creation time, so a pid that was given again is safe
    except psutil.Error:
        return False
    return True
