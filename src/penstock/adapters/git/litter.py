"""Ignored files that nobody declared, said in few words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FEW = 20
MOST = 1000


def collapse(litter: Sequence[str], files: Sequence[str]) -> tuple[str, ...]:
    """The paths; a folder that holds many and nothing else stands for them, and there are never more than `MOST`."""
    if not litter:
        return ()
    inside = Counter(folder for path in litter for folder in _folders(path))
    on_disk = Counter(folder for path in files for folder in _folders(path))
    whole = {folder for folder, count in inside.items() if count > FEW and count >= on_disk[folder]}
    said: dict[str, None] = {}
    for path in litter:
        said[next((folder for folder in _folders(path) if folder in whole), path)] = None
    return tuple(sorted(said))[:MOST]


def _folders(path: str) -> Iterator[str]:
    """Each folder above a path, outermost first."""
    position = path.find("/")
    while 0 <= position < len(path) - 1:
        yield path[: position + 1]
        position = path.find("/", position + 1)
