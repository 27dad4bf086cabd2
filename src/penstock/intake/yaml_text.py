"""The harmless part of YAML with positions: one document, no tags, no anchors, plain words read as YAML 1.2 reads them.

Values are built from the parser's events, so that no constructor ever runs and no alias is ever followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from penstock.intake.positions import DEEPEST, Document, Lines, Place, Remark, Unreadable

_INTEGER = re.compile(r"[-+]?\d{1,100}", re.ASCII)
_FLOAT = re.compile(
    r"[-+]?(?:\d{1,99}\.\d{0,99}|\.\d{1,99})(?:[eE][-+]?\d{1,2})?|[-+]?\d{1,99}[eE][-+]?\d{1,2}", re.ASCII
)
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str) -> Document:
    """The document; `Unreadable` with the line of the first fault."""
    try:
        return _Builder(yaml.parse(text, Loader=_PARSER)).document()
    except yaml.MarkedYAMLError as error:
        line = None if error.problem_mark is None else error.problem_mark.line + 1
        raise Unreadable(f"this is not YAML: {error.problem or error.context}", line) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        if isinstance(error, Unreadable):
            raise
        # PyYAML lets some of its own failures through, e.g. an escape beyond the last character
        raise Unreadable("this is not YAML: it holds characters that no text may hold") from None


class _Builder:
    """One pass over the events of one text."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self.events = events
        self.lines = Lines()
        self.twice: list[Remark] = []

    def document(self) -> Document:
        next(self.events)
        if isinstance(next(self.events), yaml.StreamEndEvent):
            raise Unreadable("the file is empty", 1)
        value = self._value(next(self.events), ())
        next(self.events)
        after = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise Unreadable("one file holds one document; write several bundles as a list", _line(after))
        return Document(value=value, lines=self.lines, twice=tuple(self.twice))

    def _value(self, event: yaml.Event, place: Place) -> object:
        if place not in self.lines:
            self.lines[place] = _line(event)
        if len(place) > DEEPEST:
            raise Unreadable(f"values are nested deeper than {DEEPEST}", _line(event))
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise Unreadable("anchors and aliases are not read; write the value out", _line(event))
        tag = getattr(event, "tag", None)
        if tag not in {None, "!"}:
            raise Unreadable(f"the tag {tag} is not read; write a plain value", _line(event))
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(place)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(place)
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        raise Unreadable("a value should stand here", _line(event))

    def _sequence(self, place: Place) -> list[object]:
        items: list[object] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*place, len(items))))
        return items

    def _mapping(self, place: Place) -> dict[str, object]:
        members: dict[str, object] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise Unreadable("a key must be a plain word", _line(event))
            key = _text(event)
            if key in members:
                self.twice.append(Remark(line=_line(event), place=place, text=key))
            self.lines[*place, key] = _line(event)
            members[key] = self._value(next(self.events), (*place, key))
        return members


def _line(event: yaml.Event) -> int:
    return 1 if event.start_mark is None else int(event.start_mark.line) + 1


def _text(event: yaml.ScalarEvent) -> str:
    text = str(event.value)
    if "\0" in text:
        raise Unreadable("text holds a NUL character", _line(event))
    return text


def _scalar(event: yaml.ScalarEvent) -> object:
    text = _text(event)
    if event.style in {"'", '"', "|", ">"} or getattr(event, "tag", None) == "!":
        return text
    return _plain(text)


def is_plain_text(text: str) -> bool:
    """Whether a text without quotes is read as itself, not as a number or a word like true."""
    return _plain(text) == text


def _plain(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
