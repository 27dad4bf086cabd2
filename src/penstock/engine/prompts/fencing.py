"""The fences of one prompt that a template makes: what is not our own word, and more than a word, is fenced and cut."""

from __future__ import annotations

import re
from collections.abc import Iterable

from penstock.domain.cutting import cut
from penstock.domain.fencing import fenced

MOST_TEXTS = 2000
"""So many texts may one prompt hold: a template that asks for more has lost count."""
_WORD = re.compile(r"#?[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


class Plain(str):
    """A text that may stand in a prompt as it is: our own words, or what is fenced already."""

    __slots__ = ()


class Fences:
    """Fences texts for one prompt, each cut to what it may take at most; remembers how long they were."""

    def __init__(self, nonce: str, most: int) -> None:
        self._nonce, self._most = nonce, most
        self.sizes: list[int] = []

    def data(self, value: object, label: object = "text") -> Plain:
        """A text, or a list of them as items, between its fences; nothing where there is nothing to show."""
        text = _listed(value) if isinstance(value, list | tuple) else str(value).strip("\n")
        if not text.strip():
            return Plain()
        if len(self.sizes) == MOST_TEXTS:
            raise OverflowError(f"it asks for more than {MOST_TEXTS} texts")
        shown = cut(text, self._most)
        self.sizes.append(len(shown))
        return Plain(fenced(self._nonce, shown, str(label)))

    def shown(self, value: object) -> object:
        """What stands for a value that a template prints: what is not ours, and more than a word, is fenced."""
        match value:
            case Plain() | bool() | int() | float():
                return value
            case None:
                return ""
            case str() if not value or _WORD.fullmatch(value):
                return value
            case str() | list() | tuple():
                return self.data(value)
        raise TypeError(f"a {type(value).__name__} can't be printed")

    def on_lines(self, text: str) -> str:
        """The text in which each fence is a line of its own, wherever a template has put it."""
        begin, end = f"<data-{self._nonce}", f"</data-{self._nonce}>"
        # one line end more for each, and one less where there was one: a pattern would have to be compiled per prompt
        text = text.replace(begin, f"\n{begin}").replace(f"\n\n{begin}", f"\n{begin}")
        return text.replace(end, f"{end}\n").replace(f"{end}\n\n", f"{end}\n")


def _listed(items: Iterable[object]) -> str:
    return "\n".join("- " + str(item).strip().replace("\n", "\n  ") for item in items)
