"""Fences: every text that comes from a plan, a project, a tool, a model or a person stands between two lines that name
a nonce which none of these texts holds. So no text can end its own fence, whatever it says. Knows no template.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

from penstock.domain.errors import Bug

FENCE = re.compile(r"data-[0-9a-f]{16}")
"""What in a prompt depends on its content as a whole: whoever compares prompts part by part puts one word for it."""
TRIES = 16
LONGEST_LABEL = 60
_COLOURS = re.compile(r"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|\][^\x07\x1b]{0,2048}+(?:\x07|\x1b\\))")
"""What a terminal does not print, but obeys."""
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\U000e0000-\U000e007f]")
"""What people who look at a text don't see, but a model reads."""


def cleaned(text: str) -> str:
    """The text with one kind of line ending, no colours and nothing hidden in it."""
    if text.isprintable():  # most are, and nothing of all that is
        return text
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
    whole = "\n".join(texts).casefold()  # no word has a line end in it
    for word in words:
        if word not in whole:
            return word
    raise Bug("a text holds every hash that was made of it")


def fenced(nonce: str, text: str, label: str) -> str:
    """A text between its fences."""
    name = re.sub(r"[^A-Za-z0-9 _.,-]+", " ", label)[:LONGEST_LABEL].strip()
    return f'<data-{nonce} of="{name}">\n{text}\n</data-{nonce}>'
