"""Ids of workstreams: what their author calls them, in the letters that an id may have; each once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

LONGEST = 60
_NOT_PLAIN = re.compile(r"[^a-z0-9]+")


def id_of(name: str, taken: Collection[str], *, fallback: str) -> str:
    """An id for a name, none of those that are taken."""
    folded = unicodedata.normalize("NFKD", name[:500]).casefold()
    plain = _NOT_PLAIN.sub("-", folded).strip("-").removeprefix("ws-")
    stem = f"ws-{plain[:LONGEST].strip('-') or fallback}"
    made, number = stem, 1
    while made in taken:
        number += 1
        made = f"{stem}-{number}"
    return made


def change_of(epic_id: str) -> str:
    """An epic's id as a bundle names it: on one line, and never empty."""
    kept = "".join(letter for letter in epic_id if letter.isprintable())
    return " ".join(kept.split())[:128] or "EPIC"
