"""A request whose cost nobody could bound never leaves; one that only looks like it does."""

from __future__ import annotations

from typing import Any

import pytest
from gateway_support import PROTOCOLS, ask, house

from penstock.gateway.bounds import refuse_unbounded
from penstock.gateway.wire import RequestUnfit

FIELDS: list[dict[str, Any]] = [
    {"background": True},
    {"previous_response_id": "resp_1"},
    {"conversation": "conv_1"},
    {"prompt": {"id": "pmpt_1"}},
    {"fallbacks": [{"model": "the-dearest"}]},
    {"models": ["the-dearest"]},
    {"mcp_servers": [{"type": "url", "url": "https://example.org"}]},
    {"web_search_options": {}},
    {"inference_geo": "us"},
    {"service_tier": "priority"},
    {"service_tier": ["auto"]},
    {"speed": "fast"},
    {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
    {"tools": [{"type": "mcp", "server_label": "x", "server_url": "https://example.org"}]},
    {"tools": [{"type": "function", "name": "x"}, {"type": "advisor_20260301", "model": "the-dearest"}]},
]
PLAIN: list[dict[str, Any]] = [
    {"background": False, "previous_response_id": None, "fallbacks": [], "prompt": None},
    {"inference_geo": "global", "service_tier": "auto", "speed": "standard"},
    {"modalities": ["text"], "audio": None},
    {"tools": [{"name": "x", "input_schema": {"properties": {"model": {"type": "string"}}}}]},
    {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 8}]},
]
URL = "https://example.org/a.png"
ELSEWHERE: list[dict[str, Any]] = [
    {"type": "image", "source": {"type": "url", "url": URL}},
    {"type": "document", "source": {"type": "url", "url": URL}},
    {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
    {"type": "document", "source": {"type": "content", "content": [{"type": "image", "source": {"type": "url"}}]}},
    {"type": "tool_result", "content": [{"type": "image", "source": {"type": "file", "file_id": "file_1"}}]},
    {"type": "image_url", "image_url": {"url": URL}},
    {"type": "image_url", "image_url": URL},
    {"type": "file", "file": {"file_id": "file-1"}},
    {"type": "video_url", "video_url": {"url": URL}},
    {"type": "document_url", "document_url": URL},
    {"type": "input_image", "image_url": URL},
    {"type": "input_image", "file_id": "file-1"},
    {"type": "input_file", "file_id": "file-1"},
    {"type": "input_file", "file_url": URL},
]
WITHIN: list[dict[str, Any]] = [
    {"type": "text", "text": URL},
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": URL}},
    {"type": "search_result", "source": URL, "title": "x", "content": [{"type": "text", "text": "y"}]},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
    {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,aGk="}},
    {"type": "input_image", "image_url": "DATA:image/png;base64,aGk="},
    {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}},
    {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="},
    {"type": "tool_use", "id": "t", "name": "fetch", "input": {"type": "input_file", "file_url": URL}},
    {"type": "tool_use", "id": "t", "name": "fetch", "input": {"source": {"type": "url", "url": URL}}},
    {"type": "web_search_tool_result", "content": [{"type": "web_search_result", "url": URL, "title": "x"}]},
]


def says(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "x"}, {"role": "user", "content": list(blocks)}]}


@pytest.mark.parametrize("more", [*FIELDS, {"n": 1000}, {"n": "2"}])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_request_whose_cost_nothing_bounds_never_leaves(protocol: str, more: dict[str, Any]) -> None:
    with house() as home:
        assert ask(home.admit(protocol), protocol, **more).status_code == 400
        assert home.models.requests == ()


@pytest.mark.parametrize("body", PLAIN)
def test_a_request_that_asks_for_nothing_more_is_let_through(body: dict[str, Any]) -> None:
    refuse_unbounded(body)


@pytest.mark.parametrize("block", ELSEWHERE)
def test_a_picture_or_file_that_the_request_does_not_hold_is_refused(block: dict[str, Any]) -> None:
    with pytest.raises(RequestUnfit, match="does not hold"):
        refuse_unbounded(says({"type": "text", "text": "x"}, block))
    with pytest.raises(RequestUnfit, match="does not hold"):
        refuse_unbounded({"input": [{"type": "function_call_output", "call_id": "c", "output": [block]}]})


def test_sound_is_refused_for_what_it_costs_is_not_known() -> None:
    with pytest.raises(RequestUnfit, match="holds sound"):
        refuse_unbounded(says({"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}))
    with pytest.raises(RequestUnfit, match="holds sound"):
        refuse_unbounded({"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]})


@pytest.mark.parametrize("block", WITHIN)
def test_what_a_request_holds_and_what_a_tool_was_told_pass(block: dict[str, Any]) -> None:
    refuse_unbounded(says(block))
    refuse_unbounded({"input": [{"role": "user", "content": [block]}]})


@pytest.mark.parametrize("item", [{"type": "item_reference", "id": "msg_1"}, {"id": "msg_1"}])
def test_an_item_that_the_upstream_keeps_is_refused(item: dict[str, Any]) -> None:
    said = {"role": "user", "content": "x"}
    with pytest.raises(RequestUnfit, match="the upstream keeps"):
        refuse_unbounded({"input": [said, item]})
    refuse_unbounded({"input": [said, {"type": "function_call_output", "id": "msg_1", "output": "x"}]})
    refuse_unbounded({"input": "item_reference"})


def test_blocks_nested_beyond_reason_are_looked_through() -> None:
    block: dict[str, Any] = {"type": "image", "source": {"type": "url", "url": URL}}
    for _ in range(10_000):
        block = {"type": "tool_result", "content": [block]}
    with pytest.raises(RequestUnfit):
        refuse_unbounded(says(block))
