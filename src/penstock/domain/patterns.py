"""How a pattern of paths is written and what it holds. Knows nothing of plans, of disks or of git.

`*` and `?` stay within one segment, `**` spans any number of them, `[` is a letter like any other. `folder/` is all
below that folder; a pattern without wildcards is that path and, if it names a folder, all below it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache

from penstock.domain.errors import UserError

SPAN = "**"
"""The segment that stands for any number of segments, none included."""
LONGEST = 4096
DEEPEST = 64
LONGEST_NAME = 255
"""Bytes of one segment; no system has longer names, and to ask it for one is an error."""
_WILD = re.compile(r"[*?]")
_DRIVE = re.compile(r"^[A-Za-z]:")

Segments = tuple[str, ...]


class BadPattern(UserError, ValueError):
    """A pattern that no project may use."""

    def __init__(self, *, pattern: str, fault: str) -> None:
        self.pattern, self.fault = pattern, fault
        super().__init__(
            f"the pattern {pattern!r} {fault}",
            hint="write paths relative to the project's root, like `src/app/` or `src/**/*.py`",
        )


@lru_cache(maxsize=1 << 17)
def normalise(pattern: str) -> str:
    """The one spelling of a pattern: `/` between segments, none of them `.`; raises `BadPattern` with its reason."""
    fault = fault_of(pattern)
    if fault is not None:
        raise BadPattern(pattern=pattern, fault=fault)
    return _tidy(pattern)


def fault_of(pattern: str) -> str | None:
    """Why a pattern is refused, in words that follow its name; None for a good one."""
    slashed = pattern.replace("\\", "/")
    segments = slashed.split("/")
    faults = (
        (not pattern.strip(), "is empty"),
        ("\0" in pattern, "holds a NUL character"),
        (
            any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in pattern),
            "holds a character that can't be typed",
        ),
        (len(pattern) > LONGEST, f"is longer than {LONGEST} characters"),
        (len(segments) > DEEPEST, f"is deeper than {DEEPEST} folders"),
        (max(map(_length, segments)) > LONGEST_NAME, f"holds a name longer than {LONGEST_NAME} bytes"),
        (pattern != pattern.strip(), "begins or ends with a space"),
        (slashed.startswith("/"), "is absolute"),
        (bool(_DRIVE.match(pattern)), "names a drive"),
        (slashed.startswith("~"), "starts in a home folder"),
        (".." in segments, "climbs with `..`"),
        (any(is_git_folder(segment) for segment in segments), "enters the `.git` folder"),
        (not _tidy(pattern), "names the whole project without saying so (write `**`)"),
    )
    return next((words for is_true, words in faults if is_true), None)


def _length(segment: str) -> int:
    return len(segment.encode("utf-8", "surrogatepass"))


def _tidy(pattern: str) -> str:
    slashed = pattern.replace("\\", "/")
    kept = [segment for segment in slashed.split("/") if segment not in {"", "."}]
    ends_in_folder = bool(kept) and slashed.endswith(("/", "/."))
    return "/".join(kept) + ("/" if ends_in_folder else "")


def is_git_folder(segment: str) -> bool:
    """True for each spelling that some file system takes for `.git`."""
    if segment.isascii() and "git" not in segment.lower():
        return False
    visible = "".join(letter for letter in segment if unicodedata.category(letter) != "Cf")
    bare = visible.split(":")[0].rstrip(" .").casefold()
    return bare == ".git" or re.fullmatch(r"git~\d+", bare) is not None


def is_literal(pattern: str) -> bool:
    """True when the pattern names one path, without wildcard and without `/` at its end."""
    return not _WILD.search(pattern) and not pattern.endswith("/")


def fold(text: str) -> str:
    """One key for all spellings that a file system without case or with composed letters takes for the same."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


@lru_cache(maxsize=1 << 17)
def compiled(pattern: str, *, ignore_case: bool = False) -> Segments:
    """The segments of a pattern, in which `SPAN` stands for what it holds below."""
    tidy = _tidy(pattern)
    if ignore_case:
        # a folded letter may become two, so a single wildcard must not count letters: rather too much than missed
        tidy = fold(tidy).replace("?", "*")
    segments = [segment for segment in tidy.split("/") if segment]
    if is_literal(tidy):
        segments.append(SPAN)
    elif tidy.endswith("/") or segments[-1] == SPAN:
        segments += ["*", SPAN]
    return tuple(_without_repeats(segments))


def _without_repeats(segments: Sequence[str]) -> list[str]:
    """`**/**` says no more than `**`, and `**/*` the same as `*/**`."""
    kept: list[str] = []
    for segment in segments:
        if segment == "*" and kept and kept[-1] == SPAN:
            kept[-1:] = ["*", SPAN]
        elif segment != SPAN or not kept or kept[-1] != SPAN:
            kept.append(segment)
    return kept


def matches(pattern: str, path: str) -> bool:
    """True when the pattern holds the path (a path ending in `/` is a folder, held like something below it)."""
    return _align(compiled(pattern), path.split("/"), SPAN, segment_matches)


def matches_any(patterns: Sequence[str], path: str) -> bool:
    """True when one of the patterns holds the path."""
    return any(matches(pattern, path) for pattern in patterns)


def expression(pattern: str) -> str:
    """The pattern as a regular expression that fits the whole of `/` and a path: many can be asked at once by it.

    For patterns that we wrote ourselves: one made to be slow could make it slow.
    """
    parts = ("(?:/[^/]*)*" if segment == SPAN else f"/{_segment_expression(segment)}" for segment in compiled(pattern))
    return "".join(parts)


def _segment_expression(segment: str) -> str:
    return "".join({"*": "[^/]*", "?": "[^/]"}.get(letter) or re.escape(letter) for letter in segment)


def segment_matches(wild: str, text: str) -> bool:
    """Whether one segment with `*` and `?` fits a text; never slower than the product of their lengths."""
    if not _WILD.search(wild):
        return wild == text
    return _align(wild, text, "*", _letter_matches)


def _letter_matches(wild: str, letter: str) -> bool:
    return wild in {"?", letter}


def _align(wild: Sequence[str], items: Sequence[str], star: str, fits: Callable[[str, str], bool]) -> bool:
    """Fit wildcards to items from the left; only the last star ever has to be tried again."""
    at, item, last_star, resume = 0, 0, -1, 0
    while item < len(items):
        if at < len(wild) and wild[at] == star:
            last_star, resume = at, item
            at += 1
        elif at < len(wild) and fits(wild[at], items[item]):
            at, item = at + 1, item + 1
        elif last_star >= 0:
            resume += 1
            at, item = last_star + 1, resume
        else:
            return False
    return all(rest == star for rest in wild[at:])


@lru_cache(maxsize=1 << 16)
def segments_meet(left: str, right: str) -> bool:
    """True when some text fits both segments."""
    if not _WILD.search(left) or not _WILD.search(right):
        return segment_matches(left, right) if _WILD.search(left) else segment_matches(right, left)
    if "*" in {left, right}:
        return True
    places = {(0, 0)}
    seen: set[tuple[int, int]] = set()
    while places:
        place = places.pop()
        seen.add(place)
        at, other = place
        if at == len(left) and other == len(right):
            return True
        places |= set(_next_places(left, right, at, other)) - seen
    return False


def _next_places(left: str, right: str, at: int, other: int) -> list[tuple[int, int]]:
    mine = left[at] if at < len(left) else ""
    theirs = right[other] if other < len(right) else ""
    found: list[tuple[int, int]] = []
    if mine == "*":
        found.append((at + 1, other))
        if theirs:
            found.append((at, other + 1))
    if theirs == "*":
        found.append((at, other + 1))
        if mine:
            found.append((at + 1, other))
    if mine and theirs and "*" not in {mine, theirs} and (mine == theirs or "?" in {mine, theirs}):
        found.append((at + 1, other + 1))
    return found
