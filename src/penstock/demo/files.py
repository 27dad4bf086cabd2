"""The sample's files, which lie in the package under names that no tool takes for code of ours. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

SAMPLE = Path(__file__).with_name("sample")
SUFFIX = ".sample"


def project_files() -> Mapping[str, str]:
    """The files that the sample project begins with, by their paths."""
    return _files(SAMPLE / "project")


def turns_of(workstream: str) -> tuple[Mapping[str, str], ...]:
    """What the agent of a workstream writes in each of its turns."""
    turns = sorted((SAMPLE / "answers" / workstream).iterdir(), key=lambda folder: int(folder.name))
    return tuple(_files(turn) for turn in turns)


def _files(folder: Path) -> Mapping[str, str]:
    found = sorted(folder.rglob(f"*{SUFFIX}"))
    return {path.relative_to(folder).as_posix().removesuffix(SUFFIX): path.read_text("utf-8") for path in found}
