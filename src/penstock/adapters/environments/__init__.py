"""Environments: made once per content of what decides them, sealed, lent to worktrees and clean checkouts.

Imports no adapter; the commands of a set-up are run by the engine through the port `Tools`.
"""
