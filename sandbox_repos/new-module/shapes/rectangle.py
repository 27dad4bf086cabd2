"""Rectangles by their sides."""


def rectangle_kind(width: float, height: float) -> str:
    """Square or oblong; a side that is not longer than nothing is an error."""
    if min(width, height) <= 0:
        raise ValueError("a rectangle's sides are longer than nothing")
    return "square" if width == height else "oblong"
