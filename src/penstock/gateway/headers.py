"""Which headers pass the gateway. On the way out only what is named passes, and never the client's key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from penstock.gateway.directory import Destination

PASSED_ON = ("accept", "anthropic-version", "anthropic-beta", "openai-beta", "user-agent")
_LISTS = frozenset({"accept", "anthropic-beta", "openai-beta"})
"""Of these several lines make one list."""
ANTHROPIC_VERSION = "2023-06-01"
_OURS = frozenset(
    {
        "alt-svc",
        "connection",
        "content-encoding",
        "content-length",
        "keep-alive",
        "location",
        "proxy-authenticate",
        "proxy-authorization",
        "set-cookie",
        "strict-transport-security",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "www-authenticate",
    }
)
"""What concerns only the connection between the upstream and the gateway."""
_SENDABLE = re.compile(r"[\x20-\x7e]{1,2048}")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_VALUE = re.compile(rb"[\x20-\x7e\x80-\xff\t]{0,8192}")

Headers = list[tuple[bytes, bytes]]


def named(given: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers of a request by their names in lower case; of what is no list the last line counts."""
    headers = dict[str, str]()
    for raw, value in given:
        name, said = raw.decode("latin-1").lower(), value.decode("latin-1")
        headers[name] = f"{headers[name]}, {said}" if name in _LISTS and name in headers else said
    return headers


def leaving(given: Mapping[str, str], destination: Destination) -> dict[str, str]:
    """The headers of a request as it leaves."""
    headers = {name: given[name] for name in PASSED_ON if _SENDABLE.fullmatch(given.get(name, ""))}
    headers |= {"content-type": "application/json", "accept-encoding": "identity"}
    is_anthropic = destination.protocol == "anthropic"
    if is_anthropic:
        headers.setdefault("anthropic-version", ANTHROPIC_VERSION)
    key = destination.key.reveal()
    if not key:
        return headers
    way = destination.settings.key_header or ("x-api-key" if is_anthropic else "authorization")
    return headers | {way: key if way == "x-api-key" else f"Bearer {key}"}


def returning(given: Iterable[tuple[bytes, bytes]], key: str) -> Headers:
    """The headers of an answer as they are passed on; one that holds the provider's key is not."""
    secret = key.encode("latin-1", "replace")
    return [
        (name, value)
        for name, value in given
        if name.lower().decode("latin-1") not in _OURS
        and _NAME.fullmatch(name)
        and _VALUE.fullmatch(value)
        and not (secret and secret in value)
    ]
