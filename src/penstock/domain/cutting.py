"""Keeps texts within bounds, and says what was cut. Pure."""

from __future__ import annotations

from collections.abc import Sequence

SHORTEST = 120
"""No text is cut below this: there would be nothing left of it but the remark that it was cut."""


def cut(text: str, most: int) -> str:
    """The text, or its beginning and end with a remark between them, together at most so many characters."""
    if len(text) <= most:
        return text
    remark = f"\n[... {len(text)} characters, of which the middle is left out here ...]\n"
    room = max(most - len(remark), 0)
    end = room // 2
    return f"{text[: room - end]}{remark}{text[len(text) - end :]}"


def level(sizes: Sequence[int], room: int) -> int:
    """The size to which the longest texts must be cut so that all fit: short ones stay whole."""
    remaining = room
    for place, size in enumerate(sorted(sizes)):
        share = remaining // (len(sizes) - place)
        if size > share:
            return max(share, 0)
        remaining -= size
    return max(sizes, default=0)


def first_of(items: Sequence[str], most: int) -> tuple[str, ...]:
    """The first items, and a sentence in place of the rest."""
    if len(items) <= most:
        return tuple(items)
    return (*items[:most], f"[... {len(items) - most} more are left out here ...]")
