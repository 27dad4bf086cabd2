"""What is asked of usage, as one query over its rollups; pieces of days come from the records themselves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, String, case, exists, false, func, literal_column, select, type_coerce, union, union_all

from penstock.adapters.store.codec import storable
from penstock.adapters.store.rollup_tables import SUMS, usage_by_day, usage_by_pipeline
from penstock.adapters.store.rollups import DAY
from penstock.adapters.store.usage_spans import A_DAY, Span, beginning, span_of
from penstock.adapters.store.usage_tables import pipeline_prompt_usage

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Table

    from penstock.ports.library import UsageFilter

FEW = 4
"""Of at most a fourth of all days the rows are looked up one by one; of more it is faster to read all."""

_TEXTS = ("pipeline_id", "project", "phase_name", "role_name", "model", "agent")

# Not parameters: a server would not see that two of them are the same.
_EMPTY: ColumnElement[str] = literal_column("''")
_ONE: ColumnElement[int] = literal_column("1")
_NONE: ColumnElement[int] = literal_column("0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Where some of the numbers are: its columns by the names that all parts share, and which rows are meant."""

    columns: dict[str, ColumnElement[Any]]
    conditions: list[ColumnElement[bool]] = field(default_factory=list)
    is_of_pieces: bool = False
    """It is of the records themselves."""


def parts_of(connection: Connection, wanted: UsageFilter, *, by_pipeline: bool) -> list[Part]:
    """Where what is wanted is found; with pipelines told apart, or all together where none is asked for."""
    known = _known_days(connection)
    span = span_of(*_within(wanted, known))
    told_apart = by_pipeline or bool(wanted.pipeline)
    found = []
    if span.has_days or not span.pieces:
        table = usage_by_pipeline if told_apart else usage_by_day
        found.append(_days(table, span, is_looked_up=_is_few(span, known), dialect=connection.dialect.name))
    found += [_piece(since, until) for since, until in span.pieces]
    return [replace(part, conditions=[*part.conditions, *_meant(part, wanted)]) for part in found]


def grouped(parts: list[Part], *keys: str) -> Select[Any]:
    """The sums of all parts for each combination of these columns."""
    each = [
        select(*(part.columns[name].label(name) for name in keys), *(_sum(part.columns[name], name) for name in SUMS))
        .where(*part.conditions)
        .group_by(*(part.columns[name] for name in keys))
        for part in parts
    ]
    if len(each) == 1:
        return each[0]
    whole = union_all(*each).subquery()
    columns = [whole.c[name] for name in keys]
    return select(*columns, *(_sum(whole.c[name], name) for name in SUMS)).group_by(*columns)


def combinations(parts: list[Part], *keys: str) -> Select[Any]:
    """Each combination of these columns that there is, once."""
    first, *others = parts
    if not others:
        return _distinct(first, keys)
    if first.is_of_pieces:
        whole = union(*(_distinct(part, keys) for part in parts)).subquery()
    else:
        # To put all of them together only to find what is twice would cost as much again: most are in the whole days.
        new = union(*(_distinct(_without(part, first, keys), keys) for part in others)).subquery()
        whole = union_all(_distinct(first, keys), select(*(new.c[name] for name in keys))).subquery()
    return select(*(whole.c[name] for name in keys))


def _distinct(part: Part, keys: tuple[str, ...]) -> Select[Any]:
    return select(*(part.columns[name].label(name) for name in keys)).where(*part.conditions).distinct()


def _without(part: Part, seen: Part, keys: tuple[str, ...]) -> Part:
    same = (part.columns[name] == seen.columns[name] for name in keys)
    return replace(part, conditions=[*part.conditions, ~exists().where(*seen.conditions, *same)])


def _known_days(connection: Connection) -> tuple[date, date] | None:
    """The first and the last day of any usage."""
    day = usage_by_day.c.day
    first, last = (select(func.min(day)).scalar_subquery(), select(func.max(day)).scalar_subquery())
    found = connection.execute(select(first, last)).one()
    return None if found[0] is None else (date.fromisoformat(found[0]), date.fromisoformat(found[1]))


def _within(wanted: UsageFilter, known: tuple[date, date] | None) -> tuple[datetime | None, datetime | None]:
    """The borders that exclude anything."""
    since, until = wanted.since, wanted.until
    if known is not None:
        since = None if since is not None and since <= beginning(known[0]) else since
        until = None if until is not None and until >= beginning(known[1]) + A_DAY else until
    return since, until


def _is_few(span: Span, known: tuple[date, date] | None) -> bool:
    if known is None:
        return True
    first, end = span.first or known[0], span.end or known[1] + A_DAY
    return (end - first) * FEW <= known[1] + A_DAY - known[0]


def _days(table: Table, span: Span, *, is_looked_up: bool, dialect: str) -> Part:
    columns: dict[str, ColumnElement[Any]] = {column.name: column for column in table.columns}
    if table is usage_by_pipeline:
        columns["of_pipeline"] = table.c.pipeline_id != _EMPTY
    if not is_looked_up and dialect == "sqlite":
        # The sign keeps SQLite from the index, which it takes whenever there is one; a server decides by what it knows.
        columns["day"] = literal_column(f"+{table.name}.day", String)
    day = columns["day"]
    conditions: list[ColumnElement[bool]] = [] if span.has_days else [false()]
    if span.first is not None:
        conditions.append(day >= span.first.isoformat())
    if span.end is not None:
        conditions.append(day < span.end.isoformat())
    return Part(columns=columns, conditions=conditions)


def _piece(since: datetime, until: datetime) -> Part:
    column = pipeline_prompt_usage.c
    used_at: ColumnElement[str] = type_coerce(column.used_at, String)
    columns: dict[str, ColumnElement[Any]] = {
        "day": func.substr(used_at, _ONE, literal_column(str(DAY))),
        **{name: func.coalesce(column[name], _EMPTY) for name in _TEXTS},
        "of_pipeline": column.pipeline_id.is_not(None),
        "calls": _ONE,
        "input_tokens": column.input_tokens,
        "output_tokens": column.output_tokens,
        "cost_usd": func.coalesce(column.cost_usd, _NONE),
        "price_unknown": case((column.price_unknown, _ONE), else_=_NONE),
    }
    within = [column.used_at >= since, column.used_at < until]
    return Part(columns=columns, conditions=within, is_of_pieces=True)


def _meant(part: Part, wanted: UsageFilter) -> list[ColumnElement[bool]]:
    asked = {
        "project": wanted.project,
        "pipeline_id": wanted.pipeline,
        "phase_name": wanted.phase,
        "role_name": wanted.role,
    }
    return [part.columns[name] == storable(value) for name, value in asked.items() if value]


def _sum(column: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    return func.sum(column).label(name)
