"""Messages of any shape that a provider may answer with, for properties."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

WORDS = st.text(st.characters(codec="utf-8"), max_size=12)
LONG = st.builds(lambda word, times: word * times, WORDS, st.sampled_from([1, 1, 100]))
COUNTS = st.integers(0, 50_000)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(-2, 2), WORDS)
ARGUMENTS = st.dictionaries(WORDS, st.one_of(VALUES, st.lists(VALUES, max_size=2)), max_size=3)
NAMES = st.sampled_from(["Edit", "bash", "exec_command"])

_TEXT = st.fixed_dictionaries(
    {"type": st.just("text"), "text": LONG},
    optional={"citations": st.lists(st.fixed_dictionaries({"cited_text": WORDS}), max_size=2)},
)
_THINKING = st.fixed_dictionaries({"type": st.just("thinking"), "thinking": LONG, "signature": WORDS})
_TOOL = st.fixed_dictionaries(
    {"type": st.sampled_from(["tool_use", "server_tool_use"]), "id": WORDS, "name": NAMES, "input": ARGUMENTS}
)
_OTHER = st.fixed_dictionaries({"type": st.just("redacted_thinking"), "data": WORDS})

ANTHROPIC = st.fixed_dictionaries(
    {
        "id": WORDS,
        "type": st.just("message"),
        "role": st.just("assistant"),
        "model": WORDS,
        "content": st.lists(st.one_of(_TEXT, _THINKING, _TOOL, _OTHER), max_size=4),
        "stop_reason": st.sampled_from(["end_turn", "tool_use", "max_tokens"]),
        "stop_sequence": st.none(),
        "usage": st.fixed_dictionaries(
            {"input_tokens": COUNTS, "output_tokens": COUNTS}, optional={"cache_read_input_tokens": COUNTS}
        ),
    }
)

_CALL = st.builds(
    lambda number, name, arguments: {
        "id": f"call_{number}",
        "type": "function",
        "function": {"name": name, "arguments": json.dumps(arguments)},
    },
    COUNTS,
    NAMES,
    ARGUMENTS,
)
_CHAT_MESSAGE = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": st.one_of(st.none(), LONG)},
    optional={
        "refusal": st.none(),
        "reasoning_content": LONG,
        "tool_calls": st.lists(_CALL, min_size=1, max_size=3),
        "annotations": st.lists(st.fixed_dictionaries({"title": WORDS}), max_size=2),
    },
)


def _chat(messages: list[dict[str, Any]], reason: str, usage: dict[str, Any]) -> dict[str, Any]:
    choices = [{"index": at, "message": said, "finish_reason": reason} for at, said in enumerate(messages)]
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "usage": usage}


CHAT = st.builds(
    _chat,
    st.lists(_CHAT_MESSAGE, min_size=1, max_size=2),
    st.sampled_from(["stop", "tool_calls", "length"]),
    st.fixed_dictionaries({"prompt_tokens": COUNTS, "completion_tokens": COUNTS}),
)

_PART = st.one_of(
    st.fixed_dictionaries({"type": st.just("output_text"), "text": LONG, "annotations": st.just([])}),
    st.fixed_dictionaries({"type": st.just("refusal"), "refusal": WORDS}),
)
_ITEM = st.one_of(
    st.fixed_dictionaries({"type": st.just("message"), "id": WORDS, "content": st.lists(_PART, max_size=2)}),
    st.fixed_dictionaries({"type": st.just("function_call"), "call_id": WORDS, "name": NAMES, "arguments": WORDS}),
    st.fixed_dictionaries({"type": st.just("custom_tool_call"), "call_id": WORDS, "name": NAMES, "input": LONG}),
    st.fixed_dictionaries(
        {
            "type": st.just("reasoning"),
            "id": WORDS,
            "summary": st.lists(st.fixed_dictionaries({"type": st.just("summary_text"), "text": WORDS}), max_size=2),
        }
    ),
    st.fixed_dictionaries({"type": st.just("web_search_call"), "action": ARGUMENTS}),
)


def _response(items: list[dict[str, Any]], usage: dict[str, Any], is_cut: bool) -> dict[str, Any]:
    ending = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    end = ending if is_cut else {"status": "completed", "incomplete_details": None}
    return {"id": "r", "object": "response", "model": "m", "output": items, "usage": usage, "error": None, **end}


RESPONSE = st.builds(
    _response,
    st.lists(_ITEM, max_size=3),
    st.fixed_dictionaries({"input_tokens": COUNTS, "output_tokens": COUNTS}),
    st.booleans(),
)

MESSAGES = {"anthropic": ANTHROPIC, "openai_chat": CHAT, "openai_responses": RESPONSE}
