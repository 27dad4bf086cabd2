"""Which refs Penstock itself wrote, over all its processes.

An append-only file, so that any other value is known for tampering. A write is noted as intended, done, and noted as
done, under one lock, which git children hold too: a line without its second half tells of a kill: either value is ours.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.layout import NO_COMMIT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.adapters.git.refs import Refs


_VALUE = re.compile(r"[0-9a-f]{40,64}")


class Ledger:
    """The model of the refs. Everything in it is used under `held`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = path.with_suffix(".guard")
        self._offset = 0
        self._present: dict[str, str] = {}
        self._intended: dict[str, str] = {}
        self._unsure: set[str] = set()
        """Refs of which a line may be lost: where one is there, it is believed."""
        self.was_rewritten = False

    @contextlib.contextmanager
    def held(self) -> Iterator[int]:
        """Be the only one, over threads and processes, that writes or judges refs; gives the lock's descriptor."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._guard, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._catch_up()
            yield descriptor
        finally:
            os.close(descriptor)

    @property
    def refs(self) -> dict[str, str]:
        """What each ref should be."""
        return dict(self._present)

    def value(self, ref: str) -> str | None:
        """What a ref should be."""
        return self._present.get(ref)

    def adopt(self, refs: Refs) -> None:
        """Take refs as they are for ours: once, when there is no ledger yet."""
        if not self._path.exists():
            self._write_down(refs)

    def begin_anew(self) -> None:
        """The repository was made anew: no ref of an earlier one is there any more."""
        self._write_down(dict.fromkeys(self._present, NO_COMMIT))

    def intend(self, ref: str, value: str) -> None:
        """Note that a ref is about to be written (`NO_COMMIT`: removed)."""
        self._append(f"intended {ref} {value}\n")
        self._begin(ref, value)

    def finish(self, ref: str, *, happened: bool) -> None:
        """Note what became of an intended write. It need not reach the disk at once: what is only intended is settled
        by what the ref is.
        """
        self._append(f"{'done' if happened else 'void'} {ref}\n", synced=False)
        self._settle(ref, happened=happened)

    def reconcile(self, found: Refs) -> None:
        """Settle what a kill left half said, by what the refs are."""
        for ref, value in list(self._intended.items()):
            self.finish(ref, happened=found.get(ref, NO_COMMIT) == value)
        if self._unsure:
            self._write_down({ref: found[ref] for ref in sorted(self._unsure) if _VALUE.fullmatch(found.get(ref, ""))})
            self._unsure.clear()

    def _write_down(self, refs: Refs) -> None:
        self._append("".join(f"intended {ref} {value}\ndone {ref}\n" for ref, value in refs.items()))
        for ref, value in refs.items():
            self._begin(ref, value)
            self._settle(ref, happened=True)

    def _begin(self, ref: str, value: str) -> None:
        if ref in self._intended:
            self._unsure.add(ref)
        self._intended[ref] = value

    def _settle(self, ref: str, *, happened: bool) -> None:
        value = self._intended.pop(ref, None)
        if value is None:
            self._unsure.add(ref)
        if not happened or value is None:
            return
        self._unsure.discard(ref)
        if value == NO_COMMIT:
            self._present.pop(ref, None)
        else:
            self._present[ref] = value

    def _append(self, text: str, *, synced: bool = True) -> None:
        """Write lines as a whole or not at all: the next one would be glued to what a full disk had room for."""
        with self._path.open("ab", buffering=0) as file:
            before, rest = file.tell(), text.encode()
            try:
                while rest:
                    rest = rest[file.write(rest) :]
                if synced:
                    os.fsync(file.fileno())
            except OSError:
                file.truncate(before)
                raise
            self._offset = file.tell()

    def _catch_up(self) -> None:
        size = self._path.stat().st_size if self._path.exists() else 0
        if size < self._offset:
            self.was_rewritten = True
            self._offset = 0
            folders.remove(self._path)
            self._append("".join(f"intended {ref} {value}\ndone {ref}\n" for ref, value in self._present.items()))
            return
        if size == self._offset:
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            news = file.read()
        whole = news.rfind(b"\n") + 1
        self._offset += whole
        if whole < len(news):  # a kill cut it off before anything was done
            os.truncate(self._path, self._offset)
        for line in news[:whole].decode("utf-8", "replace").splitlines():
            self._read_line(line.split(" "))

    def _read_line(self, words: list[str]) -> None:
        match words:
            case ["intended", ref, value]:
                self._begin(ref, value)
            case ["done", ref]:
                self._settle(ref, happened=True)
            case ["void", ref]:
                self._settle(ref, happened=False)
            case _:
                self.was_rewritten = True
                self._unsure |= {word for word in words if word.startswith("refs/")}
