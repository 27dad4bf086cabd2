"""Fences that no text can end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.fencing import FENCE, cleaned, fenced, nonce_for


@given(st.lists(st.text(), max_size=4))
def test_no_text_holds_the_word_of_its_fence(texts: list[str]) -> None:
    nonce = nonce_for(["a"], texts)
    assert nonce == nonce_for(["a"], texts)
    assert not any(nonce in text.casefold() for text in texts)


def test_a_fence_names_what_it_holds_in_plain_letters() -> None:
    told = fenced("0" * 16, "text", 'a "label">\n' + "x" * 90)
    assert told.startswith('<data-0000000000000000 of="a  label x')
    assert told.splitlines()[1:] == ["text", "</data-0000000000000000>"]
    assert FENCE.search(told)


def test_nothing_hidden_stays() -> None:
    assert cleaned("a\r\nb\x1b[31mc\u202ed\x00") == "a\nbc\ufffdd\ufffd"
