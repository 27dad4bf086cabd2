"""Answers that hold for ever, since they are about what is named by its hash."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")


class Remembered(Generic[Answer]):
    """The latest answers, from all threads; what was not asked for the longest time is forgotten."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._guard = threading.Lock()

    def find(self, name: str) -> Answer | None:
        """The answer, if it is remembered."""
        with self._guard:
            if name in self._answers:
                self._answers.move_to_end(name)
            return self._answers.get(name)

    def get(self, name: str, ask: Callable[[str], Answer]) -> Answer:
        """The answer, asked for if it is not remembered."""
        answer = self.find(name)
        if answer is None:
            answer = ask(name)
            self.put(name, answer)
        return answer

    def put(self, name: str, answer: Answer) -> None:
        """Remember an answer."""
        with self._guard:
            self._answers[name] = answer
            self._answers.move_to_end(name)
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)

    def latest(self) -> tuple[str, Answer] | None:
        """The answer that was asked for last."""
        with self._guard:
            return next(reversed(self._answers.items()), None)
