"""What was answered to a request with a key is answered again for a day, and the first with a key is told so."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from journal_driving import START

from penstock.ports.library import KeptReply

if TYPE_CHECKING:
    from penstock.adapters.store.opening import Database

DONE = KeptReply(digest="d", status=201, body='{"ü": "\U0001f600"}', headers={"location": "/pipelines/1"})


def test_the_first_with_a_key_is_told_so_and_all_others_what_is_known_of_it(database: Database) -> None:
    async def main() -> None:
        replies = database.replies
        begun = await asyncio.gather(*(replies.begin("k", "d", START) for _ in range(3)))
        assert sorted(begun, key=lambda one: one is not None) == [None, KeptReply(digest="d"), KeptReply(digest="d")]
        await replies.finish("k", DONE)
        assert await replies.begin("k", "another", START) == DONE
        assert await replies.begin("other", "d", START) is None

    asyncio.run(main())


def test_a_key_that_is_forgotten_is_free_again(database: Database) -> None:
    async def main() -> None:
        replies = database.replies
        await replies.begin("k", "d", START)
        await replies.forget("k")
        assert await replies.begin("k", "e", START) is None
        assert await replies.begin("k", "e", START) == KeptReply(digest="e")
        await replies.finish("nobody", DONE)
        assert await replies.begin("nobody", "d", START) is None

    asyncio.run(main())


def test_what_is_older_than_a_day_is_forgotten(database: Database) -> None:
    async def main() -> None:
        replies = database.replies
        await replies.begin("k", "d", START)
        await replies.finish("k", DONE)
        assert await replies.begin("k", "d", START + timedelta(days=1)) == DONE
        assert await replies.begin("k", "d", START + timedelta(days=1, seconds=1)) is None

    asyncio.run(main())
