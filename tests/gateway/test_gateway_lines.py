"""A line serves one call after another, and none once it has ended, spoken unasked or been left in mid-answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from penstock.gateway.failures import (
    AnswerUnreadable,
    LineBroken,
    LineWasOver,
    UpstreamHungUp,
    UpstreamSilent,
    UpstreamUnreachable,
)
from penstock.gateway.line import AT_ONCE, MOST_WAITING
from penstock.gateway.lines import KEPT, MOST_FREE, Lines, Place, Reply
from penstock.gateway.settings import UpstreamSettings

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
BODY = b'{"a":1}'


@dataclass(kw_only=True)
class Upstream:
    """A server that answers the requests of each connection with the next of these bytes, then hangs up."""

    answers: Sequence[bytes]
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        for answer in self.answers:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head + await reader.readexactly(len(BODY)))
            except asyncio.IncompleteReadError:
                return
            writer.write(answer)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def upstream(*answers: bytes) -> AsyncIterator[tuple[Upstream, Lines]]:
    made = Upstream(answers=answers)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    settings = UpstreamSettings(protocol="openai", base_url=f"http://127.0.0.1:{made.port}/v1/", idle_timeout=10.0)
    lines = Lines(settings=settings)
    try:
        yield made, lines
    finally:
        lines.close()
        server.close()
        for connection in made.connections:
            connection.transport.abort()
        await settled()


async def post(lines: Lines, **more: float) -> Reply:
    return await lines.post("/chat?beta=true", {"x-key": "k"}, BODY, **more)


async def whole(lines: Lines) -> bytes:
    reply = await post(lines)
    try:
        return b"".join([piece async for piece in reply.chunks])
    finally:
        reply.close()


async def settled() -> None:
    """Until what the other side did has come here."""
    for _ in range(50):
        await asyncio.sleep(0)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 20.0))


def test_one_line_carries_many_calls_and_says_what_it_must() -> None:
    async def main() -> None:
        async with upstream(ANSWER, ANSWER, ANSWER) as (server, lines):
            assert [await whole(lines) for _ in range(3)] == [b"ok"] * 3
            assert len(server.connections) == 1
            host = f"127.0.0.1:{server.port}".encode()
            head = b"POST /v1/chat?beta=true HTTP/1.1\r\nhost: " + host + b"\r\nx-key: k\r\ncontent-length: 7\r\n\r\n"
            assert server.requests == [head + BODY] * 3

    run(main)


def test_calls_at_once_have_lines_of_their_own() -> None:
    async def main() -> None:
        async with upstream(*[ANSWER] * 9) as (server, lines):
            await asyncio.gather(*(whole(lines) for _ in range(MOST_FREE + 2)))
            assert len(server.connections) == MOST_FREE + 2
            assert len(lines._free) == MOST_FREE

    run(main)


@pytest.mark.parametrize(
    "answers", [(ANSWER,), (ANSWER + b"HTTP/1.1 408 Timeout\r\n\r\n", ANSWER), (ANSWER.replace(b"1.1", b"1.0"), ANSWER)]
)
def test_a_line_that_ended_or_said_more_carries_no_other_call(answers: tuple[bytes, ...]) -> None:
    async def main() -> None:
        async with upstream(*answers) as (server, lines):
            for _ in range(2):
                assert await whole(lines) == b"ok"
                await settled()
            assert len(server.connections) == 2

    run(main)


def test_a_line_that_was_stopped_for_a_slow_reader_is_still_seen_to_end() -> None:
    async def main() -> None:
        size = MOST_WAITING + 1
        async with upstream(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + bytes(size)) as (server, lines):
            for _ in range(2):
                reply = await post(lines)
                await settled()
                assert sum([len(piece) async for piece in reply.chunks]) == size
                reply.close()
                await settled()
            assert len(server.connections) == 2

    run(main)


def test_a_line_that_was_free_for_too_long_is_not_used() -> None:
    async def main() -> None:
        async with upstream(ANSWER, ANSWER) as (_, lines):
            await whole(lines)
            (line,) = lines._free
            assert line.is_fresh(KEPT)
            assert not line.is_fresh(0.0)

    run(main)


def test_what_is_said_unasked_ends_a_free_line() -> None:
    async def main() -> None:
        async with upstream(ANSWER, ANSWER) as (server, lines):
            await whole(lines)
            server.connections[0].write(ANSWER.replace(b"ok", b"no"))
            await server.connections[0].drain()
            await settled()
            assert await whole(lines) == b"ok"
            assert len(server.connections) == 2

    run(main)


def test_an_answer_that_is_left_in_the_middle_ends_its_line() -> None:
    async def main() -> None:
        half = ANSWER.replace(b"length: 2", b"length: 9")
        async with upstream(half, ANSWER) as (server, lines):
            (await post(lines)).close()
            (await post(lines)).close()
            assert len(server.connections) == 2

    run(main)


@pytest.mark.parametrize(
    ("answers", "failure"),
    [((b"",), UpstreamHungUp), ((ANSWER[:-1],), UpstreamHungUp), ((b"nonsense\r\n\r\n", b""), AnswerUnreadable)],
)
def test_what_broke_is_said_by_its_kind(answers: tuple[bytes, ...], failure: type[LineBroken]) -> None:
    async def main() -> None:
        async with upstream(*answers) as (_, lines):
            with pytest.raises(failure):
                await whole(lines)

    run(main)


@pytest.mark.parametrize(
    ("answers", "failure"),
    [((b"",), UpstreamHungUp), ((ANSWER, b""), LineWasOver), ((ANSWER, ANSWER[:9]), UpstreamHungUp)],
)
def test_only_a_line_that_has_served_and_ends_without_a_word_was_over(
    answers: tuple[bytes, ...], failure: type[LineBroken]
) -> None:
    async def main() -> None:
        async with upstream(*answers) as (_, lines):
            for _ in answers[1:]:
                await whole(lines)
            with pytest.raises(LineBroken) as caught:
                await whole(lines)
            assert type(caught.value) is failure

    run(main)


def test_a_line_that_ends_later_than_at_once_was_not_over_before() -> None:
    async def main() -> None:
        async with upstream(ANSWER, b"", b"") as (server, lines):
            await whole(lines)
            (line,) = lines._free
            asked = asyncio.ensure_future(whole(lines))
            await settled()
            line._asked_at -= AT_ONCE
            server.connections[0].close()
            with pytest.raises(UpstreamHungUp) as caught:
                await asked
            assert type(caught.value) is UpstreamHungUp

    run(main)


def test_a_request_leaves_when_there_is_a_line_for_it() -> None:
    async def main() -> None:
        left = list[str]()
        async with upstream(b"") as (_, lines):
            with pytest.raises(UpstreamHungUp):
                await lines.post("/", {}, BODY, leaves=lambda: left.append("once"))
        with pytest.raises(UpstreamUnreachable):
            await lines.post("/", {}, BODY, leaves=lambda: left.append("never"))
        assert left == ["once"]

    run(main)


def test_an_upstream_that_says_nothing_is_given_up() -> None:
    async def main() -> None:
        async with upstream(b"", b"") as (_, lines):
            with pytest.raises(UpstreamSilent):
                await post(lines, patience=0.05)

    run(main)


def test_nobody_there_is_told_from_somebody_who_hangs_up() -> None:
    async def main() -> None:
        async with upstream() as (server, lines):
            pass
        assert server.port
        with pytest.raises(UpstreamUnreachable):
            await whole(lines)

    run(main)


def test_an_upstream_writes_no_faster_than_its_answer_is_read() -> None:
    async def main() -> None:
        size = 64 * 1024 * 1024
        async with upstream(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + bytes(size), b"") as (_, lines):
            reply = await post(lines)
            await settled()
            assert 0 < reply._line._incoming.waiting < 2 * MOST_WAITING
            assert sum([len(piece) async for piece in reply.chunks]) == size
            reply.close()

    run(main)


@pytest.mark.parametrize(
    ("address", "host", "port", "path", "named"),
    [
        ("http://127.0.0.1:80/", "127.0.0.1", 80, "", "127.0.0.1:80"),
        ("http://localhost/v1", "localhost", 80, "/v1", "localhost"),
        ("http://[::1]:9/a b/ü", "::1", 9, "/a%20b/%C3%BC", "[::1]:9"),
        ("https://bücher.example/v1/", "bücher.example", 443, "/v1", "xn--bcher-kva.example"),
    ],
)
def test_an_address_says_where_to_call_and_by_what_name(
    address: str, host: str, port: int, path: str, named: str
) -> None:
    place = Place.of(address)
    assert (place.host, place.port, place.path, place.named) == (host, port, path, named)
    assert (place.context is None) == address.startswith("http:")
