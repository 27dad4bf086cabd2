"""The three protocols that agents speak, by the path behind `/v1` at which they are asked."""

from __future__ import annotations

from collections.abc import Mapping

from penstock.gateway.protocols.anthropic import Anthropic
from penstock.gateway.protocols.openai_chat import OpenAIChat
from penstock.gateway.protocols.openai_responses import OpenAIResponses
from penstock.gateway.wire import Wire

WIRES: Mapping[str, Wire] = {wire.name: wire for wire in (Anthropic(), OpenAIChat(), OpenAIResponses())}
BY_PATH: Mapping[str, Wire] = {
    "/v1/messages": WIRES["anthropic"],
    "/v1/chat/completions": WIRES["openai_chat"],
    "/v1/responses": WIRES["openai_responses"],
}
