"""What an index of ours notes of each file: read as bytes, without git.

Git writes down each file's inode, size and times as it left them. A file that still has them was touched by nobody:
whatever changes its content, mode, owner, names or attributes moves its ctime, which no program can set back.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER = struct.Struct(">4sII")
NAME_LENGTH, EXTENDED = 0x0FFF, 0x4000
READABLE_VERSIONS = (2, 3)
SECOND = 1_000_000_000


class IndexUnreadable(ValueError):
    """The bytes are no index of a version that is read here."""


class Noted(NamedTuple):
    """What an index notes of one file, in the widths that it has for that; the times in nanoseconds."""

    changed_at: int
    modified_at: int
    inode: int
    size: int


class Stored(NamedTuple):
    """What an index has for one path."""

    mode: int
    identity: bytes


def noted(status: os.stat_result) -> tuple[int, int, int, int]:
    """What an index would note of a file."""
    return status.st_ctime_ns, status.st_mtime_ns, status.st_ino & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF


def read_index(content: bytes, hash_size: int) -> Mapping[str, Noted]:
    """The files of an index by path."""
    return {path: facts for path, _, facts in _read(content, hash_size)}


def read_stored(content: bytes, hash_size: int) -> Mapping[str, Stored]:
    """What an index has for each path."""
    return {path: stored for path, stored, _ in _read(content, hash_size)}


def _read(content: bytes, hash_size: int) -> list[tuple[str, Stored, Noted]]:
    try:
        return _entries(content, hash_size)
    except (struct.error, ValueError) as error:
        raise IndexUnreadable(str(error)) from error


def _entries(content: bytes, hash_size: int) -> list[tuple[str, Stored, Noted]]:
    mark, version, count = HEADER.unpack_from(content)
    if mark != b"DIRC" or version not in READABLE_VERSIONS:
        raise IndexUnreadable(f"an index of version {version}")
    found, position = [], HEADER.size
    entry = struct.Struct(f">10I{hash_size}sH")
    for _ in range(count):
        facts = entry.unpack_from(content, position)
        ctime, ctime_rest, mtime, mtime_rest, _, inode, mode, _, _, size, identity, flags = facts
        begin = position + entry.size + (2 if flags & EXTENDED else 0)
        end = begin + (flags & NAME_LENGTH)
        if end - begin == NAME_LENGTH:
            raise IndexUnreadable("a path that no file system has")
        left = Noted(ctime * SECOND + ctime_rest, mtime * SECOND + mtime_rest, inode, size)
        found.append((content[begin:end].decode("utf-8", "surrogateescape"), Stored(mode, identity), left))
        # one to eight zeros end an entry at a multiple of eight
        position += (end - position + 8) & ~7
    return found
