"""Which recording answers for an epic where all models are answered by recordings: one that the package brings."""

from __future__ import annotations

import hashlib
from importlib import resources
from importlib.resources.abc import Traversable

from penstock.epics.asked import NoUpstream
from penstock.epics.desk import Desk
from penstock.ports.models import SHIPPED


def of(desk: Desk) -> str:
    """The recording of a pipeline's epic; empty where models answer, or the user's settings name a recording."""
    models = desk.parts.models
    if not models.is_replay or models.recording:
        return ""
    return named(desk.pipeline.description)


def named(description: str) -> str:
    """The recording that is shipped for an epic, or NoUpstream with those that there are."""
    name = name_of(description)
    known = shipped()
    if name not in known:
        raise NoUpstream(
            f"models are answered from recordings, and none is shipped for this epic; there are some for: "
            f"{'; '.join(repr(words) for words in known.values())}",
            hint="set ANTHROPIC_API_KEY and leave out PENSTOCK_UPSTREAM, or ask for one of these epics",
        )
    return SHIPPED + name


def name_of(description: str) -> str:
    """The name of an epic's recording: its words count, not its blanks, case or last stop."""
    words = " ".join(description.split()).casefold().rstrip(".!")
    return hashlib.sha256(words.encode()).hexdigest()[:12]


def shipped() -> dict[str, str]:
    """The recordings that the package brings, and the epic of each in words."""
    folder = resources.files("penstock.demo").joinpath("recordings")
    return dict(sorted(_told(folder)))


def _told(folder: Traversable) -> list[tuple[str, str]]:
    if not folder.is_dir():
        return []
    return [
        (one.name, one.joinpath("epic.txt").read_text("utf-8").strip())
        for one in folder.iterdir()
        if one.joinpath("epic.txt").is_file()
    ]
