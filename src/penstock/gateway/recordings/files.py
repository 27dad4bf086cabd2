"""The folder of a recording. Only its owner can read it; every file comes into being whole, and none is read that is
too large.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from penstock.domain.errors import UserError, WorldError
from penstock.gateway.protocols.untrusted import LARGEST, parsed
from penstock.gateway.recordings.folding import BLOCK, canonical, name_of_block

VERSION = 1
_FORMAT, _BLOCKS, _CALLS = "format.json", "blocks", "calls"
_UNFINISHED = ".writing-"
_NAME = re.compile(r"[0-9a-f]{64}")
_RECORD_AGAIN = "record the run again, or name another folder"


class RecordingUnreadable(UserError):
    """A folder that holds no recording, or one that is damaged or of another version."""


class RecordingFailed(WorldError):
    """A call could not be kept."""


class RecordingFolder:
    """One recording on disk."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def prepare(self) -> None:
        """Make the folder, unless it is there. A folder with something else in it is left alone."""
        self._make(self.root)
        if self._format() is None:
            if not all(map(_is_ours, _names(self.root))):
                raise RecordingUnreadable(f"{self.root} holds something else than a recording", hint=_RECORD_AGAIN)
            self.write(PurePosixPath(_FORMAT), {"recording_of": "penstock", "version": VERSION})
        self._check_version()
        self._close()
        self._make(self.root / _BLOCKS)

    def check(self) -> None:
        """RecordingUnreadable unless it can be read."""
        if self._format() is None:
            raise RecordingUnreadable(f"{self.root} holds no recording", hint=_RECORD_AGAIN)
        self._check_version()

    def put(self, block: Any) -> str:
        """Store a block once; its name."""
        content, name = canonical(block), name_of_block(block)
        place = PurePosixPath(_BLOCKS, f"{name}.json")
        if not (self.root / place).exists():
            self._write(place, content)
        return name

    def get(self, name: object) -> Any:
        """The block of that name, unchanged since it was stored."""
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise RecordingUnreadable(f"the recording in {self.root} is damaged: {name!r:.80} names no block")
        content = self._read(PurePosixPath(_BLOCKS, f"{name}.json"))
        if content is None or hashlib.sha256(content).hexdigest() != name:
            raise RecordingUnreadable(
                f"the recording in {self.root} is damaged: the block {name[:12]}… is not what it was",
                hint=_RECORD_AGAIN,
            )
        inside = parsed(b'{"%s":%s}' % (BLOCK.encode(), content))
        if inside is None:
            raise RecordingUnreadable(f"the recording in {self.root} holds a block that can't be read")
        return inside[BLOCK]

    def calls(self, folder: PurePosixPath, prefix: str) -> list[PurePosixPath]:
        """The calls of an attempt whose names begin so, in their order; of its last repetition that has any."""
        repetitions = sorted(_names(self.root / _CALLS / folder), reverse=True)
        for repetition in repetitions:
            within = folder / repetition
            names = sorted(name for name in _names(self.root / _CALLS / within) if not name.startswith("."))
            if names:
                return [within / name for name in names if name.startswith(prefix)]
        return []

    def read_call(self, place: PurePosixPath) -> dict[str, Any]:
        """What is recorded of a call."""
        content = self._read(_CALLS / place)
        call = None if content is None else parsed(content)
        if call is None:
            raise RecordingUnreadable(f"{self.root / _CALLS / place} can't be read as a call", hint=_RECORD_AGAIN)
        return call

    def write_call(self, place: PurePosixPath, call: dict[str, Any]) -> None:
        """Record a call; what was there in its place before is replaced."""
        self.write(_CALLS / place, call)

    def write(self, place: PurePosixPath, content: dict[str, Any]) -> None:
        """Write a file for people to read, too."""
        self._write(place, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode("ascii"))

    def _write(self, place: PurePosixPath, content: bytes) -> None:
        if len(content) > LARGEST:
            raise RecordingFailed(f"{place} would be larger than a recording may hold")
        target = self.root / place
        try:
            for folder in reversed(place.parents[:-1]):
                self._make(self.root / folder)
            descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=_UNFINISHED)  # mkstemp makes it 0600
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(target)
            finally:
                Path(name).unlink(missing_ok=True)
        except OSError as error:
            raise RecordingFailed(f"{target} can't be written: {error.strerror}") from error

    def _read(self, place: PurePosixPath) -> bytes | None:
        try:
            descriptor = os.open(self.root / place, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            return None
        with os.fdopen(descriptor, "rb") as file:
            content = file.read(LARGEST + 1)
        return content if len(content) <= LARGEST else None

    def _format(self) -> dict[str, Any] | None:
        content = self._read(PurePosixPath(_FORMAT))
        return None if content is None else parsed(content)

    def _check_version(self) -> None:
        version = (self._format() or {}).get("version")
        if version != VERSION:
            raise RecordingUnreadable(
                f"the recording in {self.root} has the format {version!r:.20}; this Penstock reads format {VERSION}",
                hint=_RECORD_AGAIN,
            )

    def _close(self) -> None:
        """Somebody may have made the folder before, open to all."""
        try:
            self.root.chmod(0o700)
        except OSError as error:
            raise RecordingFailed(f"{self.root} can't be closed to others: {error.strerror}") from error

    def _make(self, folder: Path) -> None:
        try:
            folder.mkdir(mode=0o700, parents=folder == self.root, exist_ok=True)
        except FileExistsError as error:
            raise RecordingUnreadable(f"{folder} is no folder", hint=_RECORD_AGAIN) from error
        except OSError as error:
            raise RecordingFailed(f"{folder} can't be made: {error.strerror}") from error


def _is_ours(name: str) -> bool:
    return name in {_FORMAT, _BLOCKS, _CALLS} or name.startswith(_UNFINISHED)


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []
