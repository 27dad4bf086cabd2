"""Reads a patch line by line before git does, and refuses what git would pass over in silence.

Git takes prose between patches for nothing, a header without hunks for no patch, and lines that a hunk's counts leave
over for prose: a patch that was cut off, or counted wrongly, would be half applied. It also takes a leading slash off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_HUNK = re.compile(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(?: .*)?")
_EXTENDED = (
    b"old mode ",
    b"new mode ",
    b"new file mode ",
    b"deleted file mode ",
    b"copy from ",
    b"copy to ",
    b"rename from ",
    b"rename to ",
    b"similarity index ",
    b"dissimilarity index ",
    b"index ",
)
_EFFECTIVE = _EXTENDED[:8]
_PATHS = (b"copy from ", b"copy to ", b"rename from ", b"rename to ", b"--- ", b"+++ ")
_LITERAL = re.compile(rb"literal (\d{1,18})")
_BINARY_LINE = re.compile(rb"[A-Za-z][0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]+")
_OCTAL = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPES = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def patch_faults(text: bytes, *, largest_binary: int | None = None) -> tuple[str, ...]:
    """The first thing in a patch that is refused, or nothing; binary content only up to a size, None for not at all."""
    try:
        _Reader(text, largest_binary).read()
    except _Refused as refused:
        return (str(refused),)
    return ()


class _Refused(Exception):
    pass


class _Reader:
    """One pass over the lines. A section is what belongs to one file; it must do something."""

    def __init__(self, text: bytes, largest_binary: int | None) -> None:
        self.lines = text.split(b"\n")
        self.ends_whole = self.lines[-1] == b""
        if self.ends_whole:
            self.lines.pop()
        self.at = 0
        self.touched: set[bytes] = set()
        self.largest_binary = largest_binary

    def read(self) -> None:
        """The whole patch."""
        if not self.lines:
            raise _Refused("an empty patch")
        if not self.ends_whole:
            raise self._refused("the patch ends in the middle of a line", at=len(self.lines) - 1)
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.startswith(b"diff --git "):
                self._git_section()
            elif line.startswith(b"--- "):
                self._touch(*self._names())
            else:
                raise self._refused("belongs to no hunk and is no header: prose, a fence, or a hunk's counts are wrong")

    def _refused(self, words: str, *, at: int | None = None) -> _Refused:
        place = self.at if at is None else at
        return _Refused(f"line {place + 1} of the patch: {words}")

    def _git_section(self) -> None:
        begin, does_something, moved = self.at, False, list[bytes]()
        named = self._names_line()
        self.at += 1
        while self.at < len(self.lines) and self.lines[self.at].startswith(_EXTENDED):
            does_something |= self.lines[self.at].startswith(_EFFECTIVE)
            if self.lines[self.at].startswith(_PATHS):
                moved.append(unquoted(self._checked(self.lines[self.at].split(b" ", 2)[2])))
            self.at += 1
        self._touch(*(moved or named), at=begin)
        line = self.lines[self.at] if self.at < len(self.lines) else b""
        if line.startswith(b"--- "):
            found = self._names(*moved)
            if not moved and {*found} != {*named}:
                raise self._refused("names another file than its hunks", at=begin)
        elif line == b"GIT binary patch":
            self._binary()
        elif line.startswith(b"Binary files "):
            raise self._refused("says that a binary file differs and not how")
        elif not does_something:
            raise self._refused("announces a change and holds none: the patch was cut off", at=begin)

    def _names_line(self) -> list[bytes]:
        """The one name that stands twice on the line; none where two names do, which other lines must tell."""
        both = self.lines[self.at].removeprefix(b"diff --git ")
        for part in re.split(rb'[ "]', both):
            self._checked(part)
        half = len(both) // 2
        old, new = (unquoted(name).partition(b"/")[2] for name in (both[:half], both[half + 1 :]))
        return [old] if old == new and both[half : half + 1] == b" " else []

    def _touch(self, *paths: bytes, at: int | None = None) -> None:
        """One file is told of in one place: of two, nobody knows which one is meant."""
        for path in dict.fromkeys(paths):
            if path in self.touched:
                raise self._refused("names a file that the patch told of before", at=at)
            self.touched.add(path)

    def _checked(self, raw: bytes) -> bytes:
        path = unquoted(raw)
        if b"\0" in raw:
            raise self._refused("names a path with a NUL character")
        if path == b"/dev/null":
            return raw
        if path.startswith(b"/"):
            raise self._refused("names an absolute path")
        if b".." in path.split(b"/"):
            raise self._refused("names a path that climbs with `..`")
        return raw

    def _names(self, *moved: bytes) -> tuple[bytes, ...]:
        """`---`, `+++` and the hunks that follow them; the file of which they tell, or two where it was moved."""
        begin = self.at
        old = self._name(b"--- ")
        self.at += 1
        if self.at >= len(self.lines) or not self.lines[self.at].startswith(b"+++ "):
            raise self._refused("is no `+++` line, and must be one", at=min(self.at, len(self.lines) - 1))
        new = self._name(b"+++ ")
        if old == new == b"/dev/null":
            raise self._refused("names no file: both sides are /dev/null")
        found = tuple(name.partition(b"/")[2] for name in dict.fromkeys((old, new)) if name != b"/dev/null")
        if (found != moved) if moved else len({*found}) != 1:
            raise self._refused("names another file than the lines before it")
        self.at += 1
        hunks = 0
        while self.at < len(self.lines) and self.lines[self.at].startswith(b"@@"):
            self._hunk()
            hunks += 1
        if not hunks:
            raise self._refused("names a file and no hunk follows: the patch was cut off", at=begin)
        return found

    def _name(self, mark: bytes) -> bytes:
        raw = self.lines[self.at].removeprefix(mark)
        name = raw if raw.startswith(b'"') else raw.partition(b"\t")[0]
        return unquoted(self._checked(name))

    def _hunk(self) -> None:
        begin = self.at
        found = _HUNK.fullmatch(self.lines[self.at])
        if found is None:
            raise self._refused("is no hunk header")
        old, new = (1 if count is None else int(count) for count in (found[2], found[4]))
        self.at += 1
        while old > 0 or new > 0:
            mark = self.lines[self.at][:1] if self.at < len(self.lines) else b"end"
            old -= mark in {b" ", b"-", b""}
            new -= mark in {b" ", b"+", b""}
            if mark not in {b" ", b"-", b"+", b"", b"\\"} or old < 0 or new < 0:
                raise self._refused("has other lines than it counts: it was cut off, or counted wrongly", at=begin)
            self.at += 1
        if self.at < len(self.lines) and self.lines[self.at].startswith(b"\\ "):
            self.at += 1

    def _binary(self) -> None:
        if self.largest_binary is None:
            raise self._refused("is binary content, which is not allowed here")
        self.at += 1
        for _ in range(2):  # the content, and the one before, by which git undoes it
            line = self.lines[self.at] if self.at < len(self.lines) else b""
            size = _LITERAL.fullmatch(line)
            if size is None:
                if self.at > 0 and line.startswith(b"delta "):
                    raise self._refused("is a delta of binary content: only whole content is taken")
                return
            if int(size[1]) > self.largest_binary:
                raise self._refused(f"is binary content of {int(size[1])} bytes; {self.largest_binary} are the most")
            self.at += 1
            while self.at < len(self.lines) and _BINARY_LINE.fullmatch(self.lines[self.at]):
                self.at += 1
            if self.at >= len(self.lines) or self.lines[self.at]:
                raise self._refused("is no end of binary content: it was cut off", at=self.at - 1)
            self.at += 1


def unquoted(name: bytes) -> bytes:
    """A name as git quotes those with unusual letters, read back; any other as it stands."""
    if not name.startswith(b'"'):
        return name
    return _OCTAL.sub(lambda found: _letter(found[1]), name[1:].removesuffix(b'"'))


def _letter(code: bytes) -> bytes:
    if len(code) == 3:
        return bytes([int(code, 8) & 0xFF])
    return _ESCAPES.get(code, code)


def offset_hunks(said: str) -> Iterator[str]:
    """What git tells (`apply --verbose`) of hunks that fit only at other lines than they name."""
    path = ""
    for line in said.splitlines():
        if line.startswith("Checking patch "):
            path = line.removeprefix("Checking patch ").removesuffix("...")
        elif found := re.match(r"Hunk #(\d+) succeeded at (\d+) \(offset (-?\d+) lines?\)", line):
            yield f"hunk {found[1]} of {path} names a line that it does not fit: it would at line {found[2]}"
        elif line.startswith("Context reduced"):
            yield f"a hunk of {path} fits only with less context than it has"
