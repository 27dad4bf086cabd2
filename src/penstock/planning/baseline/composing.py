"""Puts the baseline together: each part within its share, the signatures with all that is left, and what was cut said.

The same commit, epic and bound give the same text to the letter, for it is part of what is recorded and played again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from penstock.planning.baseline import reading
from penstock.planning.baseline.file_list import file_list
from penstock.planning.baseline.relevance import Ranking, ranked
from penstock.planning.baseline.signatures import signatures_of
from penstock.planning.baseline.testing import how_tested
from penstock.planning.bounds import characters_of, first_lines
from penstock.ports import Contents

SHARES = {"guide": 0.2, "readme": 0.08, "tests": 0.08, "list": 0.3}
"""How much of the whole each part may take at most; the signatures get the rest."""
README_LINES = 40
LEAST_ROOM = 300
"""Less than this is not begun: it would hold a path and hardly more."""
RESERVE = 240
"""Kept for the line that says what was cut."""

Redact = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What is shown of a commit."""

    text: str
    """Empty where nothing may be shown."""
    files: int
    """How many files the commit has."""
    shown: tuple[str, ...] = ()
    """The sources whose signatures are shown, the most relevant first."""
    cut: tuple[str, ...] = ()
    """What was left out for want of room, in words that also stand in the text."""


@dataclass(slots=True, kw_only=True)
class _Page:
    """The text as it grows, and what did not fit."""

    room: int
    redact: Redact
    parts: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)

    def add(self, title: str, body: str) -> None:
        """Add a part: never more than there is room for."""
        text = f"## {title}\n{body}"
        if body and len(text) <= self.room:
            self.parts.append(text)
            self.room -= len(text) + 2

    def add_lines(self, title: str, lines: Sequence[str], most: int) -> None:
        """Add as many lines as fit, and say of the part that it was cut."""
        room = min(most, self.room) - len(title) - 5
        body = first_lines(lines, room)
        if len(body) < sum(len(line) + 1 for line in lines) - 1:
            self.cut.append(f"part of {title}")
        self.add(title, body)


async def baseline_code(history: Contents, commit: str, epic_text: str, *, max_tokens: int, redact: Redact) -> Baseline:
    """What planners see of the code at a commit, within so many tokens, without secrets."""
    if max_tokens <= 0:
        return Baseline(text="", files=len(await history.listing(commit)))
    found = await reading.read(history, commit)
    return await asyncio.to_thread(_composed, found, epic_text, characters_of(max_tokens), redact)


def _composed(found: reading.Repository, epic: str, most: int, redact: Redact) -> Baseline:
    ranking = ranked(epic, found.texts, found.sources)
    page = _Page(room=most - RESERVE, redact=redact)
    for name in _guides(found):
        page.add_lines(name, _lines_of(found, name, redact), int(most * SHARES["guide"]))
    readme = next((name for name in reading.READMES if name in found.texts), "")
    page.add_lines(readme, _lines_of(found, readme, redact)[:README_LINES], int(most * SHARES["readme"]))
    tested = redact("\n".join(how_tested(found.texts))).splitlines()
    page.add_lines("How it is tested", tested, int(most * SHARES["tests"]))
    _add_files(page, found, ranking, int(most * SHARES["list"]))
    shown = _add_signatures(page, found, ranking)
    if found.unread:
        page.cut.append(f"{found.unread} sources, too large or too many to be looked into")
    remark = f"[left out for want of room: {'; '.join(page.cut)}]"[:RESERVE] if page.cut else ""
    text = "\n\n".join(part for part in (*page.parts, remark) if part)[:most]
    return Baseline(text=text, files=len(found.files), shown=shown, cut=tuple(page.cut))


def _guides(found: reading.Repository) -> list[str]:
    """The files with words to agents, of two that say the same the first."""
    firsts: dict[bytes, str] = {}
    for name in reading.GUIDES:
        if name in found.texts:
            firsts.setdefault(found.texts[name].strip(), name)
    return list(firsts.values())


def _lines_of(found: reading.Repository, name: str, redact: Redact) -> list[str]:
    content = found.texts.get(name, b"")[: reading.LARGEST_TEXT]
    return redact(content.decode("utf-8", "replace")).strip().splitlines()


def _add_files(page: _Page, found: reading.Repository, ranking: Ranking, most: int) -> None:
    title = f"Files ({len(found.files)})"
    room = min(most, page.room) - len(title) - 5
    text, hidden = file_list(found.files, ranking.every, room)
    if hidden:
        page.cut.append(f"the names of {hidden} files")
    page.add(title, page.redact(text)[: max(room, 0)])


def _add_signatures(page: _Page, found: reading.Repository, ranking: Ranking) -> tuple[str, ...]:
    title = "Signatures (of what the epic names, and of what imports it)"
    room = page.room - len(title) - 5
    blocks: list[str] = []
    shown: list[str] = []
    for path in ranking.every:
        block = page.redact("\n".join(signatures_of(path, found.texts[path])))
        block = block if len(block) < room else first_lines(block.splitlines(), room - 1)
        if room < LEAST_ROOM:
            break
        blocks.append(block)
        shown.append(path)
        room -= len(block) + 1
    if left := len(ranking.every) - len(shown):
        page.cut.append(f"the signatures of {left} less relevant sources")
    page.add(title, "\n".join(blocks))
    return tuple(shown)
