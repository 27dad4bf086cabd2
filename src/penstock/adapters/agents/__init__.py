"""Agents do the editing. Each adapter starts one kind and says how it ended; what it edited is found out elsewhere."""

from penstock.adapters.agents.attempt import AgentEnding
from penstock.adapters.agents.command import CommandAgent
from penstock.adapters.agents.scripted import ScriptedAgent, ScriptInvalid, read_script
from penstock.adapters.agents.scripts import validate_script
from penstock.adapters.agents.settings import AgentSettings, AgentsSettings

__all__ = [
    "AgentEnding",
    "AgentSettings",
    "AgentsSettings",
    "CommandAgent",
    "ScriptInvalid",
    "ScriptedAgent",
    "read_script",
    "validate_script",
]
