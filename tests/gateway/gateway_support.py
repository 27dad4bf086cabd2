"""A gateway in front of a scripted model server, with a clock that only moves when somebody waits."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

import httpx2

from model_server import Script, ScriptedModels
from penstock.adapters.clock import ManualClock
from penstock.adapters.store.memory_ledger import MemoryLedger
from penstock.domain.budget import Account, Cap, Level, MarkReached
from penstock.domain.usage import Caller, Tokens
from penstock.gateway.directory import Directory
from penstock.gateway.keys import ProviderKeys
from penstock.gateway.remembering import Remember, nothing_remembered
from penstock.gateway.serving import Gateway, GatewayParts
from penstock.gateway.settings import (
    BUILT_IN,
    GatewaySettings,
    ModelSettings,
    ModelsSettings,
    UpstreamSettings,
    UpstreamsSettings,
)
from penstock.gateway.visits import AttemptVisit
from penstock.ports.models import Rate

PROVIDER_KEY = "sk-provider-0123456789abcdefghij"
START = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
PROTOCOLS = ("anthropic", "openai_chat", "openai_responses")
MODELS = {"anthropic": "claude", "openai_chat": "gpt", "openai_responses": "gpt"}
PATHS = {
    "anthropic": "/v1/messages",
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
}


class FlatPrices:
    """Three dollars per million tokens read, fifteen per million written; nothing is known of "mystery"."""

    def cost(self, upstream: str, protocol: str, model: str, tokens: Tokens, at: datetime) -> tuple[int | None, Rate]:
        rate = Rate(unit_prices={"input": "3", "output": "15"}, is_known=model != "mystery")
        return (self.worst(upstream, protocol, model, tokens, at) if rate.is_known else None), rate

    def worst(self, upstream: str, protocol: str, model: str, tokens: Tokens, at: datetime) -> int:
        assert protocol in {"anthropic", "openai"}
        return tokens.all_input * 3 + tokens.output * 15


@dataclass(kw_only=True)
class House:
    """All that a test of the gateway has in its hands."""

    models: ScriptedModels
    ledger: MemoryLedger
    clock: ManualClock
    gateway: Gateway
    marks: list[tuple[Caller, MarkReached]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    visits: list[AttemptVisit] = field(default_factory=list)

    def admit(self, protocol: str = "anthropic", *, max_calls: int = 0, workstream: str = "ws-1") -> AttemptVisit:
        """A visit of an attempt of that workstream."""
        return self.admit_to(MODELS[protocol], max_calls=max_calls, workstream=workstream)

    def admit_to(self, model: str, *, max_calls: int = 0, workstream: str = "ws-1") -> AttemptVisit:
        """The same for any model."""
        visit = self.gateway.admit(caller(workstream), model, max_calls=max_calls)
        self.visits.append(visit)
        return visit

    def rows(self) -> list[dict[str, Any]]:
        """Every record of a call, also of the one whose answer has just come."""
        self.calm()
        return self.ledger.usage()

    def account(self, level: Level, key: str) -> Account:
        """An account as it stands."""
        self.calm()
        return asyncio.run(self.ledger.account(level, key))

    def cap(self, level: Level, key: str, **most: int) -> None:
        """Set a cap."""
        asyncio.run(self.ledger.set_cap(level, key, Cap(**most)))

    def calm(self) -> None:
        """Until the gateway is done with what was asked, unless a test keeps it from that."""
        with suppress(AssertionError):
            soon(lambda: not any(visit.tasks for visit in self.visits), seconds=0.2)


def caller(workstream: str = "ws-1") -> Caller:
    """An attempt of a run."""
    return Caller(
        project="p", run="run-1", workstream=workstream, attempt=f"{workstream}:edit:1", role="edit", phase="edit"
    )


@contextmanager
def house(
    play: str = "",
    *,
    base_url: str = "",
    scripts: tuple[Script, ...] = (),
    settings: GatewaySettings | None = None,
    upstream: Mapping[str, Any] | None = None,
    ledger: MemoryLedger | None = None,
    waits_for_ever: bool = False,
    remember: Remember = nothing_remembered,
    answers_for_all: str = "",
    troubles: list[BaseException] | None = None,
) -> Iterator[House]:
    """A gateway whose two upstreams are one scripted server; every call of it meets this play.

    `waits_for_ever`: no pause ends by itself.
    """
    with ScriptedModels(scripts) as models:
        clock, kept = ManualClock(START), ledger or MemoryLedger(marks=(50, 80))
        made, failures = list[House](), list[BaseException]() if troubles is None else troubles

        async def pause(seconds: float) -> None:
            made[0].pauses.append(seconds)
            if waits_for_ever:
                await asyncio.Event().wait()
            clock.advance(seconds)
            await asyncio.sleep(0)

        address = base_url or (models.url(play) if play else models.base_url)
        gateway = Gateway(
            GatewayParts(
                directory=directory(address, upstream or {}, answers_for_all),
                settings=settings or GatewaySettings(),
                ledger=kept,
                prices=FlatPrices(),
                clock=clock,
                told=lambda who, mark: made[0].marks.append((who, mark)),
                troubled=failures.append,
                remember=remember,
                pause=pause,
                chance=lambda: 1.0,
            )
        )
        made.append(House(models=models, ledger=kept, clock=clock, gateway=gateway))
        try:
            yield made[0]
        finally:
            gateway.close()
    assert troubles is failures or failures == []  # the gateway itself never failed


def directory(base_url: str, upstream: Mapping[str, Any], answers_for_all: str) -> Directory:
    """The two models of the tests, each at an upstream of its protocol."""
    openai = f"{base_url}/v1"
    return Directory(
        upstreams=UpstreamsSettings(
            upstreams={
                "first": UpstreamSettings(protocol="anthropic", base_url=base_url, key="env:FIRST_KEY", **upstream),
                "replay": BUILT_IN["replay"],
                "second": UpstreamSettings(protocol="openai", base_url=openai, key="env:SECOND_KEY", **upstream),
            }
        ),
        models=ModelsSettings(
            models={
                "claude": ModelSettings(upstream="first", model="claude-real"),
                "gpt": ModelSettings(upstream="second", model="gpt-real"),
            }
        ),
        gateway=GatewaySettings(upstream=answers_for_all),
        keys=ProviderKeys({"FIRST_KEY": PROVIDER_KEY, "SECOND_KEY": PROVIDER_KEY}),
    )


def body(
    protocol: str, *, stream: bool = False, model: str = "", text: str = "Say something", **more: Any
) -> dict[str, Any]:
    """A plain request."""
    name = model or MODELS[protocol]
    if protocol == "openai_responses":
        return {"model": name, "input": [{"role": "user", "content": text}], "stream": stream, **more}
    limit = {"max_tokens": 500} if protocol == "anthropic" else {}
    return {"model": name, "messages": [{"role": "user", "content": text}], "stream": stream, **limit, **more}


def ask(visit: AttemptVisit, protocol: str = "anthropic", *, timeout: float = 20.0, **wanted: Any) -> httpx2.Response:
    """One call as an agent makes it, read to its end."""
    with client(visit) as agent:
        return agent.post(PATHS[protocol], json=body(protocol, **wanted), timeout=timeout)


def client(visit: AttemptVisit) -> httpx2.Client:
    """An agent's own connection to the gateway."""
    headers = {"authorization": f"Bearer {visit.access.key}"}
    return httpx2.Client(base_url=visit.access.base_url, headers=headers, timeout=20.0, trust_env=False, verify=False)


class RawUpstream:
    """A server that answers each request with the next of the given bytes, in the given pieces, and hangs up after so
    many.
    """

    def __init__(self, *answers: Iterable[bytes], per_connection: int = 1) -> None:
        self.requests: list[bytes] = []
        self._answers = [answers[first : first + per_connection] for first in range(0, len(answers), per_connection)]
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(20.0)
        self.base_url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(20.0)

    def _serve(self) -> None:
        for answers in self._answers:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for pieces in answers:
                    self.requests.append(_read_request(connection))
                    for piece in pieces:
                        connection.sendall(piece)


def _read_request(connection: socket.socket) -> bytes:
    read = b""
    while b"\r\n\r\n" not in read:
        read += connection.recv(65536)
    head, _, rest = read.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(rest) < length:
        rest += connection.recv(65536)
    return head + b"\r\n\r\n" + rest


def raw_answer(content: bytes, *, status: str = "200 OK", kind: str = "application/json", more: str = "") -> bytes:
    """A whole answer that ends with its connection."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(content)}\r\n"
    return f"{head}connection: close\r\n{more}\r\n".encode() + content


def raw_head(kind: str = "text/event-stream", more: str = "") -> bytes:
    """The beginning of an answer whose end is the end of its connection."""
    return f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n{more}\r\n".encode()


def soon(holds: Callable[[], bool], *, seconds: float = 5.0) -> None:
    """Until something that another thread does has come about."""
    bell = threading.Event()
    for _ in range(round(seconds / 0.01)):
        if holds():
            return
        bell.wait(0.01)
    raise AssertionError("it did not come about")
