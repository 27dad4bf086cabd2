"""The sections of the settings: those of the project, and of what is configured beside an adapter."""

from __future__ import annotations

from collections.abc import Mapping

from penstock.adapters.agents.settings import AgentsSettings
from penstock.adapters.notify import NotificationsSettings
from penstock.adapters.tools.profiles import ToolsSettings
from penstock.config.sections import PROJECT_SECTIONS
from penstock.gateway.settings import GatewaySettings, ModelsSettings, UpstreamsSettings

NODES: Mapping[str, type] = {
    **PROJECT_SECTIONS,
    "tools": ToolsSettings,
    "agents": AgentsSettings,
    "upstreams": UpstreamsSettings,
    "models": ModelsSettings,
    "gateway": GatewaySettings,
    "notifications": NotificationsSettings,
}
