"""A ledger that keeps everything in this process and nothing beyond it: for dry runs, tests and benchmarks."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.adapters.store.failures import RowsContradict
from penstock.adapters.store.usage_rows import told, usage_row
from penstock.domain.budget import KINDS, Account, Granted, leave_of, marks_reached
from penstock.domain.usage import believed, charge, lost, reservation

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from penstock.domain.budget import Amount, Cap, Kind, Leave, Level, MarkReached
    from penstock.domain.usage import CallEnd, Caller, ModelCall


class MemoryLedger:
    """Usage and budgets in dictionaries. Any thread may call it."""

    def __init__(self, *, redact: Callable[[str], str] = str, marks: Sequence[int] = ()) -> None:
        self._redact = redact
        self._marks = tuple(marks)
        self._lock = threading.Lock()
        self._accounts: dict[tuple[Level, str], Account] = {}
        self._by_hand: dict[tuple[Level, str], frozenset[Kind]] = {}
        """Which kinds of a cap a person has set."""
        self._reserved: dict[str, ModelCall] = {}
        self._records: dict[str, dict[str, Any]] = {}

    async def reserve(self, call: ModelCall) -> Leave:
        """Reserve a call's worst case with every account above it; nothing is kept unless it is granted."""
        with self._lock:
            worst, accounts = reservation(call), [self._find(*which) for which in call.caller.accounts]
            leave = leave_of(accounts, worst)
            if isinstance(leave, Granted):
                if call.id in self._reserved:
                    raise RowsContradict(f"the call {call.id} reserves a second time")
                self._reserved[call.id] = call
                for account in accounts:
                    self._keep(replace(account, reserved=account.reserved + worst))
            return leave

    async def settle(self, call: ModelCall, end: CallEnd) -> tuple[MarkReached, ...]:
        """Keep the record of a call that was granted and give back what it reserved; twice is the same as once."""
        with self._lock:
            made = self._reserved.pop(call.id, None)
            if made is None:
                return ()
            reached: list[MarkReached] = []
            for account in self._book(call, believed(end), reservation(made)):
                marks = marks_reached(account, self._marks)
                if marks:
                    self._keep(replace(account, told=marks[-1].mark))
                reached += marks
            return tuple(reached)

    async def record(self, call: ModelCall, end: CallEnd) -> None:
        """Keep the record of a call that was never granted."""
        with self._lock:
            self._write(call, believed(end))

    async def settle_lost(self, run: str) -> int:
        """Settle, at their worst case and flagged as estimated, the calls of a run whose maker died; how many."""
        return self._settle_lost(lambda caller: caller.run == run)

    async def settle_lost_of_pipeline(self, pipeline: str) -> int:
        """The same for the calls that a pipeline made itself."""
        return self._settle_lost(lambda caller: caller.pipeline == pipeline and not caller.run)

    def _settle_lost(self, is_lost: Callable[[Caller], bool]) -> int:
        with self._lock:
            calls = [call for call in self._reserved.values() if is_lost(call.caller)]
            for call in calls:
                del self._reserved[call.id]
                self._book(call, lost(call), reservation(call))
            return len(calls)

    async def set_cap(self, level: Level, key: str, cap: Cap, kinds: Collection[Kind] = KINDS) -> Account:
        """Set these kinds of an account's cap as a person says; the account as it is then."""
        with self._lock:
            self._by_hand[level, key] = self._set_by_hand(level, key) | frozenset(kinds)
            return self._change_cap(level, key, cap, kinds)

    async def give_cap(self, level: Level, key: str, cap: Cap) -> None:
        """The same as the settings say: for the kinds that this cap limits and that no person has set."""
        with self._lock:
            self._change_cap(level, key, cap, cap.kinds - self._set_by_hand(level, key))

    async def account(self, level: Level, key: str) -> Account:
        """One account as it stands; an empty one where nothing is known."""
        with self._lock:
            return self._find(level, key)

    def usage(self) -> list[dict[str, Any]]:
        """The record of each call, oldest first, as the views of a store tell it."""
        with self._lock:
            rows = sorted(self._records.values(), key=lambda row: (row["used_at"], row["id"]))
            return [told(row) for row in rows]

    def _book(self, call: ModelCall, end: CallEnd, reserved: Amount) -> list[Account]:
        """Charge the accounts and keep the record; the accounts as they are then."""
        used, charged = charge(reserved, end), []
        for which in call.caller.accounts:
            before = self._find(*which)
            after = replace(before, settled=before.settled + used, reserved=before.reserved - reserved)
            self._keep(after)
            charged.append(after)
        self._write(call, end)
        return charged

    def _change_cap(self, level: Level, key: str, cap: Cap, kinds: Collection[Kind]) -> Account:
        before = self._find(level, key)
        changed = before.cap.changed(cap, kinds)
        after = before if changed == before.cap else replace(before, cap=changed, told=0)
        self._keep(after)
        return after

    def _set_by_hand(self, level: Level, key: str) -> frozenset[Kind]:
        return self._by_hand.get((level, key), frozenset())

    def _write(self, call: ModelCall, end: CallEnd) -> None:
        self._records.setdefault(call.id, usage_row(call, end, self._redact))

    def _find(self, level: Level, key: str) -> Account:
        return self._accounts.get((level, key), Account(level=level, key=key))

    def _keep(self, account: Account) -> None:
        self._accounts[account.level, account.key] = account
