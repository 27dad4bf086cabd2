"""JSON that keeps positions and sees double keys. Comments are read past and remarked; all else must be strict JSON."""

from __future__ import annotations

import re
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]  # in C, documented nowhere, there since Python 2

from penstock.intake.positions import DEEPEST, Document, LineIndex, Lines, Place, Remark, Unreadable

_SPACE = re.compile(r"[ \t\r\n]*")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,99})(\.\d{1,99})?([eE][+-]?\d{1,3})?(?![\w.])", re.ASCII)
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_WORD = re.compile(r"[A-Za-z]+")


def read_json(text: str) -> Document:
    """The document; `Unreadable` with the line of the first fault."""
    return _Reader(text).document()


class _Reader:
    """One pass over one text."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.index = LineIndex(text)
        self.lines = Lines()
        self.comments: list[Remark] = []
        self.twice: list[Remark] = []

    def document(self) -> Document:
        value = self._value(())
        self._skip(())
        if self.at < len(self.text):
            raise self._fault(f"nothing may follow the value, but {self._found()} does")
        return Document(value=value, lines=self.lines, comments=tuple(self.comments), twice=tuple(self.twice))

    def _fault(self, words: str) -> Unreadable:
        return Unreadable(words, self.index.at(self.at))

    def _found(self) -> str:
        return repr(self.text[self.at]) if self.at < len(self.text) else "the end of the file"

    def _skip(self, place: Place) -> str:
        """Read past space and comments; the next letter, or nothing at the end."""
        while True:
            self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]  # it matches nothing too
            if not self.text.startswith("/", self.at):
                return self.text[self.at : self.at + 1]
            comment = _COMMENT.match(self.text, self.at)
            if comment is None:
                raise self._fault("a comment is not closed" if self.text.startswith("/*", self.at) else "found '/'")
            words = comment.group().removeprefix("//").removeprefix("/*").removesuffix("*/").strip()
            self.comments.append(Remark(line=self.index.at(self.at), place=place, text=words))
            self.at = comment.end()

    def _value(self, place: Place) -> object:
        letter = self._skip(place)
        if place not in self.lines:
            self.lines[place] = self.index.at(self.at)
        if len(place) > DEEPEST:
            raise self._fault(f"values are nested deeper than {DEEPEST}")
        if letter == "{":
            return self._object(place)
        if letter == "[":
            return self._array(place)
        if letter == '"':
            return self._string()
        return self._word_or_number()

    def _string(self) -> str:
        try:
            value, self.at = scanstring(self.text, self.at + 1, True)
        except JSONDecodeError as error:
            self.at = error.pos
            raise self._fault(f"text is not closed or holds a forbidden character: {error.msg.lower()}") from None
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise self._fault("text holds half of a character (a lone surrogate)")
        if "\0" in value:
            raise self._fault("text holds a NUL character")
        return str(value)

    def _word_or_number(self) -> object:
        number = _NUMBER.match(self.text, self.at)
        if number is not None:
            self.at = number.end()
            if not (number.group(1) or number.group(2)):
                return int(number.group())
            value = float(number.group())
            if value in {float("inf"), float("-inf")}:
                raise self._fault("a number is too large")
            return value
        word = _WORD.match(self.text, self.at)
        if word is None or word.group() not in _WORDS:
            raise self._fault(f"a value should stand here, found {word.group() if word else self._found()}")
        self.at = word.end()
        return _WORDS[word.group()]

    def _array(self, place: Place) -> list[object]:
        items: list[object] = []
        self.at += 1
        if self._skip(place) == "]":
            self.at += 1
            return items
        while True:
            items.append(self._value((*place, len(items))))
            if self._ends("]", place):
                return items
            if self._skip(place) == "]":
                raise self._fault("a comma stands before the closing `]`")

    def _object(self, place: Place) -> dict[str, object]:
        members: dict[str, object] = {}
        self.at += 1
        if self._skip(place) == "}":
            self.at += 1
            return members
        while True:
            if self._skip(place) != '"':
                words = "a comma stands before the closing `}`" if members and self._skip(place) == "}" else None
                raise self._fault(words or f"a key in double quotes should stand here, found {self._found()}")
            line = self.index.at(self.at)
            key = self._string()
            if key in members:
                self.twice.append(Remark(line=line, place=place, text=key))
            self.lines[*place, key] = line
            if self._skip(place) != ":":
                raise self._fault(f"a `:` should follow the key {key!r}, found {self._found()}")
            self.at += 1
            members[key] = self._value((*place, key))
            if self._ends("}", place):
                return members

    def _ends(self, closing: str, place: Place) -> bool:
        """Read past a comma, or past the closing bracket and say so."""
        letter = self._skip(place)
        if letter not in {",", closing} or not letter:
            raise self._fault(f"`,` or `{closing}` should stand here, found {self._found()}")
        self.at += 1
        return letter == closing
