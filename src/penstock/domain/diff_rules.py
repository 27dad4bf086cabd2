"""What a diff may not hold: an ordered row of rules, each a claim about one change, and the words for breaking it.

The agent's word counts for nothing here: rules see only what git says of two trees.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from penstock.domain.changes import EXECUTABLE, REGULAR, SUBMODULE, SYMLINK, Change, Violation
from penstock.domain.copies import quickly_made
from penstock.domain.patterns import fold, is_git_folder, matches_any
from penstock.domain.plan import Scope
from penstock.domain.protected import ProtectedPaths, names_itself

_DRIVE = re.compile(r"^[A-Za-z]:")


@quickly_made
@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rules need to know besides the change itself."""

    scope: Scope
    protected: ProtectedPaths
    spellings: dict[str, frozenset[str]]
    """Folded path or folder → how base and changes spell it."""
    base_folders: frozenset[str]
    """The folders of the base near what is created: these are there already, whatever others are called."""
    deleted: frozenset[str]
    folders_deleted_from: frozenset[str]


Rule = Callable[[Change, Surroundings], str | None]


def change_out_of_scope(change: Change, around: Surroundings) -> str | None:
    """A file may be changed or deleted only where the scope says so."""
    if change.is_created or matches_any(around.scope.patterns, change.path):
        return None
    return f"out of scope: {'deleted' if change.is_deleted else 'changed'}, but no pattern of the scope holds it"


def creation_out_of_scope(change: Change, around: Surroundings) -> str | None:
    """A file may be created where `create` allows it, or where `files` names it, its folder or a pattern of it."""
    if not change.is_created or matches_any(around.scope.patterns, change.path):
        return None
    return "out of scope: created, but neither `files_create` nor a folder of `files_scope` allows it"


def protected_path(change: Change, around: Surroundings) -> str | None:
    """What decides how the work is judged is changed only if the scope names the file itself.

    A link that stands where a protected folder would puts all that lies behind it in that folder's place.
    """
    is_link = SYMLINK in {change.old_mode, change.new_mode}
    is_held = around.protected.holds(change.path) or (is_link and around.protected.holds(f"{change.path}/"))
    if not is_held or names_itself(around.scope, change.path):
        return None
    return "protected: changed only if the scope names this very file, not by a folder or wildcard"


def git_folder(change: Change, _: Surroundings) -> str | None:
    """No path leads through `.git`, however it is spelled."""
    return "a path that enters a `.git` folder" if any(map(is_git_folder, change.path.split("/"))) else None


def unreadable_name(change: Change, _: Surroundings) -> str | None:
    """A name must be text that every system can show."""
    if any(unicodedata.category(letter) == "Cs" for letter in change.path):
        return "a name that is not valid UTF-8"
    if any(unicodedata.category(letter) == "Cc" for letter in change.path):
        return "a name with a control character"
    return None


def nested_repository(change: Change, _: Surroundings) -> str | None:
    """A submodule or nested repository is never part of a change."""
    return "a submodule or nested repository" if change.new_mode == SUBMODULE else None


def unusual_mode(change: Change, _: Surroundings) -> str | None:
    """Files are plain, executable or symlinks."""
    if change.is_deleted or change.new_mode in {REGULAR, EXECUTABLE, SYMLINK, SUBMODULE}:
        return None
    return f"the file mode {change.new_mode}"


def wandering_symlink(change: Change, _: Surroundings) -> str | None:
    """A symlink points to something inside the project, outside `.git`."""
    if change.new_mode != SYMLINK:
        return None
    if not change.link_target:
        return "a symlink whose target is unknown"
    # a backslash parts folders on one system and is a letter on the other: both readings must stay inside
    readings = (change.link_target, change.link_target.replace("\\", "/"))
    return next((fault for reading in readings if (fault := _link_fault(change.path, reading))), None)


def _link_fault(path: str, target: str) -> str | None:
    shown = ascii(target)
    if target.startswith(("/", "~")) or _DRIVE.match(target):
        return f"a symlink with the absolute target {shown}"
    steps = [step for step in target.split("/") if step not in {"", "."}]
    climbs = next((place for place, step in enumerate(steps) if step != ".."), len(steps))
    if climbs > path.count("/"):
        return f"a symlink whose target {shown} leaves the project"
    if ".." in steps[climbs:]:
        return f"a symlink whose target {shown} climbs after it descended, so that another symlink could lead it out"
    if any(map(is_git_folder, steps)):
        return f"a symlink whose target {shown} enters a `.git` folder"
    return None


def hard_link(change: Change, _: Surroundings) -> str | None:
    """A file has one name: another one could be outside the worktree."""
    return f"a hard link ({change.hard_links} names for one file)" if change.hard_links > 1 else None


def twin(change: Change, around: Surroundings) -> str | None:
    """No new path is another one in a different spelling, of case or of composed letters."""
    if not change.is_created:
        return None
    for path in (*_folders(change.path), change.path):
        others = around.spellings.get(fold(path), frozenset()) - {path}
        if others and path not in around.base_folders:
            other = min(others)
            kind = "unicode" if unicodedata.normalize("NFC", other) == unicodedata.normalize("NFC", path) else "case"
            return f"a {kind} twin of {other!a}: some file systems hold only one of them"
    return None


def file_made_folder(change: Change, around: Surroundings) -> str | None:
    """A file does not become a folder."""
    lost = next((folder for folder in _folders(change.path) if folder in around.deleted), None)
    return f"the file {lost!a} was made a folder" if lost and not change.is_deleted else None


def folder_made_file(change: Change, around: Surroundings) -> str | None:
    """A folder does not become a file."""
    is_made = change.is_created and change.path in around.folders_deleted_from
    return "a folder of this name was made a file" if is_made else None


def attributes_with_filter(change: Change, _: Surroundings) -> str | None:
    """Attributes that name a filter would make git run programs."""
    if change.is_deleted or not fold(change.path).endswith(".gitattributes"):
        return None
    if change.text is None:
        return "git attributes whose text is unknown"
    return "git attributes that name a filter, which git would run" if names_filter(change.text) else None


def names_filter(text: str) -> bool:
    """Whether a line of an attributes file sets a filter."""
    lines = (line.split() for line in text.split("\n"))  # as git does: to Python other characters end a line, too
    return any(
        not words[0].startswith("#") and any(word == "filter" or word.startswith("filter=") for word in words[1:])
        for words in lines
        if words
    )


RULES: tuple[Rule, ...] = (
    change_out_of_scope,
    creation_out_of_scope,
    protected_path,
    git_folder,
    unreadable_name,
    nested_repository,
    unusual_mode,
    wandering_symlink,
    hard_link,
    twin,
    file_made_folder,
    folder_made_file,
    attributes_with_filter,
)


def judge(
    changes: Sequence[Change], scope: Scope, base_paths: Collection[str], protected: ProtectedPaths
) -> tuple[Violation, ...]:
    """Everything that the changes break, in their order; a rename comes as a deletion and a creation."""
    around = _surroundings(changes, scope, base_paths, protected)
    return tuple(
        Violation(path=change.path, rule=fault)
        for change in changes
        for rule in RULES
        if (fault := rule(change, around)) is not None
    )


def judge_litter(paths: Iterable[str], scope: Scope, protected: ProtectedPaths) -> tuple[Violation, ...]:
    """Ignored files that nobody declared break a rule only where they are protected; a folder's path ends in `/`."""
    rule = "protected: written there, though ignored, without being named by the scope"
    return tuple(Violation(path=path, rule=rule) for path in paths if protected.forbids(path, scope))


def _surroundings(
    changes: Sequence[Change], scope: Scope, base_paths: Collection[str], protected: ProtectedPaths
) -> Surroundings:
    deleted = frozenset(change.path for change in changes if change.is_deleted)
    created = [change.path for change in changes if change.is_created]
    near = _near(base_paths, created) if created else set()
    return Surroundings(
        scope=scope,
        protected=protected,
        spellings=_spellings(near | set(created)),
        base_folders=frozenset(_folders_of(near)),
        deleted=deleted,
        folders_deleted_from=frozenset(folder for path in deleted for folder in _folders(path)),
    )


def _near(base_paths: Collection[str], created: Collection[str]) -> set[str]:
    """The paths of the base that what is created could be a twin of.

    What begins by another name can't be: most of a large project is passed over at its first letters.
    """
    beginnings = {fold(path.partition("/")[0]) for path in created}
    tops = {path.partition("/")[0] for path in base_paths}
    near = {top for top in tops if fold(top) in beginnings}
    return {path for path in base_paths if path.partition("/")[0] in near}


def _spellings(paths: Collection[str]) -> dict[str, frozenset[str]]:
    """Paths and their folders by folded name, where there is more than one spelling."""
    found: dict[str, set[str]] = {}
    for path in {*paths, *_folders_of(paths)}:
        found.setdefault(fold(path), set()).add(path)
    return {key: frozenset(spellings) for key, spellings in found.items() if len(spellings) > 1}


def _folders_of(paths: Collection[str]) -> set[str]:
    """All folders above some paths."""
    found: set[str] = set()
    for folder in {path.rpartition("/")[0] for path in paths} - {""}:
        found.add(folder)
        found.update(_folders(folder))
    return found


def _folders(path: str) -> list[str]:
    """The folders above a path, from the top."""
    places = [place for place, letter in enumerate(path) if letter == "/"]
    return [path[:place] for place in places]
