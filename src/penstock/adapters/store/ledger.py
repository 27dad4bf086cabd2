"""The account of usage and budgets on a database: each method is one transaction in the writer's thread.

An account is reserved from and charged by one statement on its row, never by adding up calls. Accounts are always taken
from the widest to the narrowest, so that no two transactions wait for each other.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from penstock.adapters.store.ledger_statements import (
    add_record,
    add_reservation,
    charge_account,
    keep_told,
    put_cap,
    read_account,
    reserve_from,
    take_reservation,
    take_reservations_of_pipeline,
    take_reservations_of_run,
)
from penstock.domain.budget import KINDS, NO_CAP, NOTHING, Granted, leave_of, marks_reached
from penstock.domain.usage import believed, charge, lost, reservation

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from sqlalchemy import Connection

    from penstock.adapters.store.writer import Writer
    from penstock.domain.budget import Account, Amount, Cap, Kind, Leave, Level, MarkReached
    from penstock.domain.usage import CallEnd, ModelCall

Answer = TypeVar("Answer")


class SqlLedger:
    """Usage and budgets in tables."""

    def __init__(self, writer: Writer, *, redact: Callable[[str], str], marks: Sequence[int] = ()) -> None:
        self._writer = writer
        self._redact = redact
        self._marks = tuple(marks)

    async def reserve(self, call: ModelCall) -> Leave:
        """Reserve a call's worst case with every account above it; nothing is kept unless it is granted.

        Nothing is kept either for who is cancelled meanwhile: the call will not leave. What is kept outlives us but not
        every power cut, which leaves nobody to settle the call: the disk is not waited for.
        """
        try:
            return await self._writer.write(partial(_reserve, call), fleeting=True)
        except _NotGranted as refusal:
            return refusal.leave
        except asyncio.CancelledError:
            self._writer.submit(partial(_give_back, call))
            raise

    async def settle(self, call: ModelCall, end: CallEnd) -> tuple[MarkReached, ...]:
        """Write the record of a call that was granted and give back what it reserved; twice is the same as once."""
        return await self._surely(lambda connection: self._settle(connection, call, end))

    async def record(self, call: ModelCall, end: CallEnd) -> None:
        """Write the record of a call that was never granted; twice is the same as once."""
        await self._surely(lambda connection: add_record(connection, call, believed(end), self._redact))

    async def settle_lost(self, run: str) -> int:
        """Settle, at their worst case and flagged as estimated, the calls of a run whose maker died; how many.

        For who has just become the run's owner, before it makes a call: all of the run that is reserved is taken.
        """
        return await self._settle_lost(partial(take_reservations_of_run, run=run))

    async def settle_lost_of_pipeline(self, pipeline: str) -> int:
        """The same for the calls that a pipeline made itself; those of its runs are settled by their owners."""
        return await self._settle_lost(partial(take_reservations_of_pipeline, pipeline=pipeline))

    async def _settle_lost(self, take: Callable[[Connection], list[ModelCall]]) -> int:
        def work(connection: Connection) -> int:
            calls = take(connection)
            for call in calls:
                self._book(connection, call, lost(call), call.worst)
            return len(calls)

        return await self._writer.write(work)

    async def set_cap(self, level: Level, key: str, cap: Cap, kinds: Collection[Kind] = KINDS) -> Account:
        """Set these kinds of an account's cap as a person says, from now on and for what is spent already; the account
        as it is then.
        """
        said = NO_CAP.changed(cap, kinds)
        return await self._writer.write(lambda connection: put_cap(connection, level, key, said, by_hand=kinds))

    async def give_cap(self, level: Level, key: str, cap: Cap) -> None:
        """The same as the settings say: for the kinds that this cap limits and that no person has set."""
        await self._writer.write(lambda connection: put_cap(connection, level, key, cap, by_hand=()))

    async def account(self, level: Level, key: str) -> Account:
        """One account as it stands; an empty one where nothing is known."""
        return await self._writer.read(lambda connection: read_account(connection, level, key))

    def _settle(self, connection: Connection, call: ModelCall, end: CallEnd) -> tuple[MarkReached, ...]:
        reserved = take_reservation(connection, call.id)
        if reserved is None:
            return ()
        reached: list[MarkReached] = []
        for account in self._book(connection, call, believed(end), reserved):
            marks = marks_reached(account, self._marks)
            if marks:
                keep_told(connection, account, marks[-1].mark)
            reached += marks
        return tuple(reached)

    def _book(self, connection: Connection, call: ModelCall, end: CallEnd, reserved: Amount) -> list[Account]:
        """Charge the accounts and write the record; the accounts as they are then."""
        used = charge(reserved, end)
        charged = [charge_account(connection, *which, used, reserved) for which in call.caller.accounts]
        add_record(connection, call, end, self._redact)
        return charged

    async def _surely(self, work: Callable[[Connection], Answer]) -> Answer:
        """Do the work even if who asked is cancelled meanwhile: what was paid is written."""
        try:
            return await self._writer.write(work)
        except asyncio.CancelledError:
            self._writer.submit(work)  # it may not have begun; where it has, twice is once
            raise


class _NotGranted(Exception):
    # It carries an answer out of a transaction that it undoes.
    def __init__(self, leave: Leave) -> None:
        self.leave = leave


def _reserve(call: ModelCall, connection: Connection) -> Leave:
    worst, accounts = reservation(call), call.caller.accounts
    for level, key in accounts:
        if not reserve_from(connection, level, key, worst):
            # What this call has just reserved from the wider accounts changes no answer: they had room for it, and of
            # those that make it wait the narrowest is named.
            raise _NotGranted(leave_of([read_account(connection, *which) for which in accounts], worst))
    add_reservation(connection, call)
    return Granted()


def _give_back(call: ModelCall, connection: Connection) -> None:
    """Undo a reservation whose call will not leave."""
    reserved = take_reservation(connection, call.id)
    if reserved is not None:
        for level, key in call.caller.accounts:
            charge_account(connection, level, key, NOTHING, reserved)
