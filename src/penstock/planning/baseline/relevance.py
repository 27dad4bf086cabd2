"""Which sources an epic is about: those that it names, by path, module, identifier or word, and those that import them.

A ranking for readers, no more: nothing depends on a file being in it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from penstock.planning.baseline.imports import Importers, modules_of
from penstock.planning.file_kinds import is_test

LONGEST_EPIC = 50_000
MOST_NAMED, MOST_IMPORTERS = 40, 40
SMALL = 60
"""In a project of so few sources all of them are worth showing."""
LEAST = 3.0
_TOKEN = re.compile(r"[\w./-]+")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w{2,}")
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_DEFINITION = re.compile(
    rb"^[ \t]*(?:export[ \t]+)?(?:default[ \t]+)?(?:pub[ \t]+)?(?:async[ \t]+)?"
    rb"(?:def|class|function|func|fn|struct|interface|trait|enum|type|const)[ \t]+(\w{3,80})",
    re.MULTILINE,
)
_IDLE = frozenset(
    (
        *("the", "and", "for", "with", "that", "this", "from", "into", "when", "then", "than", "which", "who", "what"),
        *("add", "adds", "new", "make", "makes", "use", "uses", "get", "set", "should", "must", "can", "will", "all"),
        *(
            "each",
            "any",
            "not",
            "are",
            "was",
            "has",
            "have",
            "its",
            "it",
            "as",
            "to",
            "of",
            "in",
            "on",
            "by",
            "an",
            "a",
        ),
        *("py", "js", "ts", "src", "lib", "init", "main", "index", "test", "tests", "file", "files", "code", "user"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The sources worth showing, the best first; and why they are."""

    named: tuple[str, ...]
    importers: tuple[str, ...]
    others: tuple[str, ...] = ()
    """In a small project, everything else."""

    @property
    def every(self) -> tuple[str, ...]:
        """All of them, in order."""
        return (*self.named, *self.importers, *self.others)


def ranked(epic: str, texts: Mapping[str, bytes], sources: Sequence[str]) -> Ranking:
    """The ranking of some sources for an epic."""
    wish = _Wish.of(epic[:LONGEST_EPIC])
    scores = _scores(wish, texts, sources)
    named = sorted((path for path in sources if scores[path] >= LEAST), key=lambda path: (-scores[path], path))
    named = named[:MOST_NAMED]
    counts = Importers(texts, sources).of(named)
    importers = sorted((path for path in counts if path not in named), key=lambda path: (-counts[path], path))
    importers = importers[:MOST_IMPORTERS]
    others = _others(sources, {*named, *importers}) if len(sources) <= SMALL else ()
    return Ranking(named=tuple(named), importers=tuple(importers), others=others)


def _others(sources: Sequence[str], shown: set[str]) -> tuple[str, ...]:
    left = [path for path in sources if path not in shown]
    return tuple(sorted(left, key=lambda path: (is_test(path), path.count("/"), path)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What an epic says, as far as it could name a file."""

    paths: frozenset[str]
    dotted: frozenset[str]
    identifiers: frozenset[bytes]
    """Words that look like names in code."""
    words: frozenset[str]

    @classmethod
    def of(cls, epic: str) -> _Wish:
        tokens = {token.strip("./-") for token in _TOKEN.findall(epic)}
        identifiers = frozenset(word.encode() for word in _IDENTIFIER.findall(epic) if _looks_like_code(word))
        words = frozenset(_plain(part) for word in _WORD.findall(epic) for part in {word, *_PARTS.findall(word)})
        return cls(
            paths=frozenset(token.casefold() for token in tokens if "/" in token or "." in token),
            dotted=frozenset(token for token in tokens if "." in token),
            identifiers=identifiers,
            words=frozenset(word for word in words if len(word) > 2) - _IDLE,
        )


def _looks_like_code(word: str) -> bool:
    return "_" in word.strip("_") or (not word.isupper() and any(letter.isupper() for letter in word[1:]))


def _plain(word: str) -> str:
    """One form for one thing and many."""
    small = word.casefold()
    return small[:-1] if len(small) > 3 and small.endswith("s") and not small.endswith("ss") else small


def _scores(wish: _Wish, texts: Mapping[str, bytes], sources: Sequence[str]) -> Mapping[str, float]:
    words = {path: _words_of(path) for path in sources}
    common = Counter(word for found in words.values() for word in found)
    return {path: _score(path, wish, words[path], common, len(sources), texts.get(path, b"")) for path in sources}


def _score(path: str, wish: _Wish, words: frozenset[str], common: Mapping[str, int], count: int, text: bytes) -> float:
    small = path.casefold()
    name = small.rpartition("/")[2]
    score = 0.0
    if small in wish.paths or any("/" in one and small.endswith(f"/{one}") for one in wish.paths):
        score += 100
    elif name in wish.paths or PurePosixPath(path).stem.encode("utf-8", "replace") in wish.identifiers:
        score += 60
    elif any("/" in one and f"/{one.rstrip('/')}/" in f"/{small}" for one in wish.paths):
        score += 20
    if wish.dotted & modules_of(path):
        score += 80
    if any(identifier in text for identifier in wish.identifiers):
        score += 40.0 * len(wish.identifiers & set(_DEFINITION.findall(text)))
    stem = _plain(PurePosixPath(name).stem)
    for word in words & wish.words:
        weight = 10.0 if word == stem else 4.0
        score += weight * _rarity(common[word], count)
    return score * (0.5 if is_test(path) and score < 60 else 1)


def _rarity(found: int, count: int) -> float:
    """What a tenth of all files are called says little about any of them."""
    return 1.0 if found <= max(3, count // 100) else 0.5 if found <= count // 10 else 0.1


def _words_of(path: str) -> frozenset[str]:
    stem = path.rsplit(".", 1)[0]
    parts: Iterable[str] = (part for segment in stem.split("/") for part in _PARTS.findall(segment))
    return frozenset(_plain(part) for part in parts) - _IDLE
