"""Untrusted text comes out harmless, and columns stay columns."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.reports.plain import clean, columns, counted, duration, markdown, one_line, width


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[Hgone", "gone"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;c3RvbGVu\x07", ""),
        ("\x9b31mred", "red"),
        ("\x1bPq#0\x1b\\sixel", "sixel"),
        ("\x1bcreset", "reset"),
        ("over\rwritten", "overwritten"),
        ("back\x08\x08space\x7f", "backspace"),
        ("\u202eturned\u2066", "turned"),
        ("a\r\nb\u2028c", "a\nb\nc"),
        ("\x90;\x9dtitle\x9ctext", ";text"),
        ("tab\there", "tab    here"),
        ("unfinished \x1b]0;", "unfinished 0;"),
    ],
)
def test_what_steers_a_terminal_is_taken_out(hostile: str, harmless: str) -> None:
    assert clean(hostile) == harmless


@given(st.text())
def test_nothing_that_steers_is_left_of_any_text(text: str) -> None:
    left = clean(text)
    assert not [char for char in left if (ord(char) < 32 and char != "\n") or 0x7F <= ord(char) <= 0x9F]
    assert clean(left) == left


@pytest.mark.parametrize("part", ["\x1b]", "\x1b[", "\x9d", "\x90;", "\x9b0", "\x1b]\x98"])
def test_a_long_hostile_text_is_cleaned_in_linear_time(part: str) -> None:
    def taken(length: int) -> float:
        text, begin = part * (length // len(part)), time.process_time()
        clean(text)
        return time.process_time() - begin

    taken(100)
    assert taken(40_000) < 40 * taken(4_000) + 0.05


def test_one_line_is_one_line_of_bounded_length() -> None:
    assert one_line("a\n b\x1b[1m\tc") == "a b c"
    assert one_line("x" * 50, 10) == "x" * 9 + "…"


def test_wide_characters_take_two_columns_and_marks_none() -> None:
    assert (width("abc"), width("日本"), width("e\u0301")) == (3, 4, 1)
    assert columns([("日本", "x"), ("abcd", "y")]) == ["日本  x", "abcd  y"]


def test_the_last_column_is_not_padded_and_rows_may_differ_in_length() -> None:
    assert columns([("a", "long text"), ("bbb",), ("c", "d")], indent="  ") == ["  a    long text", "  bbb", "  c    d"]


def test_spans_and_counts_are_said_in_words() -> None:
    assert [duration(seconds) for seconds in (0.4, 59.9, 192, 7500)] == ["0 s", "59 s", "3 min 12 s", "2 h 5 min"]
    assert (counted(1, "bundle"), counted(0, "bundle")) == ("1 bundle", "0 bundles")


def test_markdown_has_no_marks_of_others() -> None:
    assert markdown("<b>*x*|[y](z)\n# h") == r"\<b\>\*x\*\|\[y\]\(z\) \# h"
