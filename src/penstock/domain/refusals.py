"""The error of an event that the core does not take: it changes nothing and is never delivered again."""

from __future__ import annotations

from penstock.domain.errors import UserError


class EventRefused(UserError, ValueError):
    """What was asked, or reported, does not fit where the run is."""
