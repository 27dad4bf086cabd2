"""Python and PowerShell say the same about the channels."""

import re
import unittest
from pathlib import Path

from channels.names import KEEP_DAYS

SCRIPT = Path(__file__).parents[1] / "publishing" / "Publish-Release.ps1"


class TestChannels(unittest.TestCase):
    """What the script says, read as text."""

    def setUp(self) -> None:
        self.text = SCRIPT.read_text(encoding="utf-8")

    def test_both_keep_releases_for_as_long(self) -> None:
        said = re.findall(r"^    '(\w+)' = (\d+)$", self.text, re.MULTILINE)
        self.assertEqual({name: int(days) for name, days in said}, KEEP_DAYS)

    def test_the_script_accepts_every_channel(self) -> None:
        accepted = re.search(r"\[ValidateSet\((.*)\)\]", self.text)
        assert accepted is not None
        self.assertEqual(set(re.findall(r"'(\w+)'", accepted[1])), set(KEEP_DAYS))
