"""A model behind the real gateway that answers what a test says, and a conversation with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from gateway_support import MODELS, START, House, house

from model_server import Round, Script
from penstock.adapters.asking import STREAMED_FROM, PydanticAsker
from penstock.domain.pipelines import KeptAnswer
from penstock.domain.usage import Caller
from penstock.gateway.remembering import Remember, nothing_remembered
from penstock.gateway.visits import AttemptVisit
from penstock.planning.answers import ReadAnswer, Validate
from penstock.planning.artifacts import validated
from penstock.planning.conversation import Conversation, answer
from penstock.ports import Question, Said
from penstock.ports.models import ANY_STAY, Stay

SMALL, LARGE = 1000, STREAMED_FROM
"""Limits with which an answer comes whole, and as a stream."""

EPIC: dict[str, Any] = {
    "epic_id": "EPIC-7",
    "title": "Health",
    "goal": "Whoever operates it sees whether it lives.",
    "success_criteria": ["GET /health answers 200"],
    "stories": [
        {
            "id": "STORY-1",
            "title": "Check",
            "user_story": "As an operator, I want {one} place to look, so that I sleep.",
            "acceptance_criteria": ["a test says so"],
            "estimate_hours": 2,
            "priority": "high",
        }
    ],
    "total_estimate_hours": 2,
}


def told(value: object, **how: Any) -> str:
    return json.dumps(value, **how)


GOOD = told(EPIC)
UNTITLED = told({name: value for name, value in EPIC.items() if name != "title"})
MENDED = "title: is missing"
"""What is said of that one."""


def says(text: str, ended: str = "", *, when: str = "") -> Round:
    """One answer, and why it stops; `when`: to a question that holds this."""
    return Round(final=text, ended=ended, when=(when,) if when else ())


def of_epic(payload: Mapping[str, Any]) -> tuple[Any, tuple[str, ...]]:
    """How an epic is judged."""
    return validated("epic", payload)


@dataclass(kw_only=True)
class Talk:
    """One voice of one phase, and all that was kept of it."""

    home: House
    visit: AttemptVisit
    kept: list[KeptAnswer] = field(default_factory=list)
    asker: PydanticAsker = field(default_factory=PydanticAsker)
    heard: Callable[[], object] = bool
    """What is done as soon as an answer is kept for the first time."""

    def ask(self, **more: Any) -> Said:
        """One question."""
        asked = Question(**{"stable": "You are the pm.", "asked": "The epic.", "max_tokens": SMALL, **more})
        return asyncio.run(self.asker.ask(asked, self.visit))

    def answer(self, validate: Validate = of_epic, **more: Any) -> ReadAnswer:
        """A whole conversation; what is kept is taken first."""
        order = Conversation(
            attempt="pha_1",
            voice="1",
            stable="You are the pm.",
            asked="The epic.",
            validate=validate,
            **{"max_tokens": SMALL, **more},
        )
        return asyncio.run(self._answer(order, self.asker))

    async def _answer(self, order: Conversation, asker: PydanticAsker) -> ReadAnswer:
        return await answer(order, asker, self.visit, kept=list(self.kept), keep=self._keep, now=lambda: START)

    async def _keep(self, one: KeptAnswer) -> None:
        others = [other for other in self.kept if other.number != one.number]
        is_new = len(others) == len(self.kept)
        self.kept = [*others, one]
        if is_new:
            self.heard()

    @property
    def texts(self) -> list[str]:
        """What was asked of the server last, turn by turn."""
        return [str(message["content"]) for message in self.home.models.requests[-1].body["messages"]]


@contextmanager
def talking(
    *rounds: Round,
    protocol: str = "anthropic",
    model: str = "",
    remember: Remember = nothing_remembered,
    answers_for_all: str = "",
    stay: Stay = ANY_STAY,
) -> Iterator[Talk]:
    """A pipeline's visit to a model that plays these rounds."""
    scripts = (Script(name="said", rounds=rounds),)
    with house(scripts=scripts, remember=remember, answers_for_all=answers_for_all) as home:
        caller = Caller(project="p", pipeline="pip_1", role="pm", phase="pm_phase", attempt="1-1", prompt="rp_1")
        visit = home.gateway.admit(caller, model or MODELS[protocol], max_calls=20, stay=stay)
        home.visits.append(visit)
        yield Talk(home=home, visit=visit)


def again(talk: Talk, kept: Sequence[KeptAnswer]) -> Talk:
    """The same after its process has died: only what was kept is left."""
    return replace(talk, kept=list(kept), asker=PydanticAsker())
