"""A provider's key does not come back however an upstream repeats it; nothing else of an answer changes or waits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise

import pytest
from gateway_support import PROTOCOLS, PROVIDER_KEY, RawUpstream, ask, body, client, house, raw_answer, raw_head
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.redaction import MASK
from penstock.gateway.masking import Masking, masked

KEY = PROVIDER_KEY.encode()
ERROR = {"type": "error", "error": {"type": "authentication_error", "message": f"bad key {PROVIDER_KEY}!"}}


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


@given(places=st.lists(st.integers(min_value=0), max_size=8))
def test_the_key_is_masked_however_an_answer_is_cut(places: list[int]) -> None:
    told = b"a" + KEY + KEY + KEY[:9] + b"s" + KEY + b"z" + KEY[:20]
    masking = Masking(PROVIDER_KEY)
    passed = b"".join(masking.feed(piece) for piece in cut(told, places)) + masking.finish()
    assert passed == told.replace(KEY, MASK.encode())


def test_only_what_may_be_the_beginning_of_the_key_waits() -> None:
    masking = Masking(PROVIDER_KEY)
    assert masking.feed(b"event: mess") == b"event: mes"
    assert masking.feed(b"age\ndata: sk-pro") == b"sage\ndata: "
    assert masking.feed(b"be\n\n") == b"sk-probe\n\n"
    assert masking.finish() == b""


@pytest.mark.parametrize("word", ["", "x", "lm-studio", "sk-no-key-required"])
def test_a_word_that_a_model_may_say_is_not_masked(word: str) -> None:
    told = f"use {word} as the key".encode()
    assert masked(told, word) == told


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_upstream_that_repeats_the_key_in_an_answer_does_not_give_it_away(protocol: str, stream: bool) -> None:
    told = json.dumps(ERROR).encode()
    answer = [raw_head(), b"data: " + told + b"\n\n"] if stream else [raw_answer(told)]
    with RawUpstream(answer) as upstream, house(base_url=upstream.base_url) as home:
        heard = ask(home.admit(protocol), protocol, stream=stream)
        assert heard.status_code == 200
        assert PROVIDER_KEY not in heard.text
        assert f"bad key {MASK}!" in heard.text


def test_neither_does_one_that_counts_tokens() -> None:
    told = json.dumps({"input_tokens": 5, "for": PROVIDER_KEY}).encode()
    with RawUpstream([raw_answer(told)]) as upstream, house(base_url=upstream.base_url) as home:
        with client(home.admit()) as agent:
            heard = agent.post("/v1/messages/count_tokens", json=body("anthropic"))
        assert heard.json() == {"input_tokens": 5, "for": MASK}
