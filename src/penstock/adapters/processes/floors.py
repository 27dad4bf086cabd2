"""Whether the machine has room for one more process. Reads, decides nothing else, and never waits."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from pathlib import Path


def free_memory_mb() -> int:
    """Memory that a new process could have without swapping, in mebibytes."""
    return int(psutil.virtual_memory().available) // 2**20


def free_disk_gb(path: Path) -> float:
    """Room on the file system that holds the path, or would hold it, in gibibytes."""
    place = path.absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free / 2**30


def lacking(memory_mb: float, min_free_gb: float, path: Path) -> str | None:
    """A sentence about what is below its floor; None if there is room."""
    memory, disk = free_memory_mb(), free_disk_gb(path)
    if memory < memory_mb:
        return f"{memory} MB of memory are free, and a process is started only with {memory_mb:g} MB"
    if disk < min_free_gb:
        return f"{disk:.1f} GB are free for {path}, and a process is started only with {min_free_gb:g} GB"
    return None
