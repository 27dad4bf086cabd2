"""Agents do the editing. Each adapter starts one kind and says how it ended; what it edited is found out elsewhere."""

from penstock.adapters.agents.command import CommandAgent
from penstock.adapters.agents.scripted import ScriptedAgent, ScriptInvalid
from penstock.adapters.agents.scripts import validate_script
from penstock.adapters.agents.settings import AgentSettings, AgentsSettings
from penstock.adapters.agents.task import Agent, AgentEnding, AgentReport, AgentTask

__all__ = [
    "Agent",
    "AgentEnding",
    "AgentReport",
    "AgentSettings",
    "AgentTask",
    "AgentsSettings",
    "CommandAgent",
    "ScriptInvalid",
    "ScriptedAgent",
    "validate_script",
]
