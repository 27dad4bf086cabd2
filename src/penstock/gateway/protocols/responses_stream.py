"""The events that tell a recorded message of OpenAI Responses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from penstock.gateway.protocols.telling import event, pieces
from penstock.gateway.protocols.untrusted import objects, text
from penstock.gateway.wire import Json

_Told = tuple[str, dict[str, Any]]
_ARGUMENTS: Mapping[str, tuple[str, str]] = {
    "function_call": ("arguments", "response.function_call_arguments"),
    "custom_tool_call": ("input", "response.custom_tool_call_input"),
}
"""Which text of an item comes in pieces, and by which events."""


def stream(message: Json) -> Iterator[bytes]:
    """All of them, numbered."""
    for number, (kind, content) in enumerate(_all(message)):
        yield event({"type": kind, "sequence_number": number, **content}, kind)


def _all(message: Json) -> Iterator[_Told]:
    begun = {**message, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    for index, item in enumerate(objects(message.get("output"))):
        yield "response.output_item.added", {"output_index": index, "item": _begun(item)}
        for kind, content in _inside(item):
            yield kind, {"output_index": index, "item_id": text(item.get("id")), **content}
        yield "response.output_item.done", {"output_index": index, "item": item}
    ending = "response.incomplete" if message.get("status") == "incomplete" else "response.completed"
    yield ending, {"response": message}


def _begun(item: Mapping[str, Any]) -> dict[str, Any]:
    kind = text(item.get("type"))
    begun = dict(item)
    if "status" in item:
        begun["status"] = "in_progress"
    if kind in _ARGUMENTS:
        begun[_ARGUMENTS[kind][0]] = ""
    for name in ("content", "summary"):
        if isinstance(item.get(name), list) and kind in {"message", "reasoning"}:
            begun[name] = []
    return begun


def _inside(item: Mapping[str, Any]) -> Iterator[_Told]:
    kind = text(item.get("type"))
    if kind in _ARGUMENTS:
        name, stem = _ARGUMENTS[kind]
        for piece in pieces(text(item.get(name))):
            yield f"{stem}.delta", {"delta": piece}
        yield f"{stem}.done", {name: text(item.get(name))}
    elif kind == "message":
        for index, part in enumerate(objects(item.get("content"))):
            yield from _part(index, part)
    elif kind == "reasoning":
        for index, part in enumerate(objects(item.get("summary"))):
            yield from _summary(index, part)


def _part(index: int, part: Mapping[str, Any]) -> Iterator[_Told]:
    place = {"content_index": index}
    name, stem = ("refusal", "refusal") if part.get("type") == "refusal" else ("text", "output_text")
    said = text(part.get(name))
    empty = {**part, name: "", **({"annotations": []} if "annotations" in part else {})}
    yield "response.content_part.added", {**place, "part": empty}
    for piece in pieces(said):
        yield f"response.{stem}.delta", {**place, "delta": piece}
    yield f"response.{stem}.done", {**place, name: said}
    yield "response.content_part.done", {**place, "part": part}


def _summary(index: int, part: Mapping[str, Any]) -> Iterator[_Told]:
    place, said = {"summary_index": index}, text(part.get("text"))
    yield "response.reasoning_summary_part.added", {**place, "part": {**part, "text": ""}}
    for piece in pieces(said):
        yield "response.reasoning_summary_text.delta", {**place, "delta": piece}
    yield "response.reasoning_summary_text.done", {**place, "text": said}
    yield "response.reasoning_summary_part.done", {**place, "part": part}
