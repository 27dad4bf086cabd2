"""The two files that a keeper leaves in an attempt's folder: request.json before the start, outcome.json after the end.

Both are written whole or not at all, and outlast a power cut. Only the standard library: a bare interpreter imports it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.adapters.processes.wire import Order, OutcomeRecord

REQUEST, OUTCOME = "request.json", "outcome.json"


def record_request(order: Order) -> None:
    """Make the folder and say in it what is about to run; an earlier run's outcome must not be taken for this one's."""
    folder = Path(order["folder"])
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / OUTCOME).unlink(missing_ok=True)
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
    _write_whole(folder / REQUEST, shown)


def record_outcome(folder: Path, outcome: OutcomeRecord) -> None:
    """Write the outcome; it is there entirely or not at all."""
    _write_whole(folder / OUTCOME, outcome)


def _write_whole(path: Path, content: Mapping[str, object]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(_in_lines(content))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _in_lines(content: Mapping[str, object]) -> str:
    """JSON with a line per field: the library's own indenting is its slow way, and each process pays for it twice."""
    return "{\n" + ",\n".join(f" {json.dumps(name)}: {json.dumps(value)}" for name, value in content.items()) + "\n}\n"
