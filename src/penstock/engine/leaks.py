"""Secrets in what a change adds: found before it becomes a candidate, and again before anything is pushed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from penstock.domain.changes import Finding
from penstock.ports import AddedLines, History, SecretFound, SecretGate

MOST_TOLD = 10


class Ground(Protocol):
    """Where is looked, and by what."""

    @property
    def history(self) -> History: ...
    @property
    def secrets(self) -> SecretGate: ...


async def of_change(ground: Ground, base: str, commit: str) -> tuple[SecretFound, ...]:
    """The secrets in lines that a commit has and its base has not."""
    return await _added(ground, base, await ground.history.written(base, commit))


async def on_the_way(ground: Ground, base: str, commit: str) -> tuple[SecretFound, ...]:
    """The same for every commit that leads from the one to the other."""
    return await _added(ground, base, await ground.history.written(base, commit, on_the_way=True))


async def _added(ground: Ground, base: str, written: Sequence[AddedLines]) -> tuple[SecretFound, ...]:
    """What is found in these texts and does not stand, as the same line, in the base already."""
    found = {one.path for one in await ground.secrets.find(written)}
    added: list[SecretFound] = []
    for text in (one for one in written if one.path in found):
        before = (await ground.history.read(base, text.path) or b"").decode("utf-8", "replace")
        old = {*before.split("\n")}
        lines = tuple(numbered for numbered in text.lines if numbered[1] not in old)
        added += await ground.secrets.find([AddedLines(path=text.path, lines=lines)])
    return tuple(dict.fromkeys(added))


def finding(found: Sequence[SecretFound]) -> Finding:
    """What the next fix is told."""
    text = (
        f"the change was not taken, for it holds what looks like a secret: {_places(found)}. No file may hold one, not "
        "as an example or in a test either: have the program read it from its environment"
    )
    return Finding(code="secret", text=text)


def not_pushed(branch: str, found: Sequence[SecretFound]) -> str:
    """Why a branch was not pushed, and what to do."""
    return (
        f"{branch} was not pushed, for what would go with it holds what looks like a secret: {_places(found)}; take it "
        "out in a further run or roll its workstream back, and replace the secret if it is one; what is none is marked "
        "with `pragma: allowlist secret` at the end of its line"
    )


def _places(found: Sequence[SecretFound]) -> str:
    told = [f"{one.path} line {one.line} ({one.kind})" for one in found[:MOST_TOLD]]
    more = f", and {len(found) - MOST_TOLD} more" if len(found) > MOST_TOLD else ""
    return f"{', '.join(told)}{more}"
