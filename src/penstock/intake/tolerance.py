"""Which old spellings are read all the same, each with a warning, and how `--fix` writes them. The rest is an error.

Nothing that a person wrote is dropped: comments and stray keys move into `metadata`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from penstock.intake.bundle_model import FIELDS, CapabilityPayload, CircuitBreaker
from penstock.intake.positions import Place

_OPEN_FIELDS = {
    "circuit_breaker": frozenset(CircuitBreaker.model_fields),
    "capability_payload": frozenset(CapabilityPayload.model_fields),
}

INSTEAD = {
    "steps": "write them as `tasks`, one sentence each",
    "phases": "write one bundle per phase and order them with `depends_on`",
    "saga": "write what undoes the work as `compensation_actions`",
    "dependencies": "write the ids as `depends_on`",
    "depends": "write the ids as `depends_on`",
    "description": "write what to do as `tasks`, and anything else as `metadata.notes`",
    "title": "write it as `metadata.title`",
    "name": "write it as `metadata.title`",
    "notes": "write it as `metadata.notes`",
    "files": "write them as `files_scope`, and new ones as `files_create`",
    "scope": "write the paths as `files_scope`",
    "acceptance": "write the lines as `acceptance_tests`",
    "acceptance_criteria": "write the lines as `acceptance_tests`",
    "agent": "write its name as `tool`",
    "timeout": "write `metadata`, or set the limit in the settings",
}
"""Keys that some older examples used, and what to write instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddity:
    """One key that is not as it should be."""

    place: Place
    message: str
    remedy: str
    is_tolerated: bool


@dataclass(slots=True, kw_only=True)
class Tidied:
    """A bundle's keys as they should be, where each stood, and what was odd."""

    fields: dict[str, object] = field(default_factory=dict)
    keys: dict[Place, str] = field(default_factory=dict)
    """Place in the tidy bundle → the key that the file has there."""
    moved: dict[str, object] = field(default_factory=dict)
    """Stray keys that `--fix` puts into `metadata`."""
    oddities: list[Oddity] = field(default_factory=list)

    def original(self, place: Place) -> Place:
        """Where a place of the tidy bundle is in the file."""
        return tuple(self.keys.get(place[: depth + 1], step) for depth, step in enumerate(place))

    def clashes(self, comments: Iterable[str] = ()) -> list[str]:
        """The keys of `metadata` that hold something else than what would have to move there."""
        metadata = self.fields.get("metadata")
        if not isinstance(metadata, dict):
            return []
        clashing = [key for key, value in self._stray().items() if key in metadata and metadata[key] != value]
        has_other_notes = not isinstance(metadata.get("notes"), str | list | None)
        if has_other_notes and "comments" in metadata and self._notes(comments):
            clashing.append("comments")
        return clashing

    def _notes(self, comments: Iterable[str]) -> list[str]:
        return [*comments, *(str(value) for key, value in self.moved.items() if key.startswith("_comment"))]

    def _stray(self) -> dict[str, object]:
        return {key: value for key, value in self.moved.items() if not key.startswith(("_comment", "$"))}

    def mended(self, comments: Iterable[str] = ()) -> dict[str, object]:
        """The bundle in its normal form, with the stray things under `metadata`; there must be no clash."""
        notes, stray = self._notes(comments), self._stray()
        if not notes and not stray:
            return dict(self.fields)
        metadata = self.fields.get("metadata") or {}
        if not isinstance(metadata, dict):
            return dict(self.fields)
        merged: dict[str, object] = {**stray, **metadata}
        if notes:
            _add_notes(merged, notes)
        return {**self.fields, "metadata": merged}


def _add_notes(metadata: dict[str, object], notes: list[str]) -> None:
    present = metadata.get("notes")
    if present is None:
        metadata["notes"] = "\n".join(notes)
    elif isinstance(present, str):
        metadata["notes"] = "\n".join([present, *notes])
    elif isinstance(present, list):
        metadata["notes"] = [*present, *notes]
    else:
        metadata["comments"] = notes


def tidy(raw: Mapping[str, object]) -> Tidied:
    """The bundle under the names of today."""
    tidied = Tidied()
    first = _first_spellings(raw, FIELDS)
    for key, value in raw.items():
        name = _today(key, FIELDS)
        if name is None:
            _put_aside(tidied, key, value)
        elif first[name] != key:
            _refuse(tidied, (key,), f"`{key}` and `{first[name]}` are two spellings of one key", "keep one of them")
        else:
            _rename(tidied, (name,), key)
            tidied.fields[name] = _tidy_open(tidied, name, value) if name in _OPEN_FIELDS else value
    return tidied


def _today(key: str, known: Iterable[str]) -> str | None:
    dashless = key.replace("-", "_")
    return dashless if dashless in known else None


def _first_spellings(raw: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Today's name of each key → how it stands here: as today if it does, else as it stands first."""
    spellings: dict[str, str] = {}
    for key in raw:
        name = _today(key, known)
        if name is not None and (name == key or name not in spellings):
            spellings[name] = key
    return spellings


def _rename(tidied: Tidied, place: Place, key: str) -> None:
    if place[-1] == key:
        return
    tidied.keys[place] = key
    tidied.oddities.append(
        Oddity(
            place=(*place[:-1], key),
            message=f"`{key}` is an old spelling",
            remedy=f"write `{place[-1]}`",
            is_tolerated=True,
        )
    )


def _tidy_open(tidied: Tidied, name: str, value: object) -> object:
    if not isinstance(value, dict):
        return value
    made: dict[str, object] = {}
    first = _first_spellings(value, _OPEN_FIELDS[name])
    for key, inner in value.items():
        today = _today(key, _OPEN_FIELDS[name]) or key
        kept = first.get(today, key)
        if kept != key:
            _refuse(tidied, (name, key), f"`{key}` and `{kept}` are two spellings of one key", "keep one of them")
            continue
        _rename(tidied, (name, today), key)
        made[today] = inner
    return made


def _put_aside(tidied: Tidied, key: str, value: object) -> None:
    if key in {"doc_id", "doc-id", "$schema"} or key.startswith(("_comment", "x-")):
        tidied.moved[key] = value
        remedy = "take it out" if key == "$schema" else "move it into `metadata`"
        tidied.oddities.append(
            Oddity(place=(key,), message=f"`{key}` is no key of a bundle", remedy=remedy, is_tolerated=True)
        )
        return
    nearest = get_close_matches(key.lower().replace("-", "_"), sorted(FIELDS), n=1, cutoff=0.6)
    instead = INSTEAD.get(key.lower().replace("-", "_"))
    suggestion = f"did you mean `{nearest[0]}`?" if nearest else "move it into `metadata`"
    _refuse(tidied, (key,), f"`{key}` is no key of a bundle", instead or suggestion)


def _refuse(tidied: Tidied, place: Place, message: str, remedy: str) -> None:
    tidied.oddities.append(Oddity(place=place, message=message, remedy=remedy, is_tolerated=False))
