"""The sentences of acceptance that Penstock executes itself, read into plain values. It never touches the files named.

A sentence is known only as a whole: what says more than we can check, or says no to something, stays prose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class BuiltinKind(StrEnum):
    """What a known sentence claims of the declared files."""

    EXISTS = "exists"
    """Every file that is to be created or changed exists."""
    VALID = "valid"
    """The declared files of that language, and at least one, parse."""
    CONTAINS = "contains"
    """The text stands in a declared file."""
    AT_LEAST_LINES = "at_least_lines"
    """A declared file has so many lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Builtin:
    """One claim; `also` holds what the same sentence claims besides, and all of it must hold."""

    kind: BuiltinKind
    language: str = ""
    text: str = ""
    lines: int = 0
    also: tuple[Builtin, ...] = ()


_QUOTED = r"\"[^\"]+\"|“[^”]+”|`[^`]+`|(?<!\w)'[^']+'(?!\w)"
_CLAIM = (
    r"files?\s+(?:(?:do|does|must|should|shall|will)\s+)?exists?"
    r"|valid\s+(?P<language>json|yaml|toml|python)(?:\s+(?:file|syntax|code))?"
    rf"|contains?\s+(?:the\s+(?:text|line|string|word)\s+)?(?P<text>{_QUOTED})"
    r"|at\s+least\s+(?P<lines>\d{1,7})\s+lines?"
)
_ONE = re.compile(_CLAIM, re.IGNORECASE)
_JOINED = re.compile(
    r"\s*(?:,\s*and|,|and)\s+(?:(?:it|they)\s+)?(?:(?:is|are|has|have|must|should|be|a)\s+)*", re.IGNORECASE
)
_DENIAL = re.compile(
    r"\b(?:not|no|none|never|neither|nor|without|nothing|cannot|unless|except|if|or)\b|n['’]t\b", re.IGNORECASE
)
_LANGUAGES = {"json": "JSON", "yaml": "YAML", "toml": "TOML", "python": "Python"}


def parse_builtin(text: str) -> Builtin | None:
    """What a known sentence claims, or None for any other text."""
    sentence = text.strip().rstrip(".!")
    first = _ONE.search(sentence)
    if first is None or not _begins_word(sentence, first.start()):
        return None
    claims = [first]
    end = first.end()
    while end < len(sentence):
        joint = _JOINED.match(sentence, end)
        claim = _ONE.match(sentence, joint.end()) if joint else None
        if claim is None:
            return None
        claims.append(claim)
        end = claim.end()
    if _DENIAL.search(re.sub(_QUOTED, "…", sentence)):
        return None
    builtins = [_builtin(claim) for claim in claims]
    return Builtin(
        kind=builtins[0].kind,
        language=builtins[0].language,
        text=builtins[0].text,
        lines=builtins[0].lines,
        also=tuple(builtins[1:]),
    )


def _begins_word(sentence: str, place: int) -> bool:
    return place == 0 or not (sentence[place - 1].isalnum() or sentence[place - 1] == "_")


def _builtin(claim: re.Match[str]) -> Builtin:
    if claim["language"]:
        return Builtin(kind=BuiltinKind.VALID, language=_LANGUAGES[claim["language"].casefold()])
    if claim["text"]:
        return Builtin(kind=BuiltinKind.CONTAINS, text=claim["text"][1:-1])
    if claim["lines"]:
        return Builtin(kind=BuiltinKind.AT_LEAST_LINES, lines=int(claim["lines"]))
    return Builtin(kind=BuiltinKind.EXISTS)
