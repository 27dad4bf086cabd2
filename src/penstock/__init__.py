"""Penstock takes a plan through gates to merged, tested code. This module holds the version and imports nothing."""

__version__ = "0.1.0"
