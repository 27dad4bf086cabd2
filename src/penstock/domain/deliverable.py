"""What somebody hands in instead of editing: a patch, or whole files. And what of it is refused, judged as text.

Pure. Whether a path is in scope, and what the tree would hold, is judged from the tree that git makes of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from penstock.domain.changes import ABSENT, EXECUTABLE, REGULAR, SUBMODULE, SYMLINK, Change, Violation
from penstock.domain.patch_text import patch_faults
from penstock.domain.patterns import fault_of, fold
from penstock.domain.plan import Scope
from penstock.domain.protected import ProtectedPaths

GIT_FILES = (".gitattributes", ".gitmodules")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A unified diff, as `git diff` writes it."""

    text: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """A whole file; without content it is to be deleted."""

    path: str
    content: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSet:
    """Whole files that are to be written or deleted."""

    files: tuple[FileContent, ...]


Deliverable: TypeAlias = Patch | FileSet


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRules:
    """What a deliverable may do."""

    scope: Scope
    protected: ProtectedPaths = field(default_factory=ProtectedPaths)
    allow_binary: bool = False
    max_file_bytes: int = 1 << 20
    max_bytes: int = 8 << 20
    """Of the deliverable as it came, and of all that it writes."""
    max_files: int = 500


def faults_of(deliverable: Deliverable, rules: ApplyRules) -> tuple[Violation, ...]:
    """What can be refused before git has seen it."""
    match deliverable:
        case Patch(text=text):
            if len(text) > rules.max_bytes:
                return (_too_large("", len(text), rules.max_bytes, "the patch"),)
            largest = rules.max_file_bytes if rules.allow_binary else None
            return tuple(Violation(path="", rule=fault) for fault in patch_faults(text, largest_binary=largest))
        case FileSet(files=files):
            return (*_faults_of_files(files, rules),)


def _faults_of_files(files: Sequence[FileContent], rules: ApplyRules) -> Iterator[Violation]:
    if len(files) > rules.max_files:
        yield Violation(path="", rule=f"{len(files)} files, and at most {rules.max_files} are taken")
        return
    if (size := sum(len(file.content or b"") for file in files)) > rules.max_bytes:
        yield _too_large("", size, rules.max_bytes, "all files together")
    for file in files:
        if fault := path_fault(file.path):
            yield Violation(path=file.path, rule=fault)
    for path, count in Counter(file.path for file in files).items():
        if count > 1:
            yield Violation(path=path, rule=f"given {count} times: nobody knows which one is meant")
    folders = {file.path[:place] for file in files for place, letter in enumerate(file.path) if letter == "/"}
    yield from (
        Violation(path=file.path, rule="a file, and a folder of others too") for file in files if file.path in folders
    )
    # a twin of a file that is there already is seen in the tree; of two new ones here too, where one is deleted
    spellings: dict[str, str] = {}
    for file in files:
        other = spellings.setdefault(fold(file.path), file.path)
        if other != file.path:
            yield Violation(path=file.path, rule=f"a twin of {other!a}: some file systems hold only one of them")


def path_fault(path: str) -> str | None:
    """Why no file of this name may be written, whatever the scope says."""
    fault = fault_of(path)
    if fault is not None:
        return f"a path that {fault}"
    segments = path.split("/")
    faults = (
        ("\\" in path, "a path with a backslash, which parts folders on some systems"),
        (any(segment in {"", "."} for segment in segments), "a path with an empty segment or `.`"),
        (any(segment != segment.rstrip(" .") for segment in segments), "a name that ends with a dot or a space"),
        (any(segment != segment.lstrip(" ") for segment in segments), "a name that begins with a space"),
        (":" in path, "a name with a colon, which is a stream of another file on some systems"),
        (any(_DEVICE.fullmatch(segment) for segment in segments), "a name that is a device on some systems"),
        (any(unicodedata.category(letter) in {"Cf", "Zl", "Zp"} for letter in path), "a name with invisible letters"),
    )
    return next((words for is_true, words in faults if is_true), None)


def faults_of_changes(changes: Sequence[Change], rules: ApplyRules) -> tuple[Violation, ...]:
    """What the tree must not show, beyond the scope: modes, links, submodules, names, git's own files."""
    if len(changes) > rules.max_files:
        return (Violation(path="", rule=f"{len(changes)} files changed, and at most {rules.max_files} may be"),)
    return tuple(
        Violation(path=change.path, rule=fault)
        for change in changes
        if (fault := _fault_of_modes(change) or _fault_of_name(change)) is not None
    )


def _fault_of_modes(change: Change) -> str | None:
    modes = {change.old_mode, change.new_mode}
    if SUBMODULE in modes:
        return "a submodule: none may be added, changed or removed"
    if SYMLINK in modes:
        return "a symlink: none may be added, changed or removed"
    if not modes <= {REGULAR, EXECUTABLE, ABSENT}:
        return f"the file mode {change.new_mode}"
    if change.new_mode == EXECUTABLE and change.old_mode != EXECUTABLE:
        return "an executable file: only those that are so already may be"
    if change.old_mode == EXECUTABLE and change.new_mode == REGULAR:
        return "an executable file that would be so no more"
    return None


def _fault_of_name(change: Change) -> str | None:
    if fold(change.path.rpartition("/")[2]) in GIT_FILES:
        return "a file that tells git how to read others"
    return path_fault(change.path) if change.is_created else None


def faults_of_sizes(sizes: Iterable[tuple[str, int]], rules: ApplyRules) -> tuple[Violation, ...]:
    """What is too large of the files that would be written, by their paths and bytes."""
    told = tuple(sizes)
    found = [
        _too_large(path, size, rules.max_file_bytes, "the file") for path, size in told if size > rules.max_file_bytes
    ]
    if (size := sum(size for _, size in told)) > rules.max_bytes:
        found.append(_too_large("", size, rules.max_bytes, "all files together"))
    return tuple(found)


def _too_large(path: str, size: int, limit: int, what: str) -> Violation:
    return Violation(path=path, rule=f"too large: {what} would have {size} bytes, and {limit} are the most")
