"""From files to bundles: finds and reads the files, and holds each bundle against its model. Says all that is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from penstock.domain.scope import fault_of
from penstock.intake.bundle_model import WANTS, Bundle
from penstock.intake.json_text import read_json
from penstock.intake.positions import LARGEST, Document, Place, Unreadable, decode, pointer
from penstock.intake.problems import Problem, ProblemKind
from penstock.intake.tolerance import Tidied, tidy
from penstock.intake.yaml_text import read_yaml

SUFFIXES = (".json", ".yaml", ".yml")
MOST_FILES = 20_000
MOST_TWICE = 100
_ELSEWHERE = "write bundles there, or say with --plan where they are"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file's name, as problems show it, and its bytes."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One bundle that a file holds, good or not."""

    source: Source
    document: Document
    place: Place
    tidied: Tidied
    id: str | None
    bundle: Bundle | None = None

    def problem(self, kind: ProblemKind, message: str, *, place: Place = (), remedy: str | None = None) -> Problem:
        """A problem of this bundle, `place` being that in the tidy bundle."""
        full = (*self.place, *self.tidied.original(place))
        return Problem(
            kind=kind,
            file=self.source.name,
            line=self.document.line_of(full),
            pointer=pointer(full),
            id=self.id,
            message=message,
            remedy=remedy,
        )


@dataclass(slots=True, kw_only=True)
class Reading:
    """What a set of files holds, and what is wrong with it."""

    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    tolerated: list[Problem] = field(default_factory=list)


def find_sources(path: Path, problems: list[Problem]) -> Iterator[Source]:
    """The bundle files of a folder in order of name, not those of its folders; or the one file."""
    try:
        files = sorted(one for one in path.iterdir() if one.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
    except OSError as error:
        problems.append(_unreadable(path, f"the folder can't be listed: {error.strerror}"))
        return
    if len(files) > MOST_FILES:
        problems.append(_unreadable(path, f"the folder holds {len(files)} bundle files; at most {MOST_FILES} are read"))
        return
    for file in files:
        try:
            if not file.exists():
                problems.append(_unreadable(file, "there is no such file or folder", _ELSEWHERE))
            elif not file.is_file():
                problems.append(_unreadable(file, "this is neither a file nor a folder"))
            else:
                with file.open("rb") as stream:
                    yield Source(name=str(file), content=stream.read(LARGEST + 1))
        except OSError as error:
            problems.append(_unreadable(file, f"the file can't be read: {error.strerror}"))


def _unreadable(path: Path, message: str, remedy: str | None = None) -> Problem:
    return Problem(kind=ProblemKind.UNREADABLE, file=str(path), message=message, remedy=remedy)


def read_document(source: Source) -> Document:
    """The values of a file, read as its name says; `Unreadable` otherwise."""
    text = decode(source.content)
    return read_yaml(text) if source.name.lower().endswith((".yaml", ".yml")) else read_json(text)


def read(sources: Iterable[Source]) -> Reading:
    """All bundles of all files."""
    reading = Reading()
    for source in sources:
        try:
            document = read_document(source)
        except Unreadable as error:
            reading.problems.append(
                Problem(kind=ProblemKind.SYNTAX, file=source.name, line=error.line, message=error.fault)
            )
            continue
        _read_document(reading, source, document)
    return reading


def _read_document(reading: Reading, source: Source, document: Document) -> None:
    for twice in document.twice[:MOST_TWICE]:
        place = (*twice.place, twice.text)
        reading.problems.append(
            Problem(
                kind=ProblemKind.SYNTAX,
                file=source.name,
                line=twice.line,
                pointer=pointer(place),
                message=f"the key `{twice.text}` is given twice",
                remedy="keep one of them",
            )
        )
    for comment in document.comments:
        reading.tolerated.append(
            Problem(
                kind=ProblemKind.TOLERATED,
                file=source.name,
                line=comment.line,
                pointer=pointer(comment.place),
                message="JSON has no comments",
                remedy="move it into `metadata.notes`",
            )
        )
    is_list = isinstance(document.value, list)
    values = document.value if isinstance(document.value, list) else [document.value]
    if not values:
        message = "the list holds no bundle"
        reading.problems.append(Problem(kind=ProblemKind.EMPTY, file=source.name, line=1, message=message))
    for number, value in enumerate(values):
        _read_entry(reading, source, document, (number,) if is_list else (), value)


def _read_entry(reading: Reading, source: Source, document: Document, place: Place, value: object) -> None:
    if not isinstance(value, dict):
        entry = Entry(source=source, document=document, place=place, tidied=Tidied(), id=None)
        reading.problems.append(entry.problem(ProblemKind.SCHEMA, f"a bundle must be an object, found {_shown(value)}"))
        return
    tidied = tidy(value)
    found = tidied.fields.get("id")
    entry = Entry(
        source=source, document=document, place=place, tidied=tidied, id=found if isinstance(found, str) else None
    )
    if "items" in value and ("bundle-id" in value or "bundle_id" in value):
        message = "this is a draft: its items have no scope, so that nothing of it can run"
        remedy = "write one bundle per item, with files_scope and tasks"
        reading.tolerated.append(entry.problem(ProblemKind.DRAFT, message, remedy=remedy))
        return
    for oddity in tidied.oddities:
        where = reading.tolerated if oddity.is_tolerated else reading.problems
        kind = ProblemKind.TOLERATED if oddity.is_tolerated else ProblemKind.UNKNOWN_KEY
        where.append(entry.problem(kind, oddity.message, place=oddity.place, remedy=oddity.remedy))
    problems, bundle = _hold_against_model(entry)
    reading.problems.extend(problems)
    reading.entries.append(
        Entry(source=source, document=document, place=place, tidied=tidied, id=entry.id, bundle=bundle)
    )


def _hold_against_model(entry: Entry) -> tuple[list[Problem], Bundle | None]:
    """The bundle as a model says it, or what keeps it from being one."""
    problems: list[Problem] = []
    bundle: Bundle | None = None
    fields = entry.tidied.fields
    try:
        bundle = Bundle.model_validate_json(json.dumps(fields))
    except ValidationError as error:
        problems = _model_problems(entry, [tuple(fault["loc"]) for fault in error.errors(include_url=False)])
    if not fields.get("tool") and not fields.get("capability") and not {"tool", "capability"} & _faulty(problems):
        problems.append(
            entry.problem(ProblemKind.SCHEMA, "`tool` is missing", remedy="name an agent, or a `capability`")
        )
    for name in ("files_scope", "files_create", "acceptance_files"):
        patterns = fields.get(name)
        for number, pattern in enumerate(patterns if isinstance(patterns, list) else ()):
            fault = fault_of(pattern) if isinstance(pattern, str) else None
            if fault is not None:
                remedy = "write paths relative to the project, like `src/app.py` or `src/`"
                message = f"the path {_shown(pattern)} {fault}"
                problems.append(entry.problem(ProblemKind.SCOPE, message, place=(name, number), remedy=remedy))
    return problems, None if problems else bundle


def _faulty(problems: Sequence[Problem]) -> set[str]:
    return {problem.pointer.rpartition("/")[2] for problem in problems}


def _model_problems(entry: Entry, places: Sequence[Place]) -> list[Problem]:
    """One problem per place that the file really has: pydantic names each member of a union besides."""
    found: dict[Place, Problem] = {}
    for place in places:
        real, value = _deepest(entry.tidied.fields, place)
        name = str(place[0])
        if not real:
            message, remedy = f"`{name}` is missing", f"it must be {WANTS[name]}"
        else:
            shown = ".".join(map(str, real))
            message, remedy = f"`{shown}` can't be {_shown(value)}", f"`{name}` must be {WANTS[name]}"
        found.setdefault(real or place, entry.problem(ProblemKind.SCHEMA, message, place=real, remedy=remedy))
    # a list whose items were refused counts as too short besides: the items say it better
    holding = {place[:-1] for place in found}
    return [problem for place, problem in found.items() if place not in holding]


def _deepest(value: Any, place: Place) -> tuple[Place, object]:
    """How far a place leads into a value, and what stands there."""
    walked: list[str | int] = []
    for step in place:
        is_member = isinstance(value, dict) and isinstance(step, str) and step in value
        is_item = isinstance(value, list) and isinstance(step, int) and step < len(value)
        if not (is_member or is_item):
            break
        value = value[step]
        walked.append(step)
    return tuple(walked), value


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"
