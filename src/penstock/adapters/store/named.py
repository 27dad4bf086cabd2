"""A statement whose row comes by name, compiled once: for what is sent one by one. Events go a faster way, by place."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

from sqlalchemy import Connection, Delete, Insert, Select, Update


class Named:
    """One statement, sent through the driver within the transaction that is under way."""

    def __init__(self, statement: Insert | Update | Delete | Select[Any]) -> None:
        self._statement = statement
        self._compiled: tuple[str, tuple[str, ...] | None] | None = None

    def send(self, connection: Connection, row: Mapping[str, Any]) -> None:
        """Send one row."""
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute(*self._ready(connection, row))

    def ask(self, connection: Connection, row: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Send one row; what the statement returns."""
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute(*self._ready(connection, row))
            return list(cursor.fetchall())

    def _ready(self, connection: Connection, row: Mapping[str, Any]) -> tuple[str, Any]:
        if self._compiled is None:
            columns = [name for name in row if not name.startswith("b_")]
            compiled: Any = self._statement.compile(dialect=connection.dialect, column_keys=columns)
            self._compiled = str(compiled), getattr(compiled, "positiontup", None)
        text, order = self._compiled
        if order is None:
            return text, row  # a driver that takes names
        return text, tuple(map(row.__getitem__, order))
