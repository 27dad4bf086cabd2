"""What the shapes share."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

LONGEST_NOTE = 10_000
ROLE_SIGNS = frozenset(" ._-")


def _role(said: str) -> str:
    if not all(sign.isalnum() or sign in ROLE_SIGNS for sign in said):
        raise ValueError("a role is named in letters, digits, spaces, dots, hyphens and underscores")
    return said


Note: TypeAlias = Annotated[str, Field(max_length=LONGEST_NOTE, description="Kept with the decision")]
Who: TypeAlias = Annotated[str, Field(max_length=128, description="Who decides")]
Role: TypeAlias = Annotated[
    str,
    Field(max_length=64, description="Whose artifact it is: letters, digits, spaces, `.`, `-`, `_`"),
    AfterValidator(_role),
]
Moment: TypeAlias = Annotated[str, Field(description="UTC, RFC 3339", examples=["2026-01-31T12:00:00.000Z"])]


class Body(BaseModel):
    """The body of a request."""

    model_config = ConfigDict(extra="forbid")


class Told(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="allow")


class Holder(Told):
    """Who works on it."""

    pid: int
    host: str
    since: str
