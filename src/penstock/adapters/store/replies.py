"""Answers to requests that may be repeated, on a database."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, select, update

from penstock.adapters.store.codec import plain_json, storable
from penstock.adapters.store.failures import DatabaseBusy
from penstock.adapters.store.library_tables import idempotency_keys
from penstock.adapters.store.statements import upsert
from penstock.ports.library import KeptReply

if TYPE_CHECKING:
    from datetime import datetime

    from penstock.adapters.store.writer import Writer

KEPT = timedelta(days=1)
TRIES = 100
"""On a server another process may free a key between our taking and our reading it: so often we ask again."""


class SqlReplies:
    """What each key was answered, for a day."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def begin(self, key: str, digest: str, now: datetime) -> KeptReply | None:
        """None for who is the first with this key; else what is known of the first."""
        column = idempotency_keys.c
        row = {"key": storable(key), "digest": digest, "status": 0, "body": "", "headers": "{}", "begun_at": now}

        def work(connection: Connection) -> KeptReply | None:
            connection.execute(delete(idempotency_keys).where(column.begun_at < now - KEPT))
            first = upsert(connection.dialect.name)(idempotency_keys).on_conflict_do_nothing(index_elements=["key"])
            for _ in range(TRIES):
                if connection.execute(first.returning(column.key), row).first() is not None:
                    return None
                found = connection.execute(select(idempotency_keys).where(column.key == row["key"])).one_or_none()
                if found is not None:
                    return KeptReply(
                        digest=found.digest, status=found.status, body=found.body, headers=json.loads(found.headers)
                    )
            raise DatabaseBusy("others take and free the same Idempotency-Key without end", hint="use another key")

        return await self._writer.write(work)

    async def finish(self, key: str, reply: KeptReply) -> None:
        """Keep the answer."""
        said = {"status": reply.status, "body": storable(reply.body), "headers": plain_json(reply.headers)}
        mine = update(idempotency_keys).where(idempotency_keys.c.key == storable(key))
        await self._writer.write(lambda connection: connection.execute(mine.values(said)))

    async def forget(self, key: str) -> None:
        """The key is free again."""
        mine = delete(idempotency_keys).where(idempotency_keys.c.key == storable(key))
        await self._writer.write(lambda connection: connection.execute(mine))
