"""The median of a few lists."""

import unittest

from tally.median import median


class TestMedian(unittest.TestCase):
    """What is in the middle."""

    def test_one_number_is_its_own_median(self) -> None:
        self.assertEqual(median([7]), 7)

    def test_the_order_does_not_matter(self) -> None:
        self.assertEqual(median([9, 1, 3, 5, 7]), 5)

    def test_between_two_it_is_their_mean(self) -> None:
        self.assertEqual(median([8, 2, 4, 10]), 6)

    def test_of_nothing_there_is_none(self) -> None:
        with self.assertRaises(ValueError):
            median([])
