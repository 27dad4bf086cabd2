"""The protocols that agents and upstreams speak. Pure: no input or output, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from penstock.gateway.protocols.anthropic import Anthropic
from penstock.gateway.protocols.openai_chat import OpenAIChat
from penstock.gateway.protocols.openai_responses import OpenAIResponses
from penstock.gateway.wire import Wire

WIRES: Mapping[str, Wire] = MappingProxyType(
    {wire.name: wire for wire in (Anthropic(), OpenAIChat(), OpenAIResponses())}
)
"""By name."""
BY_PATH: Mapping[str, Wire] = MappingProxyType({"/v1" + wire.path.removeprefix("/v1"): wire for wire in WIRES.values()})
"""By the path at which an agent asks."""
