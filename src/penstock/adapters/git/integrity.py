"""Penstock's own repository as it must be: constant files and the refs that the ledger knows.

Differences are put back and told. Reads files only: git would already obey what was planted.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.refs import RefReader, put_back
from penstock.domain.changes import Violation

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.adapters.git.layout import GitSettings
    from penstock.adapters.git.ledger import Ledger

USER_REFS = "refs/penstock-user/"
"""Fetched anew, and forced, before they are used: not watched."""
HEAD = b"ref: refs/heads/penstock/none\n"
ATTRIBUTES = b"* -filter\n"
CONFIG = "[core]\n\trepositoryformatversion = {version}\n\tfilemode = true\n\tbare = true\n\tlogAllRefUpdates = false\n"
OBJECT_FORMAT = "[extensions]\n\tobjectFormat = sha256\n"
ALTERNATES = "objects/info/alternates"
KNOWN = frozenset({"HEAD", "config", "info", "objects", "refs", "packed-refs"})

MOST_TOLD = 20
"""Files of one strange folder, or refs."""


def config_of(object_format: str) -> bytes:
    """The configuration of the own repository: nothing in it runs anything."""
    is_new = object_format == "sha256"
    text = CONFIG.format(version=int(is_new)) + (OBJECT_FORMAT if is_new else "")
    return text.encode()


class Integrity:
    """Compares and mends; keeps a log whose length is what an attempt remembers at its start."""

    def __init__(self, settings: GitSettings, ledger: Ledger) -> None:
        self._settings = settings
        self._folder = settings.repository
        self._notes = settings.home / "repository"
        self._ledger = ledger
        self._reader = RefReader(self._folder, leave_out=USER_REFS)
        self._log: list[Violation] = []
        self._working = threading.Lock()
        self._is_known = False

    def write_constants(self, folder: Path, object_format: str) -> None:
        """Give a new repository its files, and remember those that differ from project to project."""
        for name in ("hooks", "branches", "description", "packed-refs", "logs", "info", "refs"):
            folders.remove(folder / name)
        (folder / "refs/heads").mkdir(parents=True)
        folders.write(self._notes / "format", object_format.encode())
        folders.write(self._notes / "alternates", folders.read(folder / ALTERNATES) or b"")
        for name, content in self._constants().items():
            if content is not None:
                folders.write(folder / name, content)

    def check(self, *, again: bool = False) -> int:
        """Find and put back what is not ours; the length of the log so far.

        Where whatever ran since the last look was confined, nothing there could have changed: it is looked at `again`
        only on demand.
        """
        with self._working:
            is_due = again or not self._is_known or self._settings.is_exposed()
            if is_due and folders.is_folder(self._folder):
                with self._ledger.held():
                    found = [*self._mend_files(), *self._mend_refs()]
                self._log += found
                self._is_known = True
            return len(self._log)

    def since(self, mark: int) -> tuple[Violation, ...]:
        """What was found after the log had that length."""
        return tuple(dict.fromkeys(self._log[mark:]))

    def _constants(self) -> dict[str, bytes | None]:
        object_format = (folders.read(self._notes / "format") or b"sha1").decode()
        return {
            "HEAD": HEAD,
            "config": config_of(object_format),
            "info/attributes": ATTRIBUTES,
            ALTERNATES: folders.read(self._notes / "alternates") or None,
        }

    def _mend_files(self) -> list[Violation]:
        found: list[Violation] = []
        for name in ("info", "refs"):
            if not folders.is_folder(self._folder / name):
                found.append(_violation(name, "was replaced or removed in Penstock's own repository"))
                folders.empty(self._folder / name)
        for name, content in self._constants().items():
            if folders.read(self._folder / name) == content and not (self._folder / name).is_symlink():
                continue
            found.append(_violation(name, "was changed in Penstock's own repository"))
            folders.remove(self._folder / name)
            if content is not None:
                folders.write(self._folder / name, content)
        strangers = [path for path in self._folder.iterdir() if path.name not in KNOWN and not _is_passing(path)]
        strangers += [path for path in (self._folder / "info").iterdir() if path.name != "attributes"]
        for path in strangers:
            names = [str(inner.relative_to(self._folder)) for inner in folders.files_below(path, MOST_TOLD)]
            found += [_violation(name, "was put into Penstock's own repository") for name in names]
            folders.remove(path)
        return found

    def _mend_refs(self) -> list[Violation]:
        found = self._reader.all()
        self._ledger.adopt(found)
        self._ledger.reconcile(found)
        ours = self._ledger.refs
        violations = [_violation("refs.log", "was rewritten")] if self._ledger.was_rewritten else []
        self._ledger.was_rewritten = False
        packed = self._folder / "packed-refs"
        if self._reader.packed() or (folders.exists(packed) and folders.read(packed) is None):
            folders.remove(packed)
            found = self._reader.all()
            violations.append(_violation("packed-refs", "was put into Penstock's own repository"))
        for ref in sorted({*found, *ours}):
            if found.get(ref) != ours.get(ref):
                put_back(self._folder, ref, ours.get(ref))
                words = "was made" if ref not in ours else "was removed" if ref not in found else "was moved"
                violations.append(_violation(ref, f"{words} in Penstock's own repository"))
        return violations


def _is_passing(path: Path) -> bool:
    """Files that git itself makes for the time of one command."""
    return path.name.endswith(".lock") and not path.is_dir()


def _violation(name: str, rule: str) -> Violation:
    return Violation(path=f"repo.git/{name}", rule=rule)
