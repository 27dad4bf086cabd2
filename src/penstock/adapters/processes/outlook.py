"""What confined processes see of the machine: worked out once, and again when a place that it rests on is another.

A launch asks the disk only whether those places are what they were: where keys lie, what is hidden, what a program is
looked up in. All of it may change while we run, and the next process must see what is true then.
"""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.processes.checkout import Findings, holds_settings, look_through
from penstock.adapters.processes.confinement import (
    KERNEL,
    SCRATCH,
    SOCKETS,
    STILL_NEEDED,
    TOOLCHAINS,
    Confinement,
    confinement_of,
    is_out_of_sight,
    secrets_of,
    toolchains_of,
    ways_out_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST = 64
"""So many sights are remembered: commands that name ever other files must not fill the memory."""
_PACKAGE = Path(__file__).resolve().parents[2]

_Mark = tuple[int, int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a process is shown, and the places that this rests on."""

    confinement: Confinement
    toolchains: Mapping[str, str]
    places: tuple[tuple[str, str, _Mark], ...]
    """Each by its name, by where that led, and what was found there."""
    secrets: tuple[Path, ...] = ()
    """Of the user's checkout."""

    def is_true(self) -> bool:
        """Whether each name leads to the same thing still, and that thing lies where it lay."""
        for name, real, mark in self.places:
            if _mark(name) != mark or (real != name and mark is not None and _mark(real, follow=False) != mark):
                return False
        return True


class Outlook:
    """The sights of one project's processes."""

    def __init__(
        self,
        *,
        home: Path,
        hidden: Iterable[Path],
        readable: Iterable[Path],
        environ: Mapping[str, str],
        checkout: Path | None = None,
    ) -> None:
        self._home, self._checkout = home, checkout
        self._hidden, self._readable = tuple(hidden), tuple(readable)
        self._secrets = [*secrets_of(home, environ), *ways_out_of(environ)]
        self._findings: Findings | None = None
        self._known: dict[tuple[tuple[str, ...], str], Sight] = {}

    def hides(self, path: Path) -> bool:
        """Whether it lies below something that is emptied, and below nothing that is put in again."""
        places = (SCRATCH, SOCKETS, *self._hidden, *self._secrets)
        return self._is_setting(path) or (_is_below(path, places) and not _is_below(path, self._readable))

    def _is_setting(self, path: Path) -> bool:
        home = None if self._checkout is None else os.path.realpath(self._checkout)
        return home is not None and path.is_relative_to(home) and any(map(holds_settings, path.relative_to(home).parts))

    def sight(self, named: tuple[str, ...], search_path: str) -> Sight:
        """What a process sees whose command names such paths, and whose programs are looked up so."""
        secrets = self._secrets_in_checkout()
        known = self._known.get((named, search_path))
        if known is not None and known.secrets == secrets and known.is_true():
            return known
        found = self._looked(named, search_path, secrets)
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[named, search_path] = found
        return found

    def _secrets_in_checkout(self) -> tuple[Path, ...]:
        if self._checkout is None:
            return ()
        found = self._findings
        if found is None or not found.are_true():
            found = self._findings = look_through(self._checkout, self._hidden)
        return found.secrets

    def _looked(self, named: tuple[str, ...], search_path: str, secrets: tuple[Path, ...]) -> Sight:
        searched = filter(None, search_path.split(":"))
        programs = [*map(Path, (*named, *searched)), Path(sys.prefix), Path(sys.base_prefix), _PACKAGE]
        toolchains = (self._home / folder for folder in TOOLCHAINS.values())
        hidden = (*self._hidden, *self._secrets, *secrets)
        # Before it is looked at: what changes meanwhile is found by the next.
        places = _places((SOCKETS, *STILL_NEEDED, *KERNEL, *hidden, *self._readable, *toolchains, *programs))
        shown = [path for path in programs if is_out_of_sight(path, self._hidden)]
        return Sight(
            confinement=confinement_of(hidden=hidden, readable=(*self._readable, *shown)),
            toolchains=toolchains_of(self._home),
            places=places,
            secrets=secrets,
        )


def _is_below(path: Path, places: Iterable[Path]) -> bool:
    return any(path.is_relative_to(os.path.realpath(place)) for place in places)


def _places(paths: Iterable[Path]) -> tuple[tuple[str, str, _Mark], ...]:
    names = dict.fromkeys(map(str, paths))
    return tuple((name, os.path.realpath(name), _mark(name)) for name in names)


def _mark(path: str, *, follow: bool = True) -> _Mark:
    try:
        found = os.stat(path, follow_symlinks=follow)  # noqa: PTH116 - of every place at every launch
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, stat.S_IFMT(found.st_mode)
