"""What of a change makes tests say less than before: tests that are gone, tests that are skipped, fewer assertions.

For the reviewer, never for a verdict: it counts by patterns over the two contents of one file, and a rename, a rewrite
or a helper that asserts can mislead it either way. An agent wrote the text: no pattern may take more than linear time,
so every repetition that could be tried from many places is bounded.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

MOST_NAMED = 5
MOST_SHOWN = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class _Language:
    """How tests look in a language: the files, the comments to leave out, and what to count."""

    files: re.Pattern[str]
    comments: re.Pattern[str]
    tests: re.Pattern[str]
    """Its last group is the name."""
    skips: re.Pattern[str]
    assertions: re.Pattern[str]


_SLASHES = re.compile(r"/\*.*?(?:\*/|\Z)|^[ \t]*//[^\n]*", re.DOTALL | re.MULTILINE)

_LANGUAGES = (
    _Language(
        files=re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test)\.py$|(?:^|/)tests?/(?:.*/)?[^/]+\.py$"),
        comments=re.compile(r"^[ \t]*#.*$", re.MULTILINE),
        tests=re.compile(r"^[ \t]*(?:async\s+)?def\s+(test\w*)\s*\(", re.MULTILINE),
        skips=re.compile(
            r"\bpytest\.mark\.(?:skip|skipif|xfail)\b|\bpytest\.(?:skip|xfail|importorskip)\s*\("
            r"|@(?:unittest\.)?(?:skip(?:If|Unless)?|expectedFailure)\b|\.skipTest\s*\("
        ),
        assertions=re.compile(
            r"^[ \t]*assert\b|\.assert\w+\s*\(|\bassert_\w+\s*\(|\bpytest\.(?:raises|warns)\s*\(", re.MULTILINE
        ),
    ),
    _Language(
        files=re.compile(r"\.(?:test|spec)\.[cm]?[jt]sx?$|(?:^|/)__tests__/(?:.*/)?[^/]+\.[cm]?[jt]sx?$"),
        comments=_SLASHES,
        tests=re.compile(r"\b(?:it|test|xit|xtest)(?:\.\w+){0,4}\s*\(\s*(['\"`])(.{1,200}?)\1"),
        # `only` leaves out every other test of its file
        skips=re.compile(r"\b(?:it|test|describe)\.(?:skip|todo|only|fails|failing)\b|\bx(?:it|test|describe)\s*\("),
        assertions=re.compile(r"\bexpect\s*\(|\bassert(?:\.\w+){0,4}\s*\(|\.should\b"),
    ),
    _Language(
        files=re.compile(r"_test\.go$"),
        comments=_SLASHES,
        tests=re.compile(r"^func\s+((?:Test|Fuzz|Example)\w*)\s*\(", re.MULTILINE),
        skips=re.compile(r"\b[tbf]\.Skip(?:f|Now)?\s*\("),
        assertions=re.compile(r"\b[tbf]\.(?:Errorf?|Fatalf?|Fail|FailNow)\s*\(|\b(?:assert|require)\.\w+\s*\("),
    ),
    _Language(
        files=re.compile(r"\.rs$"),  # tests stand beside what they test
        comments=_SLASHES,
        tests=re.compile(
            r"#\[(?:\w+::){0,4}test\b[^\]]{0,200}\]\s*(?:#\[[^\]]{0,200}\]\s*){0,8}(?:pub\s+)?(?:async\s+)?fn\s+(\w+)"
        ),
        skips=re.compile(r"#\[ignore\b"),
        assertions=re.compile(r"\b(?:debug_)?assert(?:_eq|_ne|_matches)?!|#\[should_panic\b"),
    ),
)


def may_hold_tests(path: str) -> bool:
    """Whether a file is one in which tests are looked for."""
    return _language(path) is not None


def weakened(path: str, before: str, after: str | None) -> tuple[str, ...]:
    """What tests of a file say less now, in words; `after` is None for a file that is gone."""
    language = _language(path)
    if language is None:
        return ()
    old, new = _Counts.of(language, before), _Counts.of(language, after or "")
    gone = list((old.tests - new.tests).elements())
    if after is None:
        return (f"{path}: deleted, with {_named(gone)}",) if gone else ()
    found = []
    if gone:
        found.append(f"{path}: {_named(gone)} removed")
    if new.skips > old.skips:
        found.append(f"{path}: more is skipped ({old.skips} before, {new.skips} now)")
    if new.assertions < old.assertions:
        found.append(f"{path}: fewer assertions ({old.assertions} before, {new.assertions} now)")
    return tuple(found)


def _language(path: str) -> _Language | None:
    return next((one for one in _LANGUAGES if one.files.search(path)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    tests: Counter[str]
    skips: int
    assertions: int

    @classmethod
    def of(cls, language: _Language, text: str) -> _Counts:
        code = language.comments.sub("", text)
        names = (match[match.lastindex or 0] for match in language.tests.finditer(code))
        return cls(
            tests=Counter(names),
            skips=sum(1 for _ in language.skips.finditer(code)),
            assertions=sum(1 for _ in language.assertions.finditer(code)),
        )


def _named(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    shown = ", ".join(name[:MOST_SHOWN] for name in names[:MOST_NAMED])
    return f"{'test' if len(names) == 1 else 'tests'} {shown}{more}"
