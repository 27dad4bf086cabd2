"""One settings tree, read once, every value with its origin. Imports no adapter: their nodes are handed in."""

from penstock.config.environment import EnvironmentReading, Places, read_environment
from penstock.config.files import SECTION_FILES, SettingsFileUnreadable
from penstock.config.loading import SettingsInvalid, Sources, load
from penstock.config.settings import NOTHING_TO_RUN, Layer, Settings, would_run

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
