"""From a model's text to what was asked for: why it stopped decides first, then the rungs, each against the model.

What was cut off or refused is never read, however whole it looks; code is never repaired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from penstock.domain.errors import AgentError, UserError
from penstock.planning.repairing import repaired
from penstock.planning.rungs import LONGEST, RUNGS, NotStrict, is_cut, loaded, without_thoughts
from penstock.ports import StopReason

Validate = Callable[[Mapping[str, Any]], tuple[Any, tuple[str, ...]]]
"""From a JSON object to the value and what is odd about it; an error whose `errors` say what is wrong."""

SNIPPET = 200
MOST_ERRORS = 20
LONGEST_ERROR = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAnswer:
    """What an answer holds."""

    value: Any
    """As its model reads it."""
    warnings: tuple[str, ...]
    strategy: str
    """direct, fence, boundary or repaired."""


class AnswerUnfit(AgentError):
    """An answer that can't be taken. `is_invalid`: it was whole, and not what was asked for."""

    is_invalid = False

    def __init__(self, sentence: str, *, errors: tuple[str, ...] = (), hint: str | None = None) -> None:
        self.errors = errors
        super().__init__(sentence, hint=hint)


class AnswerTruncated(AnswerUnfit):
    """Its limit cut it off: a larger one helps, or less to do at once."""


class AnswerRefused(AnswerUnfit):
    """The model declined; asking again does not help."""


class AnswerEmpty(AnswerUnfit):
    """Nothing was said."""

    is_invalid = True


class AnswerInvalid(AnswerUnfit):
    """It is not what was asked for; `errors` say why, fit to be sent back."""

    is_invalid = True


class _Unfit(Exception):
    """A JSON that is not what was asked for."""

    def __init__(self, *errors: str) -> None:
        self.errors = errors
        super().__init__()


def read_answer(
    text: str, validate: Validate, *, stop: StopReason, may_repair: bool, may_choose: bool = False
) -> ReadAnswer:
    """What a text holds, or an AnswerUnfit that says what stands in the way; of several answers that differ the first
    only with `may_choose`.
    """
    _must_be_whole(text, stop)
    text = without_thoughts(text)
    judged: list[str] = []
    faults: list[ValueError] = []
    found: list[ReadAnswer] = []
    for strategy, candidate in _candidates(text):
        try:
            found.append(_validated(loaded(candidate), validate, strategy))
        except _Unfit as unfit:
            judged += unfit.errors
        except ValueError as fault:
            faults.append(fault)
        if found and (may_choose or strategy == "direct"):
            break
    if found:
        return _the_one_of(found)
    if is_cut(text):
        raise AnswerTruncated(f"the answer breaks off: {_snippet(text[-SNIPPET:])}")
    is_strict = not any(isinstance(fault, NotStrict) for fault in faults)
    if may_repair and stop is StopReason.DONE and is_strict:
        value = repaired(text)
        if value is not None:
            try:
                return _validated(value, validate, "repaired")
            except _Unfit as unfit:
                judged += unfit.errors
    errors = _most_telling(text, judged, faults)
    raise AnswerInvalid(f"the answer is not what was asked for: {errors[0]}; it began {_snippet(text)}", errors=errors)


def _must_be_whole(text: str, stop: StopReason) -> None:
    if stop is StopReason.LENGTH:
        raise AnswerTruncated(
            f"the answer was cut off by its limit after {len(text)} characters",
            hint="raise max_tokens in the phase's config, or ask for less at once",
        )
    if stop is StopReason.REFUSED:
        said = f": {_snippet(text)}" if text.strip() else ""
        raise AnswerRefused(f"the model declined to answer{said}")
    if not text.strip():
        raise AnswerEmpty("the answer is empty", errors=("nothing was said: one JSON object is needed",))
    if len(text) > LONGEST:
        raise AnswerInvalid(
            f"the answer has {len(text)} characters, and {LONGEST} are the most",
            errors=(f"it has {len(text)} characters: be shorter",),
        )


def _candidates(text: str) -> Iterator[tuple[str, str]]:
    for strategy, rung in RUNGS:
        for candidate in rung(text):
            yield strategy, candidate


def _the_one_of(found: list[ReadAnswer]) -> ReadAnswer:
    """What all say that were found: which of several different ones is meant, nobody knows."""
    if any(one.value != found[0].value for one in found):
        said = "it holds several different answers"
        raise AnswerInvalid(f"the answer is not what was asked for: {said}", errors=(f"{said}: give one alone",))
    return found[0]


def _validated(value: object, validate: Validate, strategy: str) -> ReadAnswer:
    if not isinstance(value, Mapping):
        raise _Unfit(f"one JSON object is needed, found {_kind(value)}")
    try:
        found, warnings = validate(value)
    except ValidationError as unfit:
        raise _Unfit(*map(_words, unfit.errors(include_url=False))) from unfit
    except (UserError, AgentError) as unfit:
        raise _Unfit(*(getattr(unfit, "errors", ()) or (unfit.sentence,))) from unfit
    return ReadAnswer(value=found, warnings=tuple(warnings), strategy=strategy)


def _most_telling(text: str, judged: list[str], faults: list[ValueError]) -> tuple[str, ...]:
    """What is wrong with a JSON that was found says more than that there is none."""
    told = judged or [str(one) for one in faults if isinstance(one, NotStrict)]
    if not told:
        told = [f"it is no JSON: {faults[0]}" if "{" in text and faults else "there is no JSON object in it"]
    return tuple(error[:LONGEST_ERROR] for error in dict.fromkeys(told))[:MOST_ERRORS]


def _words(fault: Any) -> str:  # pydantic's own details are untyped
    place = ".".join(str(part) for part in fault["loc"])
    return f"{place or 'the object'}: {fault['msg']}"


def _kind(value: object) -> str:
    return {list: "a list", str: "a text", bool: "a truth value", type(None): "null"}.get(type(value), "a number")


def _snippet(text: str) -> str:
    words = " ".join(text[: 2 * SNIPPET].split())
    return repr(words if len(words) <= SNIPPET else words[:SNIPPET] + "…")
