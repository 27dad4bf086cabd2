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
NOTED = struct.Struct(">10I")
FLAGS = struct.Struct(">H")
NAME_LENGTH, EXTENDED = 0x0FFF, 0x4000
READABLE_VERSIONS = (2, 3)


class IndexUnreadable(ValueError):
    """The bytes are no index of a version that is read here."""


class Noted(NamedTuple):
    """What an index notes of one file, in the widths that it has for that."""

    ctime: tuple[int, int]
    mtime: tuple[int, int]
    inode: int
    size: int

    @property
    def changed_at(self) -> int:
        """The ctime in nanoseconds."""
        return self.ctime[0] * 1_000_000_000 + self.ctime[1]


def noted(status: os.stat_result) -> Noted:
    """What an index would note of a file."""
    changed, modified = divmod(status.st_ctime_ns, 1_000_000_000), divmod(status.st_mtime_ns, 1_000_000_000)
    return Noted(changed, modified, status.st_ino & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF)


def read_index(content: bytes, hash_size: int) -> Mapping[str, Noted]:
    """The files of an index by path."""
    try:
        return dict(_entries(content, hash_size))
    except (struct.error, ValueError) as error:
        raise IndexUnreadable(str(error)) from error


def _entries(content: bytes, hash_size: int) -> list[tuple[str, Noted]]:
    mark, version, count = HEADER.unpack_from(content)
    if mark != b"DIRC" or version not in READABLE_VERSIONS:
        raise IndexUnreadable(f"an index of version {version}")
    found, position = [], HEADER.size
    for _ in range(count):
        ctime, ctime_rest, mtime, mtime_rest, _, inode, _, _, _, size = NOTED.unpack_from(content, position)
        end_of_flags = position + NOTED.size + hash_size + FLAGS.size
        (flags,) = FLAGS.unpack_from(content, end_of_flags - FLAGS.size)
        begin = end_of_flags + (FLAGS.size if flags & EXTENDED else 0)
        end = begin + (flags & NAME_LENGTH)
        if end - begin == NAME_LENGTH:
            raise IndexUnreadable("a path that no file system has")
        found.append((os.fsdecode(content[begin:end]), Noted((ctime, ctime_rest), (mtime, mtime_rest), inode, size)))
        # one to eight zeros end an entry at a multiple of eight
        position += (end - position + 8) & ~7
    return found
