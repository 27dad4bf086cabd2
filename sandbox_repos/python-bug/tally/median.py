"""The number in the middle."""

from collections.abc import Sequence


def median(numbers: Sequence[float]) -> float:
    """The middle one of the numbers, or the mean of the two that are nearest to the middle."""
    if not numbers:
        raise ValueError("no numbers have no median")
    return numbers[len(numbers) // 2]
