"""An answer is the same however its bytes are cut, ends where it says, and nothing that is no answer passes for one."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.gateway.failures import AnswerUnreadable
from penstock.gateway.incoming import LARGEST_ANSWER, MOST_AROUND, Incoming

CHUNKS = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nx-late: b\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nX-One: a \r\ntransfer-encoding: chunked\r\n\r\n" + CHUNKS
SIZED = b"HTTP/1.1 200 OK\r\nx-one: a\r\ncontent-length: 5\r\n\r\nabcde"
EARLY = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"


def fed(*pieces: bytes) -> Incoming:
    incoming = Incoming()
    for piece in pieces:
        incoming.feed(piece)
    return incoming


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(place % len(data) for place in places), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


def taken(incoming: Incoming) -> bytes:
    return b"".join(iter(incoming.take, b""))


@pytest.mark.parametrize("answer", [CHUNKED, SIZED, EARLY + CHUNKED, EARLY + SIZED])
@given(places=st.lists(st.integers(min_value=0), max_size=8))
def test_an_answer_is_the_same_however_it_is_cut(answer: bytes, places: list[int]) -> None:
    incoming = fed(*cut(answer, places))
    assert (incoming.status, incoming.is_complete, incoming.is_last, incoming.waiting) == (200, True, False, 5)
    assert incoming.headers[0][0].lower() == b"x-one"
    assert incoming.headers[0][1] == b"a"
    assert len(incoming.headers) == len(incoming.named) == 2
    assert taken(incoming) == b"abcde"
    assert incoming.waiting == 0


@pytest.mark.parametrize("answer", [CHUNKED, SIZED])
def test_an_answer_that_says_how_long_it_is_has_not_come_before_its_end(answer: bytes) -> None:
    for size in range(len(answer)):
        incoming = fed(answer[:size])
        incoming.end()
        assert not incoming.is_complete
        assert incoming.is_last


def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    incoming = fed(b"HTTP/1.1 200 OK\r\n\r\nabc")
    assert not incoming.is_complete
    incoming.end()
    assert (incoming.is_complete, incoming.is_last, taken(incoming)) == (True, True, b"abc")


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK", b"HTTP/1.1 200 OK\r\nconnection: close"])
def test_a_connection_that_will_be_closed_carries_no_other_answer(head: bytes) -> None:
    incoming = fed(head + b"\r\ncontent-length: 0\r\n\r\n")
    assert (incoming.is_complete, incoming.is_last) == (True, True)


@pytest.mark.parametrize("more", [SIZED, b"nonsense"])
def test_what_follows_an_answer_is_no_part_of_it_and_spoils_its_connection(more: bytes) -> None:
    incoming = fed(SIZED + more)
    assert (incoming.is_complete, incoming.is_last, taken(incoming)) == (True, True, b"abcde")
    assert len(incoming.headers) == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nplain",
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * MOST_AROUND,
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * (MOST_AROUND // 20),
    ],
)
def test_what_is_no_answer_is_refused(answer: bytes) -> None:
    with pytest.raises(AnswerUnreadable):
        fed(answer)


@pytest.mark.parametrize(("packing", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
@given(places=st.lists(st.integers(min_value=0), max_size=4))
def test_what_was_packed_in_several_parts_is_unpacked_to_its_end(packing: str, pack: object, places: list[int]) -> None:
    assert callable(pack)
    packed = pack(b"abc") + pack(b"") + pack(b"de")
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: {packing}\r\ncontent-length: {len(packed)}\r\n\r\n"
    assert taken(fed(head.encode(), *cut(packed, places))) == b"abcde"


@pytest.mark.parametrize("packing", ["br", "zstd", "gzip, br", "compress"])
def test_what_is_packed_as_nobody_asked_is_said_once_its_head_was_heard(packing: str) -> None:
    incoming = fed(f"HTTP/1.1 200 OK\r\ncontent-encoding: {packing}\r\ncontent-length: 5\r\n\r\n".encode())
    assert incoming.has_begun
    with pytest.raises(AnswerUnreadable, match=f'packed by "{packing}"'):
        incoming.feed(b"abcde")
    assert taken(incoming) == b""


def test_what_says_that_it_is_not_packed_is_plain() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: Identity\r\ncontent-length: 5\r\n\r\n"
    assert taken(fed(head + b"abcde")) == b"abcde"


@pytest.mark.parametrize(("packing", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_what_was_packed_unasked_is_unpacked(packing: str, pack: object) -> None:
    assert callable(pack)
    packed = pack(b"abcde" * 100)
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: {packing}\r\ncontent-length: {len(packed)}\r\n\r\n"
    assert taken(fed(head.encode(), packed[:9], packed[9:])) == b"abcde" * 100


def test_a_packed_piece_that_holds_more_than_is_passed_on_is_not_unpacked() -> None:
    packed = gzip.compress(bytes(LARGEST_ANSWER + 1))
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(packed)}\r\n\r\n"
    incoming = fed(head.encode())
    with pytest.raises(AnswerUnreadable, match="larger than is passed on"):
        incoming.feed(packed)
    assert incoming.waiting == 0
