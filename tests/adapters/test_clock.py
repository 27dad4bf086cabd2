from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from penstock.adapters.clock import ManualClock, SystemClock
from penstock.domain.errors import Bug

START = datetime(2026, 1, 2, tzinfo=UTC)


def test_the_systems_time_is_utc_and_aware_and_never_goes_back() -> None:
    clock = SystemClock()
    assert clock.now().utcoffset() == timedelta(0)
    assert clock.monotonic() <= clock.monotonic()


def test_a_manual_clock_stands_still_until_it_is_moved() -> None:
    clock = ManualClock(START)
    assert (clock.now(), clock.monotonic()) == (START, 0.0)
    clock.advance(90)
    assert (clock.now(), clock.monotonic()) == (START + timedelta(seconds=90), 90.0)


def test_a_jump_of_the_wall_clock_does_not_move_engine_time() -> None:
    clock = ManualClock(START)
    clock.set_wall(START - timedelta(days=1))
    assert clock.now() == START - timedelta(days=1)
    assert clock.monotonic() == 0.0


def test_time_without_a_zone_and_time_backwards_are_bugs() -> None:
    with pytest.raises(Bug):
        ManualClock(datetime(2026, 1, 2))  # noqa: DTZ001 - the mistake that is refused
    with pytest.raises(Bug):
        ManualClock(START).advance(-1)
