"""The sections [upstreams], [models] and [gateway]. They belong to the user: a project only names a model of theirs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import urlsplit

from penstock.gateway.prices import PriceSettings

REPLAY = "replay"
_ZERO = {"minimum": 0}
_FIRST = {"minimum": 1}
_KEY_SOURCE = re.compile(r"env:[A-Za-z_]\w*(?:,[A-Za-z_]\w*)*|keyring:[^/\s]+/\S+", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9_.-]+|[0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.%-]+)?", re.ASCII)
_IMPOSSIBLE = "no server can be there: it needs the name or the number of a host, and a port, if any, from 1 to 65535"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamSettings:
    """One server of models. What is left out of a built-in one stays as it is built in."""

    protocol: Literal["", "anthropic", "openai", "replay"] = ""
    """What it speaks; openai is Chat Completions and Responses, replay answers from recordings."""
    base_url: str = ""
    """Its address: without `/v1` for anthropic, with it for openai."""
    key: str | None = None
    """Where its key is: `env:NAME` (or `env:NAME,OTHER`), `keyring:SERVICE/USER`, or empty for none."""
    key_header: Literal["", "authorization", "x-api-key"] = ""
    """How the key is sent; empty: x-api-key to anthropic, else authorization."""
    price: PriceSettings = field(default_factory=PriceSettings)
    """What its tokens cost, in place of the list; 0 is allowed."""
    max_output: int = field(default=32_000, metadata=_FIRST)
    """The most tokens that one answer may have: a larger limit of a request is lowered."""
    default_output: int = field(default=8192, metadata=_FIRST)
    """The limit put in where a request has none."""
    counts_tokens: bool = False
    """Ask it to count a request's tokens before they are reserved, instead of taking half of its bytes (anthropic)."""
    connect_timeout: float = field(default=10.0, metadata=_ZERO)
    """Seconds until a connection must stand."""
    idle_timeout: float = field(default=600.0, metadata=_FIRST)
    """Seconds without a byte after which an answer is given up."""
    allow_plain: bool = False
    """Allow http to another machine: the key then travels for all to read."""

    def over(self, built_in: UpstreamSettings) -> UpstreamSettings:
        """These settings, with what a built-in upstream of that name says where they are silent."""
        return replace(
            self,
            protocol=self.protocol or built_in.protocol,
            base_url=self.base_url or built_in.base_url,
            key=built_in.key if self.key is None else self.key,
            key_header=self.key_header or built_in.key_header,
        )

    def __post_init__(self) -> None:
        if self.key and not _KEY_SOURCE.fullmatch(self.key):
            raise ValueError(
                'has a key that is none of "env:NAME", "keyring:SERVICE/USER" or ""; it is never the key itself'
            )
        if self.base_url:
            _check_address(self.base_url, allow_plain=self.allow_plain)


def _check_address(address: str, *, allow_plain: bool) -> None:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f'has the base_url "{_shown(address)}"; {_IMPOSSIBLE}') from None
    if parts.scheme not in {"http", "https"} or not host:
        raise ValueError(f'has the base_url "{_shown(address)}"; it must begin with https:// or http://')
    if port == 0 or not _is_host(host):
        raise ValueError(f'has the base_url "{_shown(address)}"; {_IMPOSSIBLE}')
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            "has a base_url with a user, a password, a query or a fragment; the key has a setting of its own"
        )
    if parts.scheme == "http" and not allow_plain and not _is_loopback(host):
        raise ValueError(
            f'has the base_url "{address}": a key would travel in the open; use https, or allow_plain = true'
        )


def _is_host(host: str) -> bool:
    try:
        return _HOST.fullmatch(host.encode("idna").decode("ascii")) is not None
    except UnicodeError:
        return False


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or re.fullmatch(r"127\.\d{1,3}\.\d{1,3}\.\d{1,3}", host) is not None


def _shown(address: str) -> str:
    return address if "@" not in address else "…"


BUILT_IN: Mapping[str, UpstreamSettings] = {
    "anthropic": UpstreamSettings(
        protocol="anthropic",
        base_url="https://api.anthropic.com",
        key="env:ANTHROPIC_API_KEY,WORKBENCH_ANTHROPIC_API_KEY",
    ),
    "openai": UpstreamSettings(protocol="openai", base_url="https://api.openai.com/v1", key="env:OPENAI_API_KEY"),
    REPLAY: UpstreamSettings(protocol="replay"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamsSettings:
    """The servers of models; `anthropic`, `openai` and `replay` are built in."""

    upstreams: Mapping[str, UpstreamSettings] = field(default_factory=lambda: dict(BUILT_IN), metadata={"rest": True})
    """Each server, by the name that models name it by."""

    def __post_init__(self) -> None:
        for name in self.upstreams:
            item = self.named(name)
            if "/" in name:
                raise ValueError(f'names "{name}"; a name without "/" is needed: models are "NAME/MODEL"')
            if item is None or not item.protocol:
                raise ValueError(f'{name} needs a protocol: "anthropic", "openai" or "replay"')
            if item.protocol != REPLAY and not item.base_url:
                raise ValueError(f"{name} needs a base_url")

    def named(self, name: str) -> UpstreamSettings | None:
        """The server of that name, with what is built in where the user is silent."""
        item = self.upstreams.get(name)
        return item and item.over(BUILT_IN.get(name, item))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """One model under a name of the user's own."""

    upstream: str
    """The server's name."""
    model: str
    """The model as the server calls it."""
    max_output: int | None = None
    """The most tokens that one of its answers may have; not set: what its upstream says."""

    @classmethod
    def from_settings(cls, value: object) -> ModelSettings:
        """Read `"UPSTREAM/MODEL"` or `{model = "UPSTREAM/MODEL", max_output = N}`."""
        table = {"model": value} if isinstance(value, str) else value
        if not isinstance(table, Mapping) or not isinstance(table.get("model"), str):
            raise ValueError('must be "UPSTREAM/MODEL", or a table with such a model')  # noqa: TRY004 - as the loader asks
        if unknown := sorted(str(name) for name in table if name not in {"model", "max_output"}):
            raise ValueError(f'has the unknown key "{unknown[0]}"; known here: model, max_output')
        most = table.get("max_output")
        if most is not None and (type(most) is not int or most < 1):
            raise ValueError("has a max_output that is not a whole number of at least 1")
        return cls.named(table["model"], max_output=most)

    @classmethod
    def named(cls, name: str, *, max_output: int | None = None) -> ModelSettings:
        """The model that `UPSTREAM/MODEL` means; the model's own name may hold slashes."""
        upstream, _, model = name.partition("/")
        if not upstream or not model or not name.isprintable() or " " in name:
            raise ValueError(f'"{name}" must be "UPSTREAM/MODEL"')
        return cls(upstream=upstream, model=model, max_output=max_output)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsSettings:
    """Models by names of the user's own, which roles and agents name."""

    models: Mapping[str, ModelSettings] = field(default_factory=dict, metadata={"rest": True})
    """`"UPSTREAM/MODEL"`, or a table with it as `model` and a `max_output` of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """The one door between agents and models."""

    upstream: str = ""
    """An upstream that answers for all others: `replay` plays recordings, whatever upstream a model names."""
    record: bool = False
    """Keep what is said, so that the run can be replayed without a key."""
    recording: str = ""
    """The run or pipeline whose recording `replay` plays, or `shipped:NAME`; empty: that of the run itself."""
    replay_mode: Literal["strict", "lenient"] = "strict"
    """What to do where a request differs from the recorded one: refuse it, or answer and report it."""
    wait_for_budget: float = field(default=120.0, metadata=_ZERO)
    """Seconds that a call waits at most while only others' reservations stand in its way."""
    max_tries: int = field(default=3, metadata=_FIRST)
    """How often a call is sent at most, before the first byte of an answer has come."""
    short_limit: float = field(default=30.0, metadata=_ZERO)
    """A usage limit that is over within so many seconds is waited out; a longer one ends the attempt until then."""
