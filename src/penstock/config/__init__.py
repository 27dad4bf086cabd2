"""One settings tree, read once, every value with its origin. Imports no adapter: their nodes are handed in."""

from penstock.config.brought import NOTHING_TO_RUN, would_run
from penstock.config.environment import EnvironmentReading, Places, read_environment
from penstock.config.files import SECTION_FILES, SettingsFileUnreadable
from penstock.config.loading import SettingsInvalid, Sources, load
from penstock.config.settings import Layer, Settings

__all__ = [
    "NOTHING_TO_RUN",
    "SECTION_FILES",
    "EnvironmentReading",
    "Layer",
    "Places",
    "Settings",
    "SettingsFileUnreadable",
    "SettingsInvalid",
    "Sources",
    "load",
    "read_environment",
    "would_run",
]
