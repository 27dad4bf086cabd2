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
