"""Reads server-sent events."""

from __future__ import annotations

import json
from collections.abc import Iterator


def events(lines: Iterator[str]) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Id, type and data of each event as it comes."""
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line:
            found[name] = value
        elif "data" in found:
            yield found["id"], found["event"], json.loads(found["data"])
            found = {}
