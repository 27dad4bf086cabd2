"""What the ledger sends, each as one statement within the transaction that is under way."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, and_, bindparam, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from penstock.adapters.store.usage_rows import reservation_row, reserved_call, usage_row
from penstock.adapters.store.usage_tables import budgets, pipeline_prompt_usage, reservations
from penstock.domain.budget import Account, Amount, Cap, Level

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import ColumnElement, Insert, Select
    from sqlalchemy.sql.dml import ReturningDelete, ReturningUpdate

    from penstock.domain.usage import CallEnd, ModelCall


def reserve_from(connection: Connection, level: Level, key: str, worst: Amount) -> bool:
    """Reserve from an account, which is made if need be; False, and nothing changed, where its cap forbids it."""
    row = {**_empty(level, key), "reserved_tokens": worst.tokens, "reserved_micros": worst.micros}
    return connection.execute(_reserving(connection.dialect.name), row).first() is not None


def charge_account(
    connection: Connection, level: Level, key: str, used: Amount, reserved: Amount
) -> tuple[Account, Account]:
    """Give back what was reserved and add what was used; the account before and after."""
    values = {
        "b_level": level.value,
        "b_key": key,
        "b_used_tokens": used.tokens,
        "b_used_micros": used.micros,
        "b_reserved_tokens": reserved.tokens,
        "b_reserved_micros": reserved.micros,
    }
    after = _account(connection.execute(_charging(), values).one())
    before = Account(
        level=level, key=key, cap=after.cap, settled=after.settled - used, reserved=after.reserved + reserved
    )
    return before, after


def put_cap(connection: Connection, level: Level, key: str, cap: Cap) -> None:
    """Set the cap of an account, which is made if need be."""
    row = {**_empty(level, key), "cap_tokens": cap.tokens, "cap_micros": cap.micros}
    connection.execute(_capping(connection.dialect.name), row)


def read_account(connection: Connection, level: Level, key: str) -> Account:
    """One account; an empty one where nothing is known."""
    row = connection.execute(_reading(), {"b_level": level.value, "b_key": key}).one_or_none()
    return Account(level=level, key=key) if row is None else _account(row)


def add_reservation(connection: Connection, call: ModelCall) -> None:
    """Remember what a call reserved."""
    connection.execute(insert(reservations), reservation_row(call))


def take_reservation(connection: Connection, call_id: str) -> Amount | None:
    """Forget what a call reserved, and answer it; None if it has nothing reserved, or no more."""
    row = connection.execute(_taking(), {"b_call": call_id}).one_or_none()
    return None if row is None else Amount(tokens=row.tokens, micros=row.micros)


def take_reservations_of(connection: Connection, run: str) -> list[ModelCall]:
    """Forget all that the calls of a run reserved; the calls, each with its reservation as its worst case."""
    rows = connection.execute(delete(reservations).where(reservations.c.run_id == run).returning(reservations)).all()
    return [reserved_call(row._asdict()) for row in rows]


def add_record(connection: Connection, call: ModelCall, end: CallEnd, redact: Callable[[str], str]) -> None:
    """Write the one record of a call, unless it is there."""
    connection.execute(_recording(connection.dialect.name), usage_row(call, end, redact))


def _empty(level: Level, key: str) -> dict[str, Any]:
    amounts = ("settled_tokens", "settled_micros", "reserved_tokens", "reserved_micros")
    return {"level": level.value, "key": key, **dict.fromkeys(amounts, 0)}


def _account(row: Row[Any]) -> Account:
    return Account(
        level=Level(row.level),
        key=row.key,
        cap=Cap(tokens=row.cap_tokens, micros=row.cap_micros),
        settled=Amount(tokens=row.settled_tokens, micros=row.settled_micros),
        reserved=Amount(tokens=row.reserved_tokens, micros=row.reserved_micros),
    )


def _upsert(dialect: str) -> Any:
    return postgresql.insert if dialect == "postgresql" else sqlite.insert


@cache
def _reserving(dialect: str) -> Insert:
    new, column = _upsert(dialect)(budgets), budgets.c

    def fits(kind: str) -> ColumnElement[bool]:
        cap, settled, reserved = (column[f"{what}_{kind}"] for what in ("cap", "settled", "reserved"))
        return or_(cap.is_(None), settled + reserved + new.excluded[f"reserved_{kind}"] <= cap)

    kinds = ("tokens", "micros")
    reserving: Insert = new.on_conflict_do_update(
        index_elements=["level", "key"],
        set_={f"reserved_{kind}": column[f"reserved_{kind}"] + new.excluded[f"reserved_{kind}"] for kind in kinds},
        where=and_(*(fits(kind) for kind in kinds)),
    ).returning(column.level)
    return reserving


@cache
def _charging() -> ReturningUpdate[Any]:
    column = budgets.c
    values = {}
    for kind in ("tokens", "micros"):
        values[f"settled_{kind}"] = column[f"settled_{kind}"] + bindparam(f"b_used_{kind}")
        values[f"reserved_{kind}"] = column[f"reserved_{kind}"] - bindparam(f"b_reserved_{kind}")
    charged = update(budgets).where(column.level == bindparam("b_level"), column.key == bindparam("b_key"))
    return charged.values(values).returning(budgets)


@cache
def _capping(dialect: str) -> Insert:
    new = _upsert(dialect)(budgets)
    caps = ("cap_tokens", "cap_micros")
    capping: Insert = new.on_conflict_do_update(
        index_elements=["level", "key"], set_={name: new.excluded[name] for name in caps}
    )
    return capping


@cache
def _reading() -> Select[Any]:
    return select(budgets).where(budgets.c.level == bindparam("b_level"), budgets.c.key == bindparam("b_key"))


@cache
def _taking() -> ReturningDelete[Any]:
    column = reservations.c
    return delete(reservations).where(column.call_id == bindparam("b_call")).returning(column.tokens, column.micros)


@cache
def _recording(dialect: str) -> Insert:
    recording: Insert = _upsert(dialect)(pipeline_prompt_usage).on_conflict_do_nothing(index_elements=["id"])
    return recording
