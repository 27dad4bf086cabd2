"""Whatever JSON a client sends is understood or refused in words; the gateway itself never fails at it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gateway_support import MODELS, PROTOCOLS, body, directory
from hypothesis import given
from hypothesis import strategies as st

from penstock.gateway.denial import Denied
from penstock.gateway.orders import Order, Request, read_order
from penstock.gateway.protocols import WIRES
from penstock.gateway.recordings.folding import folded, name_of_block
from penstock.gateway.recordings.likeness import Comparison
from penstock.gateway.wire import RequestUnfit

TOO_LARGE = "a number that is larger than any"
FIELDS = (
    *("model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "max_output_tokens", "n", "tools"),
    *("functions", "service_tier", "background", "system", "temperature"),
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["", "ü", "user", "tool", "text", "tool_result", "function_call_output", "\ud800", TOO_LARGE]),
)
NAMES = st.sampled_from(["type", "text", "content", "name", "include_usage"])
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=4
)
BLOCKS = st.fixed_dictionaries({}, optional={"type": VALUES, "text": VALUES, "content": VALUES, "output": VALUES})
TURNS = st.fixed_dictionaries(
    {"role": st.just("user") | VALUES, "content": st.lists(BLOCKS, max_size=3) | VALUES},
    optional={"type": VALUES, "output": VALUES},
)
TALKS = st.lists(TURNS, max_size=3) | VALUES
REQUESTS = st.builds(
    lambda plain, talk: {**plain, **talk},
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=2),
    st.fixed_dictionaries({}, optional={"messages": TALKS, "input": TALKS}),
)


def understood(protocol: str, content: bytes) -> Order | None:
    """The order that the bytes are, or None where they are refused."""
    name = MODELS[protocol]
    destination = directory("http://127.0.0.1:1", {}, "").find(name)
    try:
        return read_order(WIRES[protocol], Request(headers={}, body=content), destination, name)
    except (RequestUnfit, Denied):
        return None


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(changed=REQUESTS)
def test_whatever_shape_a_request_has_it_is_an_order_or_is_refused(protocol: str, changed: dict[str, Any]) -> None:
    content = json.dumps({**body(protocol), **changed}).replace(f'"{TOO_LARGE}"', "1e999")
    order = understood(protocol, content.encode())
    if order is not None:
        assert json.loads(order.leaving)["model"] == f"{MODELS[protocol]}-real"
        Comparison(str).likeness(protocol, order.body)
        folded(order.body, name_of_block)
