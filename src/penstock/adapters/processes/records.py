"""The two files that a keeper leaves in an attempt's folder: request.json before the start, outcome.json after the end.

Both outlast any process, whoever is killed; what is cut off is no JSON and counts as not written. They are not forced
to the disk, for neither is the work that an outcome speaks of: one from before the machine's last start is not
believed. Only the standard library: a bare interpreter imports it.
"""

from __future__ import annotations

import contextlib
import json
import os
from functools import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.adapters.processes.wire import Order, OutcomeRecord

REQUEST, OUTCOME = "request.json", "outcome.json"


def record_request(order: Order) -> None:
    """Make the folder and say in it what is about to run; an earlier run's outcome must not be taken for this one's."""
    folder = order["folder"]
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{folder}/{OUTCOME}")  # noqa: PTH108
    shown = {
        "argv": order["shown_argv"],
        "confinement": order["confinement"],
        "cwd": order["cwd"],
        "marker": order["marker"],
        "timeout": order["timeout"],
        "output_limit": order["output_limit"],
        "stdin": order["stdin"],
        "grace": order["grace"],
        "started_at": order["started_at"],
        "environment_names": sorted(order["env"]),
    }
    try:
        _write(f"{folder}/{REQUEST}", shown)
    except FileNotFoundError:
        os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
        _write(f"{folder}/{REQUEST}", shown)


def record_outcome(folder: str, outcome: OutcomeRecord) -> None:
    """Write the outcome; it is there entirely or counts as not there."""
    _write(f"{folder}/{OUTCOME}", {**outcome, "boot": boot()})


@cache
def boot() -> str:
    """What changes with each start of the machine; empty where the system does not tell."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:  # noqa: PTH123
            return file.read().strip()
    except OSError:
        return ""


def _write(path: str, content: Mapping[str, object]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        rest = _in_lines(content).encode()
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)


def _in_lines(content: Mapping[str, object]) -> str:
    """JSON with a line per field: the library's own indenting is its slow way, and each process pays for it twice."""
    return "{\n" + ",\n".join(f" {json.dumps(name)}: {json.dumps(value)}" for name, value in content.items()) + "\n}\n"
