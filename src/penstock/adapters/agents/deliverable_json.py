"""From a model's text to whole files: strict JSON of one shape, found on one of three rungs. Code is never repaired.

A key that stands twice, a number that is none, a text that was cut: each is refused, for a guess would be written as
code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from markdown_it import MarkdownIt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from penstock.domain.deliverable import FileContent, FileSet
from penstock.domain.errors import AgentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LONGEST_ANSWER = 4 << 20
MOST_OBJECTS = 200
MOST_FILES = 2000


class CodeFile(BaseModel):
    """One file as a model gives it; without content it is to be deleted. What it says besides is for people."""

    model_config = ConfigDict(extra="ignore", strict=True)

    path: str = Field(min_length=1, max_length=4096)
    content: str | None
    imports: list[str] = []
    classes: list[str] = []
    functions: list[str] = []
    tests_required: list[str] = []


class CodeDeliverable(BaseModel):
    """The answer of a model that was asked for code."""

    model_config = ConfigDict(extra="ignore", strict=True)

    files: list[CodeFile] = Field(max_length=MOST_FILES)
    dependencies: list[str] = []
    test_files: list[CodeFile] = []
    migration_scripts: list[CodeFile] = []

    def to_domain(self) -> FileSet:
        """All its files; a text that is no UTF-8 keeps its flaw, to be refused where it is judged."""
        every = (*self.files, *self.test_files, *self.migration_scripts)
        return FileSet(files=tuple(FileContent(path=one.path, content=_encoded(one.content)) for one in every))


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What was read, and by which way: direct, fence or boundary."""

    deliverable: CodeDeliverable
    strategy: str


class AnswerUnreadable(AgentError):
    """An answer in which there is no deliverable."""


class _NotStrict(ValueError):
    pass


def read_deliverable(text: str) -> Read:
    """The deliverable in a text; `AnswerUnreadable` says what stands in the way."""
    if not text.strip():
        raise AnswerUnreadable("the answer is empty")
    if len(text) > LONGEST_ANSWER:
        raise AnswerUnreadable(f"the answer has {len(text)} characters, and {LONGEST_ANSWER} are the most")
    faults: list[str] = []
    for strategy, candidates in (("direct", [text]), ("fence", _fenced(text)), ("boundary", _objects(text))):
        for candidate in candidates:
            try:
                return Read(deliverable=_validated(_loaded(candidate)), strategy=strategy)
            except ValueError as fault:  # pydantic's and json's own are such too
                faults.append(_words(fault))
    raise AnswerUnreadable(f"the answer holds no deliverable as JSON: {_most_telling(faults)}")


def _loaded(text: str) -> object:
    try:
        return _DECODER.decode(text.strip())
    except RecursionError as deep:
        raise _NotStrict("it is nested too deeply") from deep


def _validated(value: object) -> CodeDeliverable:
    return CodeDeliverable.model_validate(value)


def _fenced(text: str) -> list[str]:
    """The contents of outermost fences whose lines are nothing else, largest first."""
    markdown = MarkdownIt("zero").enable("fence")  # hostile brackets cost the whole of Markdown seconds
    blocks = [token.content for token in markdown.parse(text) if token.type == "fence" and token.level == 0]
    return sorted(blocks, key=len, reverse=True)[:MOST_OBJECTS]


def _objects(text: str) -> list[str]:
    """The outermost objects that stand in a text, largest first."""
    return sorted(_found(text), key=len, reverse=True)


def _found(text: str) -> Iterator[str]:
    at, tries = text.find("{"), 0
    while at >= 0 and tries < MOST_OBJECTS:
        tries += 1
        try:
            _, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            yield text[at:end]
        at = text.find("{", end)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(name for place, (name, _) in enumerate(pairs) if name in dict(pairs[:place]))
        raise _NotStrict(f"the key {twice!a} stands twice in one object")
    return found


def _no_number(word: str) -> NoReturn:
    raise _NotStrict(f"{word} is no JSON")


def _words(fault: ValueError) -> str:
    if isinstance(fault, ValidationError):
        first = fault.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"{place or 'the object'}: {first['msg']}"
    if isinstance(fault, json.JSONDecodeError):
        return f"{fault.msg} (line {fault.lineno}, column {fault.colno})"
    return str(fault)


def _most_telling(faults: Sequence[str]) -> str:
    """What is wrong with a JSON that was found says more than that a text is none."""
    is_json = [fault for fault in faults if "column" not in fault]
    return (is_json or list(faults))[0]


def _encoded(content: str | None) -> bytes | None:
    return None if content is None else content.encode("utf-8", "surrogatepass")


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number)
