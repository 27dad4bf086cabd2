"""What a request may not ask for: what costs more than its bytes and its limit of output show. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from penstock.gateway.protocols.untrusted import mapping, objects, text, word
from penstock.gateway.wire import Json, RequestUnfit

MOST_ANSWERS = 16

_NOT_BOUNDED = "what it costs could not be bounded"
_UNBOUNDED = (
    "background",
    "conversation",
    "fallbacks",
    "mcp_servers",
    "models",
    "previous_response_id",
    "prompt",
    "web_search_options",
)
"""Fields by which a request costs what its bytes don't show, may be answered by other models, or goes on when nobody
reads it any more.
"""
_UNSET: tuple[object, ...] = (None, False, "", [])
_PLAIN: dict[str, tuple[object, ...]] = {
    "audio": (None,),
    "inference_geo": (None, "global"),
    "modalities": (None, ["text"]),
    "service_tier": (None, "auto", "default", "standard", "standard_only", "flex"),
    "speed": (None, "standard"),
}
"""Fields that may ask for a dearer service than the list of prices knows, and what of them does not."""
_WITH_CONTENT = ("content", "output", "source")
"""Where a block may hold others. What a model said to a tool is not looked through: there it is only text."""
_SEEN = frozenset({"computer_screenshot", "file", "image_url", "input_file", "input_image"})
"""OpenAI's blocks that show a model a file. Other servers have more, named like `video_url`."""


def refuse_unbounded(body: Json) -> None:
    """RequestUnfit for what no reservation could cover."""
    for name in _UNBOUNDED:
        if body.get(name) not in _UNSET:
            raise RequestUnfit(f'the request sets "{name}": {_NOT_BOUNDED}')
    for name, known in _PLAIN.items():
        if body.get(name) not in known:
            raise RequestUnfit(f'the request sets "{name}": its prices are not known')
    for tool in objects(body.get("tools")):
        if tool.get("type") == "mcp" or tool.get("model"):
            kind = word(tool.get("type"))
            raise RequestUnfit(f'the request offers the tool "{kind}" of other servers or models: {_NOT_BOUNDED}')
    if any(_is_reference(item) for item in objects(body.get("input"))):
        raise RequestUnfit(f"the request names an item that the upstream keeps: {_NOT_BOUNDED}; send the item itself")
    if any(text(block.get("type")) == "input_audio" or block.get("audio") for block in _blocks(body)):
        raise RequestUnfit("the request holds sound, which costs more than text: its prices are not known")
    if any(_is_elsewhere(block) for block in _blocks(body)):
        raise RequestUnfit(
            f"the request names a picture or a file that it does not hold: {_NOT_BOUNDED}; send its content"
        )


def answers_wanted(body: Json) -> int:
    """How many answers a request asks for at once: each may be as long as the limit."""
    wanted = body.get("n")
    if wanted is None:
        return 1
    if type(wanted) is not int or not 1 <= wanted <= MOST_ANSWERS:
        raise RequestUnfit(f'the request sets "n" to something else than a whole number from 1 to {MOST_ANSWERS}')
    return wanted


def _blocks(body: Json) -> Iterator[Mapping[str, Any]]:
    """Every message, item and block of content, however deep."""
    waiting = [body.get("messages"), body.get("input")]
    while waiting:
        value = waiting.pop()
        for block in (value,) if isinstance(value, dict) else objects(value):
            yield block
            waiting += [block[name] for name in _WITH_CONTENT if name in block]


def _is_reference(item: Mapping[str, Any]) -> bool:
    kind = item.get("type")
    return kind == "item_reference" or (kind is None and "role" not in item)


def _is_elsewhere(block: Mapping[str, Any]) -> bool:
    """Whether a block shows something by its address or by the id of a file."""
    if text(mapping(block.get("source")).get("type")) in {"url", "file"}:
        return True
    kind = text(block.get("type"))
    if kind not in _SEEN and not kind.endswith("_url"):
        return False
    shown = block.get("image_url" if kind in _SEEN else kind)
    address = text(mapping(shown).get("url")) or text(shown)
    named = (block.get("file_id"), block.get("file_url"), mapping(block.get("file")).get("file_id"))
    return any(named) or (address != "" and address[:5].lower() != "data:")
