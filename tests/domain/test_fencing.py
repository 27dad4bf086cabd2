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


def test_what_is_hidden_is_found_wherever_it_stands_and_what_is_plain_stays():
    hidden = [*range(9), *range(0x0B, 0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
    for code in (*hidden, 0xD800, 0xDFFF, *range(0xE0000, 0xE0080)):
        assert chr(code) not in cleaned(f"a{chr(code)}b"), hex(code)
    plain = "Für alle: 日本語, 🩺 and “quotes” — and so on.\n\tx"
    assert cleaned(plain) == plain
