"""The section [server]: where the HTTP API listens, and what it asks of who calls it. It belongs to the user."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MILLION = 1_000_000
_UNITS = {"": 1, "B": 1, "KB": 1_000, "MB": MILLION, "KIB": 1 << 10, "MIB": 1 << 20}
_SIZE = re.compile(r"([0-9]{1,12})\s*([A-Za-z]{0,3})", re.ASCII)
LEAST_BODY, MOST_BODY = 1_000, 1_000 * MILLION
SHORTEST_KEY = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """How `penstock serve` serves."""

    host: str = "localhost"
    """The address that it listens on. Anything but this machine's own needs `api_keys` or --allow-unauthenticated."""
    port: int = field(default=8000, metadata={"minimum": 0})
    """Its port; 0 takes a free one."""
    api_keys: tuple[str, ...] = ()
    """The keys that open the API, each of at least 8 characters; as soon as there is one, a request needs it."""
    allowed_hosts: tuple[str, ...] = ()
    """Names besides localhost, 127.0.0.1, [::1] and `host` by which requests may call the server."""
    max_request_body: str = "10MB"
    """The largest body of a request: bytes, or with KB or MB."""
    data_driven_orchestration: bool = True
    """Phases and prompts are data. There is no other way any more: with false the server does not start."""

    def __post_init__(self) -> None:
        if self.port > 65_535:
            raise ValueError(f"port must be from 0 to 65535, found {self.port}")
        if any(len(key) < SHORTEST_KEY or not (key.isascii() and key.isprintable()) for key in self.api_keys):
            raise ValueError(f"api_keys holds a key that has not {SHORTEST_KEY} plain characters")
        if not self.host.strip():
            raise ValueError("host is empty; an address is needed, like localhost")
        if not LEAST_BODY <= self.body_limit <= MOST_BODY:
            raise ValueError(f"max_request_body must be from {LEAST_BODY} bytes to 1000MB")

    @property
    def body_limit(self) -> int:
        """The largest body in bytes."""
        found = _SIZE.fullmatch(self.max_request_body.strip())
        unit = None if found is None else _UNITS.get(found[2].upper())
        if found is None or unit is None:
            raise ValueError(f'max_request_body is "{self.max_request_body}"; possible is a size like 10485760 or 10MB')
        return int(found[1]) * unit
