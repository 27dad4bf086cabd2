"""Fences: every text that comes from a plan, a project, a tool or a person stands between two lines that name a nonce
which none of these texts holds. So no text can end its own fence, whatever it says.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

from penstock.domain.errors import Bug
from penstock.engine.prompts.cutting import cut

FENCE = re.compile(r"data-[0-9a-f]{16}")
"""What in a prompt depends on its content as a whole: whoever compares prompts part by part puts one word for it."""
TRIES = 16
MOST_TEXTS = 2000
"""So many texts may one prompt hold: a template that asks for more has lost count."""
_WORD = re.compile(r"#?[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_COLOURS = re.compile(r"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|\][^\x07\x1b]{0,2048}+(?:\x07|\x1b\\))")
"""What a terminal does not print, but obeys."""
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\U000e0000-\U000e007f]")
"""What people who look at a text don't see, but a model reads."""


class Plain(str):
    """A text that may stand in a prompt as it is: our own words, or what is fenced already."""

    __slots__ = ()


def cleaned(text: str) -> str:
    """The text with one kind of line ending, no colours and nothing hidden in it."""
    return _HIDDEN.sub("\ufffd", _COLOURS.sub("", text).replace("\r\n", "\n").replace("\r", "\n"))


def nonce_for(names: Sequence[str], texts: Iterable[str]) -> str:
    """A word that none of the texts holds: the same for the same texts, and not to be known by who wrote one of them.

    It depends on neither time, place nor the run's id, so that a run that is run again has the same prompts.
    """
    known = tuple(texts)
    digest = hashlib.sha256()
    for part in (*names, *known):
        content = part.encode("utf-8", "surrogatepass")
        digest.update(len(content).to_bytes(8, "big") + content)
    made = (hashlib.sha256(digest.digest() + bytes([attempt])).hexdigest()[:16] for attempt in range(TRIES))
    return first_absent(made, known)


def first_absent(words: Iterable[str], texts: Sequence[str]) -> str:
    """The first word that none of the texts holds, however it is written: a template may print one in small letters."""
    for word in words:
        if not any(word in text.casefold() for text in texts):
            return word
    raise Bug("a text holds every hash that was made of it")


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
        name = re.sub(r"[^A-Za-z0-9 _.,-]+", " ", str(label))[:60].strip()
        return Plain(f'<data-{self._nonce} of="{name}">\n{shown}\n</data-{self._nonce}>')

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
        text = re.sub(rf"(?<!\n)<(?=data-{self._nonce})", "\n<", text)
        return re.sub(rf"</data-{self._nonce}>(?!\n)", r"\g<0>\n", text)


def _listed(items: Iterable[object]) -> str:
    return "\n".join("- " + str(item).strip().replace("\n", "\n  ") for item in items)
