"""What an event may tell loses its secrets at every depth, and nothing else of it changes."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.domain import events
from penstock.domain.changes import Candidate
from penstock.domain.claims import ClaimedAttempt, ClaimedError, ClaimedEvent
from penstock.domain.events import Edited, StepFinished
from penstock.domain.run import AttemptId, Step
from penstock.engine.redacting import TEXTS, redacted

SAID = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3) | st.lists(st.text(max_size=3)))
MOMENT = st.just(datetime(2026, 1, 1, tzinfo=UTC))
OF_CLAIMS = {"payload": SAID, "result": SAID, "started_at": MOMENT, "completed_at": MOMENT}
CLAIMS = st.one_of(
    [
        st.builds(kind, **{one.name: OF_CLAIMS[one.name] for one in fields(kind) if one.name in OF_CLAIMS})
        for kind in (ClaimedEvent, ClaimedError, ClaimedAttempt)
    ]
)


def marked(text: str) -> str:
    return f"<{text}>"


def told(value: Any, name: str = "") -> Any:
    """The same by the plainest walk over everything."""
    if isinstance(value, str):
        return marked(value) if name in TEXTS and value else value
    if isinstance(value, tuple):
        return tuple(told(part, name) for part in value)
    if isinstance(value, dict):
        return {key: said(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: told(getattr(value, one.name), one.name) for one in fields(value)})
    return value


def said(value: Any) -> Any:
    if isinstance(value, str):
        return marked(value)
    return [said(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("kind", get_args(events.Event))
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_every_text_of_every_event_is_redacted(kind: type, data: st.DataObject) -> None:
    own = {"claims": st.lists(CLAIMS, max_size=2).map(tuple)} if kind is events.Claimed else {}
    event = data.draw(st.builds(kind, **own))
    assert redacted(event, marked) == told(event)


def test_an_event_without_a_secret_is_handed_on_as_it_is() -> None:
    outcome = Edited(candidate=Candidate(commit="c", tree="t"), paths=("a",))
    event = StepFinished(workstream="a", attempt=AttemptId(step=Step.EDIT, number=1), outcome=outcome)
    assert redacted(event, str) is event
