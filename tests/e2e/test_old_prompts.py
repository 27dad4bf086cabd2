"""A prompt that nobody has touched for over a year is used, and whoever follows the epic is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from epic_bench import answers_to, epic_bench
from epic_driving import begun, notes_of_a_phase

from penstock.epics import EpicWish
from penstock.reports.pipelines import spoken

if TYPE_CHECKING:
    from pathlib import Path

EPIC = "mill-households"


@pytest.mark.slow
def test_an_old_prompt_is_warned_of_when_its_phase_begins(tmp_path: Path) -> None:
    with epic_bench(tmp_path, answers_to(EPIC)) as bench:
        pipeline = begun(bench, EpicWish(description=answers_to(EPIC).epic, epic_id="EPIC-1"))
        notes = notes_of_a_phase(bench, pipeline, days=0) + notes_of_a_phase(bench, pipeline, days=400)
        payloads = {one["payload"]["phase"]: one["payload"] for one in notes if one["type"] == "phase_started"}
        assert "warning" not in payloads["pm_phase"]
        assert "400 days old" in payloads["arch_phase"]["warning"]
        words = spoken("phase_started", payloads["arch_phase"])
        assert words is not None
        assert (words.tone, "400 days old" in words.result) == ("warn", True)
