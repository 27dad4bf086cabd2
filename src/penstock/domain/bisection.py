"""How the integration queue finds who breaks a batch: batches grow while they are green, and a red one is halved.

What is left to be asked stands on a stack of suspects, the next one last. Pure; knows ranks, not what they stand for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from penstock.domain.ranks import RankSet

WIDEST = 32
"""No batch has more members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspects:
    """Members of a red batch that are to be judged again, together."""

    members: tuple[int, ...]
    is_red: bool = False
    """All that stood before them in the red batch is merged by now: together they are known to be red."""
    follows: bool = False
    """They are the second half of a red batch, and the first half is yet to be judged."""


Stack: TypeAlias = tuple[Suspects, ...]


def wider(width: int) -> int:
    """How many are taken at once after a green batch."""
    return min(WIDEST, width * 2)


def narrower(width: int) -> int:
    """How many are taken at once after a red batch."""
    return max(1, width // 2)


def halved(stack: Stack, members: tuple[int, ...]) -> Stack:
    """The stack with the halves of a batch on top, the first half to be judged first."""
    middle = len(members) // 2
    return (*stack, Suspects(members=members[middle:], follows=True), Suspects(members=members[:middle]))


def take(stack: Stack) -> tuple[tuple[int, ...], Stack]:
    """The members to be judged next, and what remains. Several that are known to be red are not asked as a whole."""
    top = stack[-1]
    if top.is_red and len(top.members) > 1:
        stack = halved(stack[:-1], top.members)
        top = stack[-1]
    return top.members, stack[:-1]


def after_green(stack: Stack) -> Stack:
    """What was judged is merged: if it was the first half of a red batch, the second half is to blame."""
    if stack and stack[-1].follows:
        return (*stack[:-1], replace(stack[-1], is_red=True, follows=False))
    return stack


def after_red(stack: Stack, members: tuple[int, ...]) -> Stack:
    """What was judged is red: of what followed it nothing is known any more; several are halved."""
    if stack and stack[-1].follows:
        stack = (*stack[:-1], replace(stack[-1], follows=False))
    return halved(stack, members) if len(members) > 1 else stack


def only(stack: Stack, members: RankSet) -> Stack:
    """The stack without those who are not candidates any more."""
    kept = (replace(one, members=tuple(rank for rank in one.members if rank in members)) for one in stack)
    return tuple(one for one in kept if one.members)


def after_loss(stack: Stack, members: tuple[int, ...]) -> Stack:
    """What was judged came to nothing, and perhaps one of them is the reason: its halves are asked apart."""
    if stack and stack[-1].follows:
        stack = (*stack[:-1], replace(stack[-1], follows=False))
    middle = len(members) // 2
    parts = (members[middle:], members[:middle])
    return (*stack, *(Suspects(members=part) for part in parts if part))
