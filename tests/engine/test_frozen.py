"""The settings of a run survive being stored."""

from __future__ import annotations

import json

from penstock.domain.breaker import BreakerLimits, StepLimits
from penstock.domain.plan import Check
from penstock.domain.run import Policy
from penstock.engine import frozen
from penstock.engine.context import RunSettings


def test_what_is_read_back_is_what_was_frozen() -> None:
    own = frozen.Frozen(
        policy=Policy(max_parallel=7, breaker=BreakerLimits(edit=StepLimits(max_attempts=9)), review=True),
        settings=RunSettings(
            static=(Check(name="lint", command="lint", timeout=3.0, success_codes=(0, 5)),), limits={"agent": 2}
        ),
    )
    stored = json.loads(json.dumps(frozen.to_json(own)))
    assert frozen.from_json(stored) == own
