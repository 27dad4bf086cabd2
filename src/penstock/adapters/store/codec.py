"""From domain values to JSON text and back, exactly. Every stored shape has a version; a newer one is refused in words.

What is not valid Unicode (a path that is no UTF-8) takes a slower way, and comes back the same. What nobody but us
reads is kept *brief*: a field that has its default is left out, so a default that changes makes a new version.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, make_dataclass
from functools import cache, cached_property
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_type_hints

from pydantic import Discriminator, Tag, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from penstock.adapters.store.failures import DatabaseNewer, DatabaseUnreadable
from penstock.domain import commands, events
from penstock.domain.checks import CheckResult
from penstock.domain.plan import Plan
from penstock.domain.run import AttemptId, Policy, Progress, Run

Value = TypeVar("Value")

_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")
_VERSION = re.compile(r'\{"version":(\d+)[,}]')


def type_name(kind: type) -> str:
    """The name under which values of a type are stored: `StepFinished` is `step_finished`."""
    return _CAPITAL.sub("_", kind.__name__).lower()


def plain_json(value: Any) -> str:
    """Any plain value as JSON text."""
    try:
        return to_json(value, fallback=_plain).decode()
    except PydanticSerializationError:
        return json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


def storable(text: str) -> str:
    """A text for a column of its own: no Unicode, or what ends a string in C, becomes a visible escape."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


class Shape(Generic[Value]):
    """One type's way to JSON text and back."""

    def __init__(self, what: str, kind: Any, *, brief: bool = False) -> None:
        self.what = what
        self._kind = kind
        self._options: dict[str, Any] = {"fallback": _plain, "warnings": False, "exclude_defaults": brief}

    @cached_property
    def _adapter(self) -> TypeAdapter[Value]:
        return TypeAdapter(self._kind)

    @cached_property
    def _to_json(self) -> Callable[..., bytes]:
        """What the adapter's `dump_json` ends in: its options, passed on one by one, cost a third of the whole."""
        return self._adapter.serializer.to_json

    def write(self, value: Value) -> str:
        """As JSON text."""
        try:
            return self._to_json(value, **self._options).decode()
        except PydanticSerializationError:
            return json.dumps(self._adapter.dump_python(value, mode="json", **self._options))

    def read(self, text: str) -> Value:
        """From JSON text."""
        try:
            try:
                return self._adapter.validate_json(text)
            except ValidationError:
                if "\\ud" not in text:
                    raise
                return self._adapter.validate_python(json.loads(text))
        except (ValidationError, ValueError) as error:
            raise DatabaseUnreadable(f"a stored {self.what} can't be read: {error}") from error


class Versioned(Generic[Value]):
    """A shape whose version stands within its text."""

    def __init__(self, what: str, kind: Any, version: int, *, brief: bool = False) -> None:
        self.what, self.version = what, version
        self._shape: Shape[Value] = Shape(what, kind, brief=brief)
        self._start = f'{{"version":{version}'

    def write(self, value: Value) -> str:
        """As JSON text that begins with its version."""
        text = self._shape.write(value)
        return f"{self._start}}}" if text == "{}" else f"{self._start},{text[1:]}"

    def read(self, text: str) -> Value:
        """From JSON text of this version."""
        found = _VERSION.match(text)
        if found is None:
            raise DatabaseUnreadable(f"a stored {self.what} does not say its version")
        if int(found[1]) > self.version:
            raise DatabaseNewer(f"a stored {self.what}", int(found[1]), self.version)
        return self._shape.read(text)


class Family(Generic[Value]):
    """A union of types: stored as the name of the type, the version of the family, and JSON text."""

    def __init__(self, what: str, kinds: Sequence[type], version: int, *, brief: bool = False) -> None:
        self.what, self.version = what, version
        self._names = {kind: type_name(kind) for kind in kinds}
        self._shapes: dict[str, Shape[Any]] = {
            name: _StepFinishedShape() if kind is events.StepFinished else Shape(f"{what} {name}", kind, brief=brief)
            for kind, name in self._names.items()
        }

    def name_of(self, value: Value) -> str:
        """The stored name of a value's type."""
        return self._names[type(value)]

    def write(self, value: Value) -> str:
        """As JSON text."""
        return self._shapes[self._names[type(value)]].write(value)

    def read(self, name: str, version: int, text: str) -> Value:
        """From the name, version and JSON text of a row."""
        if version > self.version:
            raise DatabaseNewer(f"the {self.what} {name!r}", version, self.version)
        shape = self._shapes.get(name)
        if shape is None:
            raise DatabaseUnreadable(
                f"the database holds the {self.what} {name!r}, which this Penstock does not know",
                hint="it was written by another Penstock: install that one again",
            )
        found: Value = shape.read(text)
        return found


# What a step found is a union without a mark of its own: two of its types differ only in what may be left out.

_OUTCOMES = {kind: type_name(kind) for kind in get_args(events.StepOutcome)}


def _outcome_name(outcome: Any) -> str | None:
    return outcome.get("type") if isinstance(outcome, Mapping) else _OUTCOMES.get(type(outcome))


_OUTCOME: Any = Annotated[
    Union[tuple(Annotated[kind, Tag(name)] for kind, name in _OUTCOMES.items())],  # noqa: UP007 - from a tuple
    Discriminator(_outcome_name),
]

_StoredStepFinished: Any = make_dataclass(
    "StoredStepFinished",
    [("workstream", str), ("attempt", AttemptId), ("outcome", _OUTCOME)],
    frozen=True,
    slots=True,
    kw_only=True,
)
_SHAPES: dict[type, Shape[Any]] = {kind: Shape(f"outcome {name}", kind) for kind, name in _OUTCOMES.items()}


class _StepFinishedShape(Shape[events.StepFinished]):
    """A finished step, whose outcome is stored with its name."""

    def __init__(self) -> None:
        super().__init__("event step_finished", _StoredStepFinished)
        self._attempt: Shape[AttemptId] = Shape("attempt", AttemptId)
        self._name: Shape[str] = Shape("name", str)

    def write(self, value: events.StepFinished) -> str:
        """As JSON text, put together of its parts: to have each outcome write its own name would cost a call more."""
        kind = type(value.outcome)
        outcome = f'{{"type":"{_OUTCOMES[kind]}",{_SHAPES[kind].write(value.outcome)[1:]}'
        attempt = self._attempt.write(value.attempt)
        return f'{{"workstream":{self._name.write(value.workstream)},"attempt":{attempt},"outcome":{outcome}}}'

    def read(self, text: str) -> events.StepFinished:
        stored: Any = super().read(text)
        return events.StepFinished(workstream=stored.workstream, attempt=stored.attempt, outcome=stored.outcome)


# A run without its plan, its rows and what follows from them

_ELSEWHERE = {"id", "plan", "policy", "branch", "rows", "members", "waiting", "held", "queue", "gate"}
_KEPT = tuple(one for one in fields(Run) if one.name not in _ELSEWHERE)


def _run_progress() -> type:
    hints = get_type_hints(Run)
    parts: list[Any] = [
        (one.name, hints[one.name], field() if one.default is MISSING else field(default=one.default)) for one in _KEPT
    ]
    return make_dataclass("RunProgress", parts, frozen=True, slots=True, kw_only=True)


RunProgress: Any = _run_progress()


def run_progress(run: Run) -> Any:
    """The fields of a run that its row keeps as JSON."""
    return RunProgress(**run_fields(run))


def run_fields(progress: Any) -> dict[str, Any]:
    """The same fields by name, to make a run with."""
    return {one.name: getattr(progress, one.name) for one in _KEPT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a run was made from; it never changes."""

    plan: Plan
    policy: Policy
    settings: Mapping[str, Any]
    documents: Sequence[Mapping[str, Any]]


EVENTS: Family[events.Event] = Family("event", get_args(events.Event), events.VERSION)
REQUESTS: Family[events.Request] = Family("request", get_args(events.Request), events.VERSION)
COMMANDS: Family[commands.Command] = Family("command", get_args(commands.Command), commands.VERSION, brief=True)
PROGRESS: Versioned[Progress] = Versioned("progress of a workstream", Progress, 2, brief=True)
RUN_PROGRESS: Versioned[Any] = Versioned("progress of a run", RunProgress, 1)
METADATA: Versioned[Metadata] = Versioned("plan", Metadata, 1)
RESULT: Versioned[CheckResult] = Versioned("result of a check", CheckResult, 1)


@cache
def _untouched() -> dict[str, Any]:
    plain: dict[str, Any] = TypeAdapter(Progress).dump_python(Progress(), mode="json")
    return plain


def progress_fields(text: str) -> dict[str, Any]:
    """A workstream's stored progress as JSON has it, with what was left out of it."""
    return {**_untouched(), **json.loads(text)}
