"""Runs tools by their profiles, and commands by the shell, in a worktree, by exit code. Judges nothing beyond that."""

from penstock.adapters.tools.profiles import SHIPPED, ToolsSettings, UnknownTool
from penstock.adapters.tools.runner import CommandNotStarted, ToolRunner

__all__ = ["SHIPPED", "CommandNotStarted", "ToolRunner", "ToolsSettings", "UnknownTool"]
