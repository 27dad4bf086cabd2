"""What the ledger sends, each as one statement within the transaction that is under way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Connection,
    Insert,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from penstock.adapters.store.named import Named
from penstock.adapters.store.rollups import add_to_rollups
from penstock.adapters.store.statements import upsert
from penstock.adapters.store.tables import as_text
from penstock.adapters.store.usage_rows import reservation_row, reserved_call, usage_row
from penstock.adapters.store.usage_tables import budgets, pipeline_prompt_usage, reservations
from penstock.domain.budget import KINDS, Account, Amount, Cap, Level

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sqlalchemy import ColumnElement
    from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

    from penstock.domain.budget import Kind
    from penstock.domain.usage import CallEnd, ModelCall


def reserve_from(connection: Connection, level: Level, key: str, worst: Amount) -> bool:
    """Reserve from an account, which is made if need be; False, and nothing changed, where its cap forbids it."""
    row = {**_empty(level, key), "reserved_tokens": worst.tokens, "reserved_micros": worst.micros}
    return bool(_statements(connection.dialect.name).reserve.ask(connection, row))


def charge_account(connection: Connection, level: Level, key: str, used: Amount, reserved: Amount) -> Account:
    """Give back what was reserved and add what was used; the account then."""
    values = {
        "b_level": level.value,
        "b_key": key,
        "b_used_tokens": used.tokens,
        "b_used_micros": used.micros,
        "b_reserved_tokens": reserved.tokens,
        "b_reserved_micros": reserved.micros,
    }
    (row,) = _statements(connection.dialect.name).charge.ask(connection, values)
    return _account(level, key, row)


def keep_told(connection: Connection, account: Account, mark: int) -> None:
    """Remember that a mark of an account was told."""
    values = {"b_level": account.level.value, "b_key": account.key, "b_mark": mark}
    _statements(connection.dialect.name).keep_told.send(connection, values)


def put_cap(connection: Connection, level: Level, key: str, cap: Cap, *, by_hand: Collection[Kind]) -> Account:
    """Set the kinds of a cap that a person says, and those that it limits and no person has set; the account then.

    The account is made if need be.
    """
    hands = {f"by_hand_{kind}": kind in by_hand for kind in KINDS}
    row = {**_empty(level, key), "cap_tokens": cap.tokens, "cap_micros": cap.micros, **hands}
    (found,) = _statements(connection.dialect.name).put_cap.ask(connection, row)
    return _account(level, key, found)


def read_account(connection: Connection, level: Level, key: str) -> Account:
    """One account; an empty one where nothing is known."""
    rows = _statements(connection.dialect.name).read.ask(connection, {"b_level": level.value, "b_key": key})
    return _account(level, key, rows[0]) if rows else Account(level=level, key=key)


def add_reservation(connection: Connection, call: ModelCall) -> None:
    """Remember what a call reserved."""
    row = reservation_row(call)
    row["made_at"] = as_text(call.at)
    _statements(connection.dialect.name).remember.send(connection, row)


def take_reservation(connection: Connection, call_id: str) -> Amount | None:
    """Forget what a call reserved, and answer it; None if it has nothing reserved, or no more."""
    rows = _statements(connection.dialect.name).forget.ask(connection, {"b_call": call_id})
    return Amount(tokens=rows[0][0], micros=rows[0][1]) if rows else None


def take_reservations_of_run(connection: Connection, run: str) -> list[ModelCall]:
    """Forget all that the calls of a run reserved; the calls, each with its reservation as its worst case."""
    return _take_all(connection, reservations.c.run_id == run)


def take_reservations_of_pipeline(connection: Connection, pipeline: str) -> list[ModelCall]:
    """The same for the calls of a pipeline that are of none of its runs."""
    return _take_all(connection, and_(reservations.c.pipeline_id == pipeline, reservations.c.run_id.is_(None)))


def _take_all(connection: Connection, condition: ColumnElement[bool]) -> list[ModelCall]:
    rows = connection.execute(delete(reservations).where(condition).returning(reservations)).all()
    return [reserved_call(row._asdict()) for row in rows]


def add_record(connection: Connection, call: ModelCall, end: CallEnd, redact: Callable[[str], str]) -> None:
    """Write the one record of a call and add it to what is kept of all together, unless it is there."""
    row = usage_row(call, end, redact)
    row["used_at"] = as_text(call.at)
    if _statements(connection.dialect.name).record.ask(connection, row):
        add_to_rollups(connection, row)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statements:
    reserve: Named
    charge: Named
    keep_told: Named
    put_cap: Named
    read: Named
    remember: Named
    forget: Named
    record: Named


@cache
def _statements(dialect: str) -> _Statements:
    taken = delete(reservations).where(reservations.c.call_id == bindparam("b_call"))
    here = (budgets.c.level == bindparam("b_level"), budgets.c.key == bindparam("b_key"))
    return _Statements(
        reserve=Named(_reserving(dialect)),
        charge=Named(_charging()),
        keep_told=Named(update(budgets).where(*here).values(told_mark=bindparam("b_mark"))),
        put_cap=Named(_capping(dialect)),
        read=Named(select(*_amounts()).where(*here)),
        remember=Named(insert(reservations).inline()),
        forget=Named(taken.returning(reservations.c.tokens, reservations.c.micros)),
        record=Named(_recording(dialect)),
    )


def _recording(dialect: str) -> ReturningInsert[Any]:
    new = upsert(dialect)(pipeline_prompt_usage).on_conflict_do_nothing(index_elements=["id"])
    recording: ReturningInsert[Any] = new.returning(pipeline_prompt_usage.c.id)
    return recording


def _amounts() -> list[Any]:
    amounts = [budgets.c[f"{what}_{kind}"] for what in ("cap", "settled", "reserved") for kind in KINDS]
    return [*amounts, budgets.c.told_mark]


def _account(level: Level, key: str, amounts: tuple[Any, ...]) -> Account:
    cap_tokens, cap_micros, settled_tokens, settled_micros, reserved_tokens, reserved_micros, told = amounts
    return Account(
        level=level,
        key=key,
        cap=Cap(tokens=cap_tokens, micros=cap_micros),
        settled=Amount(tokens=settled_tokens, micros=settled_micros),
        reserved=Amount(tokens=reserved_tokens, micros=reserved_micros),
        told=told,
    )


def _empty(level: Level, key: str) -> dict[str, Any]:
    amounts = ("settled_tokens", "settled_micros", "reserved_tokens", "reserved_micros", "told_mark")
    hands = ("by_hand_tokens", "by_hand_micros")
    return {"level": level.value, "key": key, **dict.fromkeys(amounts, 0), **dict.fromkeys(hands, False)}


def _reserving(dialect: str) -> ReturningInsert[Any]:
    new, column = upsert(dialect)(budgets), budgets.c

    def fits(kind: str) -> ColumnElement[bool]:
        cap, settled, reserved = (column[f"{what}_{kind}"] for what in ("cap", "settled", "reserved"))
        return or_(cap.is_(None), settled + reserved + new.excluded[f"reserved_{kind}"] <= cap)

    reserving: Insert = new.on_conflict_do_update(
        index_elements=["level", "key"],
        set_={f"reserved_{kind}": column[f"reserved_{kind}"] + new.excluded[f"reserved_{kind}"] for kind in KINDS},
        where=and_(*(fits(kind) for kind in KINDS)),
    )
    return reserving.returning(column.level)


def _charging() -> ReturningUpdate[Any]:
    column, values = budgets.c, {}
    for kind in KINDS:
        values[f"settled_{kind}"] = column[f"settled_{kind}"] + bindparam(f"b_used_{kind}")
        values[f"reserved_{kind}"] = column[f"reserved_{kind}"] - bindparam(f"b_reserved_{kind}")
    charged = update(budgets).where(column.level == bindparam("b_level"), column.key == bindparam("b_key"))
    return charged.values(values).returning(*_amounts())


def _capping(dialect: str) -> ReturningInsert[Any]:
    new, column = upsert(dialect)(budgets), budgets.c
    values: dict[str, ColumnElement[Any]] = {}
    for kind in KINDS:
        here, given = (of[f"cap_{kind}"] for of in (column, new.excluded))
        by_hand, now_by_hand = (of[f"by_hand_{kind}"] for of in (column, new.excluded))
        values[f"cap_{kind}"] = case((now_by_hand, given), (by_hand, here), else_=func.coalesce(given, here))
        values[f"by_hand_{kind}"] = or_(by_hand, now_by_hand)
    is_as_before = and_(*(values[f"cap_{kind}"].is_not_distinct_from(column[f"cap_{kind}"]) for kind in KINDS))
    values["told_mark"] = case((is_as_before, column.told_mark), else_=literal_column("0"))
    capping: Insert = new.on_conflict_do_update(index_elements=["level", "key"], set_=values)
    return capping.returning(*_amounts())
