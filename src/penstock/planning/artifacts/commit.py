"""What the commit phase comes to: the message is the model's, where the result is we know ourselves."""

from __future__ import annotations

from typing import Annotated

from penstock.planning.artifacts.shape import Line, Prose, Shape, Shown


class CommitResult(Shape):
    """A commit."""

    success: bool
    message: Prose
    branch: Annotated[Line, Shown("")] = ""
    commit: Annotated[Line, Shown("")] = ""
    pull_request: Annotated[Line | None, Shown("")] = None
