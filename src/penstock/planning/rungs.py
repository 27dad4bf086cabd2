"""The rungs on which JSON is looked for in a model's text, the plainest first. Pure, and linear but for bounded tries.

A key that stands twice, a number that is none, an object that is nested without end: none of them is JSON here, for
what other readers make of such a text is a guess.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from markdown_it import MarkdownIt

LONGEST = 4 << 20
MOST_TRIES = 200
PREFIXES = ("here is the json:", "here is the result:", "result:", "output:")

Rung = Callable[[str], Iterator[str]]


class NotStrict(ValueError):
    """It may look like JSON, and is none."""


def directly(text: str) -> Iterator[str]:
    """The whole text, without the words with which models like to begin."""
    plain = text.strip().removeprefix("\ufeff").strip()
    for prefix in PREFIXES:
        if plain[: len(prefix)].lower() == prefix:
            plain = plain[len(prefix) :].strip()
            break
    yield plain


def in_fences(text: str) -> Iterator[str]:
    """The contents of outermost fences whose lines are nothing else, largest first."""
    markdown = MarkdownIt("zero").enable("fence")  # hostile brackets cost the whole of Markdown seconds
    blocks = [token.content for token in markdown.parse(text) if token.type == "fence" and token.level == 0]
    yield from sorted(blocks, key=len, reverse=True)[:MOST_TRIES]


def by_boundary(text: str) -> Iterator[str]:
    """The outermost objects and arrays that stand in a text, largest first."""
    yield from sorted(_whole(text, "{"), key=len, reverse=True)


def _whole(text: str, opening: str) -> Iterator[str]:
    at, tries = text.find(opening), 0
    while at >= 0 and tries < MOST_TRIES:
        tries += 1
        try:
            _, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            yield text[at:end]
        at = text.find(opening, end)


RUNGS: tuple[tuple[str, Rung], ...] = (("direct", directly), ("fence", in_fences), ("boundary", by_boundary))


def loaded(text: str) -> Any:  # whatever JSON holds
    """The JSON that a text is, or a ValueError."""
    try:
        return _DECODER.decode(text.strip())
    except RecursionError as deep:
        raise NotStrict("it is nested too deeply") from deep


def is_cut(text: str) -> bool:
    """Whether a text breaks off inside of an object or array that it has begun: strings are passed over."""
    depth, at, in_string = 0, 0, False
    while at < len(text):
        letter = text[at]
        if in_string:
            if letter == "\\":
                at += 1
            elif letter == '"':
                in_string = False
        elif letter == '"':
            in_string = depth > 0
        elif letter in "{[":
            depth += 1
        elif letter in "}]" and depth:
            depth -= 1
        at += 1
    return depth > 0


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(name for place, (name, _) in enumerate(pairs) if name in dict(pairs[:place]))
        raise NotStrict(f"the key {twice!a} stands twice in one object")
    return found


def _no_number(word: str) -> NoReturn:
    raise NotStrict(f"{word} is no number of JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number)
