"""The rungs on which JSON is looked for in a model's text, the plainest first. Pure, and soon done.

A key that stands twice, a number that is none, an object that is nested without end: none of them is JSON here, for
what other readers make of such a text is a guess. Inside of what begins as an object and is none nothing is looked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from markdown_it import MarkdownIt

LONGEST = 4 << 20
LONGEST_FENCED = 1 << 20
"""Reading fences takes a microsecond for each character; what is longer is found by its braces."""
MOST_FENCES = 200
MOST_FAILURES = 1_000
"""Each costs a walk from the text's beginning: json tells the line of every fault."""
PREFIXES = ("here is the json:", "here is the result:", "result:", "output:")

Rung = Callable[[str], Iterator[str]]
_OPENING = re.compile(r"""\{(?=\s*+(?:\}|\Z|"(?>(?:[^"\\]++|\\.)*)(?:\\?\Z|"\s*+(?![\w`'.;!?)]))))""", re.DOTALL)
"""Where an object of JSON may begin: most braces in prose and code are none, nor where words go on after a string."""
_TOKEN = re.compile(r'"(?>(?:[^"\\]++|\\.)*)"?|[{}\[\]]', re.DOTALL)
_STRING = re.compile(r'"(?>(?:[^"\\]++|\\.)*)"\s*+(:?)', re.DOTALL)
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_THOUGHTS = re.compile(r"\s*+<(think|thinking)>.*?</\1>", re.DOTALL)
_CLOSED_BY = {"{": "}", "[": "]"}


class NotStrict(ValueError):
    """It may look like JSON, and is none."""


def without_thoughts(text: str) -> str:
    """The text without what a model has thought aloud before it answers: drafts are no answers."""
    return text[found.end() :] if (found := _THOUGHTS.match(text)) else text


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
    if len(text) > LONGEST_FENCED or not _FENCE.search(text):
        return
    markdown = MarkdownIt("zero").enable("fence")  # hostile brackets cost the whole of Markdown seconds
    blocks = [token.content for token in markdown.parse(text) if token.type == "fence" and token.level == 0]
    yield from sorted(blocks, key=len, reverse=True)[:MOST_FENCES]


def by_boundary(text: str) -> Iterator[str]:
    """The outermost objects that stand in a text, largest first."""
    yield from sorted(_objects(text), key=len, reverse=True)


RUNGS: tuple[tuple[str, Rung], ...] = (("direct", directly), ("fence", in_fences), ("boundary", by_boundary))


def loaded(text: str) -> Any:  # whatever JSON holds
    """The JSON that a text is, or a ValueError: a NotStrict where a lenient reader would have read it."""
    try:
        return _DECODER.decode(text.strip())
    except RecursionError as deep:
        raise NotStrict("it is nested too deeply") from deep


def is_cut(text: str) -> bool:
    """Whether a text breaks off inside of an object that it has begun."""
    opening = _OPENING.search(text)
    while opening:
        end = _extent(text, opening.start())
        if end is None:
            return True
        opening = _OPENING.search(text, end)
    return False


def from_first_object(text: str) -> str:
    """The text from where its first object begins to its last brace; empty if it has none."""
    opening = _OPENING.search(text)
    return text[opening.start() : text.rfind("}") + 1] if opening else ""


def count_keys(text: str) -> int:
    """How many keys seem to be written in it: strings before a colon."""
    return sum(1 for string in _STRING.finditer(text) if string[1])


def _objects(text: str) -> Iterator[str]:
    opening, failures = _OPENING.search(text), 0
    while opening and failures < MOST_FAILURES:
        begin = opening.start()
        try:
            _, end = _DECODER.raw_decode(text, begin)
            yield text[begin:end]
        except (ValueError, RecursionError):
            closed = _extent(text, begin)
            if closed is None:
                return
            end, failures = closed, failures + 1
        opening = _OPENING.search(text, end)


def _extent(text: str, begin: int) -> int | None:
    """Where the brackets that open here are closed; the end if they are mixed up, for nobody knows then what stands
    in what; None if the text ends before. Strings are passed over.
    """
    closers: list[str] = []
    for token in _TOKEN.finditer(text, begin):
        sign = token[0]
        if sign in _CLOSED_BY:
            closers.append(_CLOSED_BY[sign])
        elif sign in {"}", "]"}:
            if closers.pop() != sign:
                return len(text)
            if not closers:
                return token.end()
    return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise NotStrict(f"the key {name[:80]!a} stands twice in one object")
        found[name] = value
    return found


def _no_number(word: str) -> NoReturn:
    raise NotStrict(f"{word} is no number of JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number)
