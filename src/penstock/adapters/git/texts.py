"""The texts of files that differ between commits, read for those who look for something in them; bounded.

Objects that lie loose, as all do that a run has made, are read as files; the others are asked of one process.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.objects import contents, sizes
from penstock.domain.changes import EXECUTABLE, REGULAR
from penstock.ports import AddedLines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.adapters.git.own import OwnRepository

LARGEST_FILE = 8 << 20
LARGEST_SUM = 128 << 20
HEADER = 64
BEGINNING = 8000
"""Where git, too, looks for the NUL that makes a file binary."""


def written(own: OwnRepository, base: str, commit: str, *, on_the_way: bool) -> tuple[AddedLines, ...]:
    """See `History`."""
    named = [*(_sent if on_the_way else _differing)(own, base, commit)]
    texts = _texts(own, dict.fromkeys(identity for _, identity in named))
    return tuple(
        AddedLines(path=path, lines=tuple(enumerate(texts[identity].split("\n"), 1)))
        for path, identity in dict.fromkeys(named)
        if identity in texts
    )


def _differing(own: OwnRepository, base: str, commit: str) -> Iterator[tuple[str, str]]:
    for one in own.commits.differences(base, commit):
        if one.change.new_mode in {REGULAR, EXECUTABLE}:
            yield one.change.path, one.new


def _sent(own: OwnRepository, base: str, commit: str) -> Iterator[tuple[str, str]]:
    """Every object that leads to a commit and not to the base, with a path where it stood."""
    for line in own.git.run("rev-list", "--objects", commit, f"^{base}", "--").text.split("\n"):
        identity, _, path = line.partition(" ")
        if path:
            yield path, identity


def _texts(own: OwnRepository, identities: dict[str, None]) -> dict[str, str]:
    found: dict[str, bytes] = {}
    elsewhere, room = list[str](), LARGEST_SUM
    for identity in identities:
        content = _loose(own, identity)
        if content is None:
            elsewhere.append(identity)
        elif _is_text(content) and len(content) <= room:
            found[identity] = content
            room -= len(content)
    asked = sizes(own.git, elsewhere)
    small = [identity for identity, size in asked.items() if size <= LARGEST_FILE]
    while small and sum(asked[identity] for identity in small) > room:
        small.pop()
    found |= {identity: content for identity, content in contents(own.git, small, b"blob").items() if _is_text(content)}
    return {identity: content.decode("utf-8", "replace") for identity, content in found.items()}


def _is_text(content: bytes) -> bool:
    return b"\0" not in content[:BEGINNING]


def _loose(own: OwnRepository, identity: str) -> bytes | None:
    """A blob that is a file of its own; None for one that is not, or that is too large."""
    path = own.settings.repository / "objects" / identity[:2] / identity[2:]
    try:
        if path.lstat().st_size > LARGEST_FILE:
            return None
        whole = zlib.decompressobj().decompress(folders.read(path) or b"", LARGEST_FILE + HEADER)
    except (OSError, zlib.error):
        return None
    header, _, content = whole.partition(b"\0")
    return content if header == b"blob %d" % len(content) else None
