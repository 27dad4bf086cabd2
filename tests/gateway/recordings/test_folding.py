"""Messages come apart into blocks and together again; each distinct block is there once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recording_support import asks

from message_shapes import MESSAGES
from penstock.gateway.recordings.folding import BLOCK, canonical, folded, masked, name_of_block, unfolded

KEYS = st.sampled_from(
    ["messages", "message", "choices", "content", "input", "role", "tools", "system", BLOCK, "other"]
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


def there_and_back(value: dict[str, Any]) -> dict[str, Any]:
    blocks: dict[object, Any] = {}

    def put(block: Any) -> str:
        name = name_of_block(block)
        blocks[name] = block
        return name

    return unfolded(folded(value, put), lambda name: blocks[name])


@given(st.dictionaries(KEYS, JSON, max_size=4))
def test_anything_comes_together_as_it_was(value: dict[str, Any]) -> None:
    assert canonical(there_and_back(value)) == canonical(value)


@pytest.mark.parametrize("name", sorted(MESSAGES))
@given(data=st.data())
def test_messages_of_every_protocol_come_together_as_they_were(name: str, data: st.DataObject) -> None:
    message = data.draw(MESSAGES[name])
    assert there_and_back(message) == message


def test_a_conversation_that_grows_adds_only_its_new_blocks() -> None:
    names: list[str] = []

    def put(block: Any) -> str:
        names.append(name_of_block(block))
        return names[-1]

    folded(asks(outputs=("one",)), put)
    first = set(names)
    folded(asks(outputs=("one", "two")), put)
    assert len(set(names) - first) == 2  # the second call of the tool, and what it answered
    assert len(first) == 4


def test_every_text_is_changed_names_too() -> None:
    assert masked({"a": ["a", {"b": "a"}], "n": 1}, lambda text: text.replace("a", "x")) == {
        "x": ["x", {"b": "x"}],
        "n": 1,
    }
