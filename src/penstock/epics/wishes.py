"""A wish in words, bounded, and its name: given by whoever wishes, else made of the words. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from penstock.domain.errors import UserError
from penstock.epics.asked import EpicWish

LONGEST_WISH = 50_000
LONGEST_ID = 128
MOST_CONTEXT = 100_000
MOST_BUDGET = 10**12


def named(wish: EpicWish) -> tuple[str, str, tuple[str, ...]]:
    """Description and id, and what is worth saying of them."""
    description, epic_id = wish.description.strip(), wish.epic_id.strip()
    if not description and not epic_id:
        raise UserError("neither a description of the epic nor an id is given", hint="say in words what you want")
    if len(description) > LONGEST_WISH:
        raise UserError(f"the description has {len(description)} characters, and {LONGEST_WISH} are the most")
    if len(epic_id) > LONGEST_ID or not epic_id.isprintable():
        raise UserError(f"an epic's id has at most {LONGEST_ID} printable characters")
    if len(json.dumps(dict(wish.context), default=str)) > MOST_CONTEXT:
        raise UserError(f"the initial context is longer than {MOST_CONTEXT} characters as JSON")
    if not description:
        return epic_id, epic_id, (f"no description was given: the id {epic_id!r} is taken for it",)
    return description, epic_id or id_of(description), ()


def id_of(description: str) -> str:
    """The id of an epic that was given none."""
    return f"EPIC-{hashlib.sha256(' '.join(description.split()).encode()).hexdigest()[:8]}"


def token_budget(context: Mapping[str, Any], default: int) -> int:
    """The tokens after which people are told: what the wish says, else the settings."""
    found = context.get("token_budget", default)
    if type(found) is not int or not 0 <= found <= MOST_BUDGET:
        raise UserError(f"token_budget is {found!r}; a whole number of at least 0 is needed, where 0 is no budget")
    return found
