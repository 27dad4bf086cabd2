"""Whether a project's file would say whom the user's agents talk to, or with which key: only the user may."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from penstock.domain.errors import UserError
from penstock.domain.redaction import is_secret_name
from penstock.domain.tools import ToolProfile, ToolType

if TYPE_CHECKING:
    from penstock.config.shape import Key

_WHOM = re.compile(r"(?:^|[_-])(?:base[_-]?url|api[_-]?(?:base|url|host|key)|endpoint|proxy)(?:$|=)", re.IGNORECASE)


def upstream_in(key: Key, value: object) -> str | None:
    """The part of a project's setting that chooses an upstream or a key; None if there is none."""
    match key:
        case ("agents", *_) if isinstance(value, str) and "://" in value:
            return value
        case ("tools", _):
            return next(_of_profile(value), None)
    return None


def _of_profile(value: object) -> Iterator[str]:
    try:
        profile = ToolProfile.from_settings(value)
    except (UserError, ValueError):
        return  # it is refused anyway, for what is wrong with it
    if profile.type is ToolType.AI:
        for name, text in profile.env.items():
            if _WHOM.search(name) or is_secret_name(name) or "://" in text:
                yield f"env {name}"
        yield from (f"the argument {word}" for word in profile.args if _WHOM.search(word) or "://" in word)
