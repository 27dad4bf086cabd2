"""The older system's way to ask for JSON in a text: three strategies, and a result that never raises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from penstock.planning.rungs import LONGEST, Rung, by_boundary, directly, in_fences, loaded

SNIPPET = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseResult:
    """What was found, and by which strategy; or why nothing was."""

    success: bool
    data: Any = None
    strategy_used: str | None = None
    error_messages: tuple[str, ...] = ()


class ParsingStrategy(Protocol):
    """One way to find JSON in a text."""

    name: ClassVar[str]

    def parse(self, text: str) -> Any:
        """What the JSON holds, or a ValueError."""
        ...


class _OfRung:
    name: ClassVar[str]
    rung: ClassVar[tuple[Rung]]

    def parse(self, text: str) -> Any:
        """The first of what its rung finds that is JSON, or a ValueError."""
        faults = ["nothing of the kind was found"]
        for candidate in self.rung[0](text):
            try:
                return loaded(candidate)
            except ValueError as fault:
                faults.append(str(fault))
        raise ValueError(faults[-1])


class DirectParseStrategy(_OfRung):
    """The whole text is JSON, but for the words with which models like to begin."""

    name = "direct"
    rung = (directly,)


class MarkdownFenceStrategy(_OfRung):
    """It stands in a fence, of several in the largest."""

    name = "fence"
    rung = (in_fences,)


class FuzzyBoundaryStrategy(_OfRung):
    """It stands somewhere in the text."""

    name = "boundary"
    rung = (by_boundary,)


class LLMResponseParser:
    """Tries its strategies in order."""

    def __init__(self, strategies: Sequence[ParsingStrategy] | None = None) -> None:
        default = (DirectParseStrategy(), MarkdownFenceStrategy(), FuzzyBoundaryStrategy())
        self._strategies = tuple(default if strategies is None else strategies)

    def parse(self, text: object) -> ParseResult:
        """What a text holds; whatever it is, nothing is raised."""
        if not isinstance(text, str):
            said = "Empty response text" if text is None else "Invalid input: expected string"
            return ParseResult(success=False, error_messages=(f"{said}: {type(text).__name__}",))
        if not text.strip():
            return ParseResult(success=False, error_messages=(f"Empty response text: {text[:SNIPPET]!r}",))
        faults = []
        for strategy in self._strategies if len(text) <= LONGEST else ():
            try:
                data = strategy.parse(text)
            except ValueError as fault:
                faults.append(f"{strategy.name}: {fault}")
            else:
                return ParseResult(success=True, data=data, strategy_used=strategy.name)
        return ParseResult(success=False, error_messages=(f"All strategies failed: {text[:SNIPPET]!r}", *faults))
