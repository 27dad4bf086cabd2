"""Whether a connection to a Postgres server has ended, without a word to the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from typing import Any


def has_ended(connection: psycopg.Connection[Any]) -> bool:
    """Read what the server said last, if anything: asked before every transaction, it costs microseconds."""
    try:
        for _ in range(2):  # its last words, then the end
            connection.pgconn.consume_input()
    except psycopg.OperationalError:
        return True
    return connection.closed
