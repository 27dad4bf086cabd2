"""The paths that a model wants to open to an agent: made one spelling, or refused with a reason that it can act on.

A scope is a permission, so that it is judged more strictly than what a person writes: nothing protected, and never the
whole project.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from penstock.domain.scope import ProtectedPaths, fault_of, is_literal, matches, normalise

_ONLY_WILD = re.compile(r"[*?]+")
_WILD = re.compile(r"[*?]+")
CHILD = "x"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """The good ones of some paths, and what is wrong with the others."""

    good: tuple[str, ...]
    faults: tuple[str, ...]


def judged(written: Sequence[str], protected: ProtectedPaths, most: int) -> Paths:
    """Each path in its one spelling, once; or why it is refused."""
    good: dict[str, None] = {}
    faults: list[str] = []
    for path in written[:most]:
        fault = fault_of(path) or _permission_fault(normalise(path), protected)
        if fault is None:
            good[normalise(path)] = None
        else:
            faults.append(f"the path {shown(path)} {fault}")
    if len(written) > most:
        faults.append(f"{len(written)} paths are named, and {most} are the most")
    return Paths(good=tuple(good), faults=tuple(faults))


def shown(path: str) -> str:
    """A path as it can stand in a sentence, whatever it holds."""
    text = ascii(path[:120]) if not path.isprintable() else f"'{path[:120]}'"
    return f"{text[:-1]}…'" if len(path) > 120 else text


def _permission_fault(path: str, protected: ProtectedPaths) -> str | None:
    if _ONLY_WILD.fullmatch(path.split("/", maxsplit=1)[0]):
        return "opens the whole project: name files, or a folder that the work lies in"
    sample = _WILD.sub(CHILD, path)
    below = f"{sample}{CHILD}" if sample.endswith("/") else f"{sample}/{CHILD}"
    if protected.holds(below) or (not sample.endswith("/") and protected.holds(sample)):
        return "is protected (settings, checks, continuous integration, hooks or secrets): only a person may open it"
    return None


def frozen_tests(written: Sequence[str], own: Iterable[str], files: Collection[str] | None, most: int) -> Paths:
    """The acceptance files that can be taken from before the work: those that are there and not the work itself."""
    mine = tuple(own)
    good: dict[str, None] = {}
    faults: list[str] = []
    for path in written[:most]:
        fault = fault_of(path) or _not_before(normalise(path), mine, files)
        if fault is None:
            good[normalise(path)] = None
        else:
            faults.append(f"the acceptance file {shown(path)} {fault}")
    return Paths(good=tuple(good), faults=tuple(faults))


def _not_before(path: str, own: Sequence[str], files: Collection[str] | None) -> str | None:
    if any(pattern == path or (is_literal(path) and matches(pattern, path)) for pattern in own):
        return "is in the workstream's own scope, so that it can't be kept as it was"
    if files is not None and is_literal(path) and path not in files and not _is_folder(path, files):
        return "is not there before the run"
    return None


def _is_folder(path: str, files: Collection[str]) -> bool:
    return any(file.startswith(f"{path}/") for file in files)
