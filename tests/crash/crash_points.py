"""Which of the points between two effects a test kills at: a number of them that is the same however many there are."""

from __future__ import annotations


def spread(count: int, at_most: int, part: int = 0, parts: int = 1) -> list[int]:
    """Of the points 1..COUNT those of one of several parts: all of them, or AT_MOST, evenly spread over the run."""
    points = range(1 + part, count + 1, parts)
    tried = min(len(points), at_most)
    return [points[(2 * index + 1) * len(points) // (2 * tried)] for index in range(tried)]
