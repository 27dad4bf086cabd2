"""What of the user's own checkout is nothing for confined processes: what it is set by, and the addresses it pushes to.

It is looked through once, and again when a folder of it is another than it was.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from penstock import disk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_OWN_SETTINGS = ".env"
_USUAL = (".env", ".env.local", ".envrc")
_MADE_BY_TOOLS = (".git", "node_modules", ".venv", "__pycache__")
MOST_HIDDEN = 1000
"""So many of them are hidden one by one: bubblewrap takes 9,000 words, three for each."""
MOST_LOOKED_AT = 200_000
"""So much of a checkout is looked through for such files: half a second, or some where the disk has to be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a look has found."""

    secrets: tuple[Path, ...] = ()
    """Where it would hold keys, also where nothing is as yet."""
    folders: tuple[tuple[str, int], ...] = ()
    """What was looked through, and when each had been changed last: a name that is new in one changes that."""

    def are_true(self) -> bool:
        """Whether nothing came or went since."""
        return all(_changed(path) == before for path, before in self.folders)


def look_through(checkout: Path, hidden: Iterable[Path]) -> Findings:
    """What a checkout is set by, at any depth; what lies in it and is hidden as a whole is not looked through."""
    apart = (path.name for path in hidden if path.parent == checkout)
    folders = [(str(checkout), _changed(str(checkout)))]  # before it is listed: what comes meanwhile is found next time
    found: list[str] = []
    for entry in itertools.islice(disk.below(checkout, leaving_out=(*_MADE_BY_TOOLS, *apart)), MOST_LOOKED_AT):
        if entry.is_dir(follow_symlinks=False):
            folders.append((entry.path, _changed(entry.path)))
            if os.path.lexists(within := f"{entry.path}/.git/config"):
                found.append(within)
        if holds_settings(entry.name):
            found.append(entry.path)
    secrets = (*(checkout / name for name in _USUAL), *_addresses(checkout), *_gathered(checkout, found))
    return Findings(secrets=tuple(dict.fromkeys(secrets)), folders=tuple(folders))


def _gathered(checkout: Path, found: Iterable[str]) -> list[Path]:
    """What was found; where it is too much for one command, the deepest folders that hold it and are few enough."""
    paths = [Path(path).relative_to(checkout).parts for path in found]
    depth = max(map(len, paths), default=0)
    while len(paths) > MOST_HIDDEN:
        depth -= 1
        paths = list(dict.fromkeys(parts[:depth] for parts in paths))
    return [checkout.joinpath(*parts) for parts in paths]


def holds_settings(name: str) -> bool:
    """Whether a file of a checkout is one that its user's own settings stand in."""
    return name.startswith(_OWN_SETTINGS)


def _addresses(checkout: Path) -> Iterator[Path]:
    """Git's settings of the checkout, of other worktrees of its repository, and of what is a submodule there."""
    for git in _git_folders(checkout):
        yield git / "config"
        yield git / "config.worktree"
        yield from (folder / "config.worktree" for folder in _folders_in(git / "worktrees"))
        yield from (module / "config" for module in _modules(git))


def _git_folders(checkout: Path) -> Iterator[Path]:
    """A checkout's git folder, and the one that it shares with other worktrees."""
    own = checkout / ".git"
    if (line := _line(own)).startswith("gitdir: "):
        own = checkout / line.removeprefix("gitdir: ")
    yield own
    if line := _line(own / "commondir"):
        yield own / line


def _modules(git: Path) -> Iterator[Path]:
    """The git folders of submodules, which may have some themselves."""
    waiting = _folders_in(git / "modules")
    while waiting:
        folder = waiting.pop()
        is_one = (folder / "HEAD").is_file()
        if is_one:
            yield folder
        waiting += _folders_in(folder / "modules" if is_one else folder)


def _folders_in(folder: Path) -> list[Path]:
    try:
        return [Path(entry.path) for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _line(path: Path) -> str:
    try:
        return path.read_text("utf-8", "surrogateescape").rstrip("\n") if path.is_file() else ""
    except OSError:
        return ""


def _changed(folder: str) -> int:
    try:
        return os.lstat(folder).st_mtime_ns
    except OSError:
        return -1
