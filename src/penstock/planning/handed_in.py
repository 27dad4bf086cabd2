"""Whole files as an agent's model hands them in: one shape, read strictly. They are code, so nothing is repaired."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from penstock.domain.deliverable import FileContent, FileSet
from penstock.planning.answers import read_answer
from penstock.ports import StopReason

MOST_FILES = 2000


class HandedFile(BaseModel):
    """One file; without content it is to be deleted. What is said besides is for people."""

    model_config = ConfigDict(extra="ignore", strict=True)

    path: str = Field(min_length=1, max_length=4096)
    content: str | None
    imports: list[str] = []
    classes: list[str] = []
    functions: list[str] = []
    tests_required: list[str] = []


class HandedIn(BaseModel):
    """The answer of a model that was asked for code. Unlike the artifact of the dev phase it may delete files."""

    model_config = ConfigDict(extra="ignore", strict=True)

    files: list[HandedFile] = Field(max_length=MOST_FILES)
    dependencies: list[str] = []
    test_files: list[HandedFile] = []
    migration_scripts: list[HandedFile] = []

    def to_domain(self) -> FileSet:
        """All its files; a text that is no UTF-8 keeps its flaw, to be refused where it is judged."""
        every = (*self.files, *self.test_files, *self.migration_scripts)
        return FileSet(files=tuple(FileContent(path=one.path, content=_encoded(one.content)) for one in every))


def read_files(text: str) -> tuple[FileSet, str]:
    """The files in a whole answer and the way they were found; AnswerUnfit says what stands in the way.

    Of several answers the largest is taken: what it writes is checked like anybody's.
    """
    read = read_answer(text, _handed_in, stop=StopReason.DONE, may_repair=False, may_choose=True)
    return read.value, read.strategy


def _handed_in(payload: Mapping[str, Any]) -> tuple[FileSet, tuple[str, ...]]:
    return HandedIn.model_validate(payload).to_domain(), ()


def _encoded(content: str | None) -> bytes | None:
    return None if content is None else content.encode("utf-8", "surrogatepass")
