"""The tree of errors. The class says whose fault it is and what next; the sentence is made from the facts.

    PenstockError
    ├── UserError      mend the input                     exit 2
    ├── WorldError     mend the world, then try again     exit 3
    ├── AgentError     this attempt failed; the run goes on
    └── Bug            stop and keep the evidence

A subclass lives beside what raises it. `sentence` says what was asked, what was found and what is possible;
`hint` says what to do and stands on its own line.
"""

from __future__ import annotations


class PenstockError(Exception):
    """Any failure that Penstock can name."""

    retryable = False

    def __init__(self, sentence: str, *, hint: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint

    def __str__(self) -> str:
        return self.sentence if self.hint is None else f"{self.sentence}\nhint: {self.hint}"


class UserError(PenstockError):
    """What was asked can't be done as asked: mend the input."""


class WorldError(PenstockError):
    """The machine or something outside is not as needed: mend it and try again."""

    retryable = True


class AgentError(PenstockError):
    """The agent failed this attempt."""


class Bug(PenstockError):
    """Penstock contradicts itself: stop and keep the evidence."""


class IllegalMove(UserError, ValueError):
    """A state was asked to move where its table does not lead."""

    def __init__(self, *, entity: str, source: str, target: str) -> None:
        self.entity, self.source, self.target = entity, source, target
        super().__init__(f"{entity} can't go from {source} to {target}")
