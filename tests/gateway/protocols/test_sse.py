"""Streams are cut into the same events wherever their chunks were cut, and lose no byte."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.gateway.protocols.sse import Event, Splitter, written

STREAMS = st.lists(
    st.sampled_from(
        [b"data: x", b"data:y", b": note", b"event: e", b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n", b"z" * 9]
    ),
    max_size=12,
).map(b"".join)


def split(stream: bytes, cuts: list[int], *, largest: int = 1000) -> list[Event]:
    splitter = Splitter(largest)
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    found = [event for one, other in pairwise(edges) for event in splitter.feed(stream[one:other])]
    return [*found, *splitter.finish()]


@given(stream=STREAMS, cuts=st.lists(st.integers(0, 200), max_size=8))
def test_events_are_the_same_wherever_the_chunks_were_cut(stream: bytes, cuts: list[int]) -> None:
    assert split(stream, cuts) == split(stream, [])
    assert b"".join(event.raw for event in split(stream, cuts)) == stream


@given(stream=STREAMS, cuts=st.lists(st.integers(0, 200), max_size=8), largest=st.integers(4, 30))
def test_too_large_events_go_through_in_pieces_and_the_others_are_read_all_the_same(
    stream: bytes, cuts: list[int], largest: int
) -> None:
    events = split(stream, cuts, largest=largest)
    assert b"".join(event.raw for event in events) == stream
    readable = [event.raw for event in split(stream, []) if len(event.raw) <= largest]
    assert [event.raw for event in events if not event.is_piece] == readable


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_kind_of_line_end_ends_an_event(end: bytes) -> None:
    one, two = b"event: a" + end + b"data: 1" + end + b"data: 2" + end + end, b"data:3" + end + end
    assert [(event.raw, event.data) for event in split(one + two, [])] == [(one, b"1\n2"), (two, b"3")]


def test_an_event_counts_as_soon_as_its_blank_line_is_there() -> None:
    splitter = Splitter()
    assert list(splitter.feed(b"data: 1\n")) == []
    assert [event.data for event in splitter.feed(b"\ndata: 2")] == [b"1"]


def test_the_last_event_needs_no_blank_line() -> None:
    assert [event.data for event in split(b"data: 1\n\ndata: 2", [])] == [b"1", b"2"]


def test_comments_and_blank_lines_have_no_data() -> None:
    assert [event.data for event in split(b": still here\n\n\n\n", [])] == [None, None]


def test_a_mark_of_byte_order_does_not_hide_the_first_event() -> None:
    assert [event.data for event in split(b"\xef\xbb\xbfdata: 1\n\n", [])] == [b"1"]


def test_what_waits_for_its_end_is_bounded() -> None:
    splitter, passed = Splitter(1000), 0
    for _ in range(100):
        passed += sum(len(event.raw) for event in splitter.feed(b"x" * 100))
    assert passed >= 100 * 100 - 1000


@given(data=st.binary(max_size=40).filter(lambda data: b"\n" not in data and b"\r" not in data))
def test_a_written_event_is_read_again(data: bytes) -> None:
    assert [event.data for event in split(written(data, "name"), [3])] == [data]
