"""Calls, ends and ledgers for the tests that every ledger must pass."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from journal_driving import START

from penstock.domain.budget import NOTHING, Account, Amount, Cap, Level, MustWait
from penstock.domain.usage import CallEnd, Caller, CallStatus, ModelCall, Tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.domain.budget import Leave
    from penstock.ports import Ledger

SECRET = "sk-ant-" + "a1B2" * 8
NO_CAP = Cap()
MARKS = (90, 50)
numbers = count(1)


@dataclass(frozen=True)
class Kept:
    """A ledger, and what it has written down of a project's calls."""

    ledger: Ledger
    records: Callable[[str], list[dict[str, Any]]]


def redact(text: str) -> str:
    """As a redactor that knows one secret."""
    return text.replace(SECRET, "***")


def someone(**more: str) -> Caller:
    """A caller of a project, pipeline and run that nobody else uses."""
    number = next(numbers)
    given = {"project": f"p{number}", "pipeline": f"e{number}", "run": f"r{number}", "workstream": "ws-a", **more}
    return Caller(**given)


def a_call(caller: Caller, tokens: int = 100, micros: int = 1000, **more: Any) -> ModelCall:
    """A call that may take so much."""
    call = ModelCall(
        id=f"ppu_{next(numbers)}", caller=caller, ordinal=1, protocol="anthropic", upstream="main", model="m-1",
        alias="fast", at=START, worst=Amount(tokens=tokens, micros=micros),
    )  # fmt: skip
    return replace(call, **more)


def an_end(tokens: int | Tokens = 60, micros: int | None = 600, **more: Any) -> CallEnd:
    """A call that has used so much."""
    used = Tokens(input=tokens) if isinstance(tokens, int) else tokens
    end = CallEnd(status=CallStatus.OK, at=START, tokens=used, micros=micros)
    return replace(end, **more)


def run_account(
    caller: Caller, *, cap: Cap = NO_CAP, settled: Amount = NOTHING, reserved: Amount = NOTHING, told: int = 0
) -> Account:
    """The account of a caller's run."""
    return Account(level=Level.RUN, key=caller.run, cap=cap, settled=settled, reserved=reserved, told=told)


async def granted(ledger: Ledger, call: ModelCall) -> Leave:
    """Ask until it need not wait; bounded."""
    for _ in range(2000):
        leave = await ledger.reserve(call)
        if not isinstance(leave, MustWait):
            return leave
        await asyncio.sleep(0)
    raise AssertionError("it waits for ever")
