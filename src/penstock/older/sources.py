"""Where older things lie: a database of the Combine, a file, or a folder of them. Finds and reads; never writes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from penstock.domain.errors import UserError
from penstock.older.combine_database import HEADER, read_database
from penstock.older.epic_text import epic_of
from penstock.older.found import MOST_BYTES, FoundArtifact, Gathering, Reading
from penstock.planning.artifacts import ARTIFACT_MODELS, canonical_type

MOST_FILES = 2000
TEXTS = frozenset({".md", ".markdown"})
_SIGNS = (
    ("stories", "title", "epic"),
    ("scope", "acceptance_criteria", "epic"),
    ("components", "components", "arch_notes"),
    ("workstreams", "workstreams", "ba_spec"),
    ("data_models", "data_models", "ba_spec"),
    ("files", "files", "proposed_change_set"),
    ("changes", "changes", "proposed_change_set"),
    ("passed", "issues", "qa_result"),
    ("passed_criteria", "recommendation", "qa_result"),
    ("success", "message", "commit_result"),
)
"""By which two keys each type is known."""


def read(path: Path) -> Reading:
    """All that can be read at a place; UserError where there is nothing of the kind."""
    if path.is_file() and _head(path) == HEADER:
        return read_database(path)
    files = [path] if path.is_file() else list(_files(path))
    if not files:
        raise UserError(
            f"{path} holds nothing to read; possible are a database, .md and .json files, or a folder of them"
        )
    gathering = Gathering()
    for file in files:
        _read_file(file, gathering)
    return gathering.reading()


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(len(HEADER))
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}") from None


def _files(folder: Path) -> Iterator[Path]:
    """The files of a folder in the order of their names; nothing that a link leads to."""
    if not folder.is_dir():
        raise UserError(f"there is no {folder}")
    found = (one for one in sorted(folder.rglob("*")) if one.suffix.lower() in {*TEXTS, ".json"})
    for count, one in enumerate(path for path in found if path.is_file() and not path.is_symlink()):
        if count == MOST_FILES:
            raise UserError(f"{folder} holds more than {MOST_FILES} files", hint="name a part of it")
        yield one


def _read_file(file: Path, gathering: Gathering) -> None:
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        gathering.unread.append(f"{file.name} can't be read: {error}")
        return
    if len(content) > MOST_BYTES:
        gathering.unread.append(f"{file.name} has more than {MOST_BYTES:,} bytes")
    elif file.suffix.lower() in TEXTS:
        _read_text(file, text, gathering)
    else:
        _read_json(file, text, gathering)


def _read_text(file: Path, text: str, gathering: Gathering) -> None:
    payload = epic_of(text, file.stem)
    if payload is None:
        gathering.unread.append(f"{file.name} is no epic: it needs a title, and stories under `## Stories`")
    else:
        gathering.take([FoundArtifact(type="epic", payload=payload, source=file.name)])


def _read_json(file: Path, text: str, gathering: Gathering) -> None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        gathering.unread.append(f"{file.name} is no JSON: {type(error).__name__}")
        return
    found = list(_artifacts_in(value, file.name))
    if not found:
        gathering.unread.append(f"{file.name} holds no artifact of a form that is known")
    gathering.take(found)


def _artifacts_in(value: object, source: str) -> Iterator[FoundArtifact]:
    """One artifact, a list of them, or an object of them by type."""
    if isinstance(value, list):
        for one in value:
            yield from _artifacts_in(one, source) if isinstance(one, dict) else ()
    elif isinstance(value, dict):
        by_type = {name: one for name, one in value.items() if isinstance(one, dict) and _is_type(name)}
        kind = None if by_type else kind_of(value)
        for name, one in ({kind: value} if kind else by_type).items():
            yield FoundArtifact(type=name, payload=one, source=source)


def _is_type(name: str) -> bool:
    try:
        return canonical_type(name) in ARTIFACT_MODELS
    except UserError:
        return False


def kind_of(payload: Mapping[str, Any]) -> str | None:
    """Of which type an artifact is, by its keys."""
    return next((kind for one, other, kind in _SIGNS if one in payload and other in payload), None)
