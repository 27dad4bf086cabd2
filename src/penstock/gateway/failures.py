"""How a call to an upstream fails below its protocol: what a connection may come to."""

from __future__ import annotations


class LineBroken(Exception):
    """The upstream did not answer, or not to the end."""


class UpstreamUnreachable(LineBroken):
    """No connection came about."""


class UpstreamSilent(LineBroken):
    """Nothing came for longer than is waited."""


class UpstreamHungUp(LineBroken):
    """The connection ended before the answer did."""


class LineWasOver(UpstreamHungUp):
    """A connection that had served before had ended by itself: nobody can have read what was sent last."""


class AnswerUnreadable(LineBroken):
    """What came is not HTTP, or is packed in a way that was never asked for."""
