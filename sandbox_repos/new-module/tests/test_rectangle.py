"""The kinds of rectangles."""

import unittest

from shapes.rectangle import rectangle_kind


class TestRectangle(unittest.TestCase):
    """What two sides make."""

    def test_equal_sides_make_a_square(self) -> None:
        self.assertEqual(rectangle_kind(2, 2), "square")

    def test_others_make_it_oblong(self) -> None:
        self.assertEqual(rectangle_kind(2, 3), "oblong")
