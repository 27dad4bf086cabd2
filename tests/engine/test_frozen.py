"""The settings of a run survive being stored."""

from __future__ import annotations

import json

from penstock.domain.breaker import BreakerLimits, StepLimits
from penstock.domain.plan import Check
from penstock.domain.roles import Roles
from penstock.domain.run import Policy
from penstock.engine import frozen
from penstock.engine.context import RunSettings
from penstock.engine.prompts import PromptTemplate, PromptTemplates


def test_what_is_read_back_is_what_was_frozen() -> None:
    own = frozen.Frozen(
        policy=Policy(max_parallel=7, breaker=BreakerLimits(edit=StepLimits(max_attempts=9)), review=True),
        settings=RunSettings(
            static=(Check(name="lint", command="lint", timeout=3.0, success_codes=(0, 5)),),
            limits={"agent": 2},
            roles=Roles(edit=("plain",), fix=("cheap", "strong")),
            prompts=PromptTemplates(edit=PromptTemplate(place="own", text="{{ ws_id }}"), most=20_000),
        ),
    )
    stored = json.loads(json.dumps(frozen.to_json(own)))
    assert frozen.from_json(stored) == own


def test_a_run_that_was_stored_before_there_were_templates_has_penstocks_own() -> None:
    stored = frozen.to_json(frozen.Frozen(policy=Policy(), settings=RunSettings()))
    for name in ("prompts", "roles"):
        del stored["settings"][name]
    found = frozen.from_json(stored).settings
    assert (found.prompts, found.roles) == (PromptTemplates(), Roles())
