"""What the gateway adds to a call: latency beside a direct call to the same scripted server, throughput, memory.

Client, gateway (with the real ledger on SQLite) and server are processes of their own. Direct calls and calls through
the gateway alternate, so that the machine's moods touch both alike: judge by the difference. Run as
`python benchmarks/gateway.py [--rounds 400] [--calls 10000] [--clients 50]`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.adapters.clock import SystemClock
from penstock.adapters.prices import ListedPrices
from penstock.adapters.store.opening import open_database
from penstock.domain.budget import Level
from penstock.domain.usage import Caller
from penstock.gateway.directory import Directory
from penstock.gateway.keys import ProviderKeys
from penstock.gateway.serving import Gateway, GatewayParts
from penstock.gateway.settings import (
    GatewaySettings,
    ModelSettings,
    ModelsSettings,
    UpstreamSettings,
    UpstreamsSettings,
)

ROOT = Path(__file__).resolve().parent.parent
MODEL = "claude-haiku-4-5"
PROMPT = "word " * 2000
PAUSE = 0.01
"""Between two calls of the measurement of latency: an agent does something with an answer before it asks again."""


def main() -> None:
    """Measure and print."""
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    words.add_argument("--rounds", type=int, default=400)
    words.add_argument("--calls", type=int, default=10_000)
    words.add_argument("--clients", type=int, default=50)
    words.add_argument("--latency-only", action="store_true")
    words.add_argument("--serve", nargs=2, metavar=("UPSTREAM", "FOLDER"), help=argparse.SUPPRESS)
    given = words.parse_args()
    if given.serve:
        serve(*given.serve)
        return
    with scripted_server() as upstream, tempfile.TemporaryDirectory() as folder, gateway(upstream, folder) as door:
        asyncio.run(measure(upstream, door, given))


async def measure(upstream: str, door: Process, given: argparse.Namespace) -> None:
    """All figures, one after another."""
    direct, through = Address.of(upstream, "direct"), Address.of(**door.ask("admit"))
    for name, stream in (("at once, whole", False), ("streaming, first byte", True)):
        took = await alternate((direct, through), stream=stream, rounds=given.rounds)
        middle = [statistics.median(each) * 1000 for each in took]
        late = [sorted(each)[int(len(each) * 0.95)] * 1000 for each in took]
        print(
            f"{name}: direct {middle[0]:.2f} ms, through {middle[1]:.2f} ms, added {middle[1] - middle[0]:.2f} ms "
            f"(p50); p95 {late[0]:.2f} and {late[1]:.2f} ms"
        )
    if given.latency_only:
        return
    attempts = [Address.of(**door.ask("admit")) for _ in range(given.clients)]
    for name, addresses in (("direct", [direct] * given.clients), ("through", attempts)):
        await crowd(addresses, given.clients * 10)
        before = door.ask("memory")
        calls = given.calls if addresses is attempts else given.calls // 5
        took_all = await crowd(addresses, calls)
        print(f"{given.clients} clients, {name}: {calls} calls, {calls / took_all:.0f} per second")
        if addresses is attempts:
            after = door.ask("memory")
            print(
                f"the gateway's process: {(after['cpu'] - before['cpu']) * 1000 / calls:.2f} ms of CPU per call, "
                f"memory {before['mb']:.1f} → {after['mb']:.1f} MB"
            )
    told = door.ask("rows")
    print(f"in the ledger: {told['rows']} rows, {told['reserved']} tokens still reserved")


async def alternate(addresses: Sequence[Address], *, stream: bool, rounds: int) -> list[list[float]]:
    """The seconds of each call, by address."""
    lines = [await Line.to(address) for address in addresses]
    took: list[list[float]] = [[] for _ in addresses]
    for number in range(rounds + 20):
        for place, line in enumerate(lines):
            seconds = await line.call(stream=stream)
            if number >= 20:
                took[place].append(seconds)
            await asyncio.sleep(PAUSE)
    return took


async def crowd(addresses: Sequence[Address], calls: int) -> float:
    """The seconds that clients, one at each of these addresses, need for so many calls."""
    left = iter(range(calls))

    async def work(address: Address) -> None:
        line = await Line.to(address)
        for number in left:
            await line.call(stream=number % 2 == 0)

    begun = time.perf_counter()
    await asyncio.gather(*map(work, addresses))
    return time.perf_counter() - begun


@dataclass(frozen=True, kw_only=True)
class Address:
    """Whom to ask, with which key."""

    host: str
    port: int
    key: str

    @classmethod
    def of(cls, base_url: str, key: str) -> Address:
        """From a base address."""
        host, _, port = base_url.removeprefix("http://").partition(":")
        return cls(host=host, port=int(port), key=key)


@dataclass(kw_only=True)
class Line:
    """A kept connection that does no more than it must."""

    address: Address
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def to(cls, address: Address) -> Line:
        """Connect."""
        reader, writer = await asyncio.open_connection(address.host, address.port, limit=2**20)
        return cls(address=address, reader=reader, writer=writer)

    async def call(self, *, stream: bool) -> float:
        """One call; the seconds to its first byte of the body where it streams, else to its last."""
        message = {"role": "user", "content": PROMPT}
        body = json.dumps({"model": MODEL, "max_tokens": 500, "stream": stream, "messages": [message]}).encode()
        head = (
            f"POST /v1/messages HTTP/1.1\r\nhost: {self.address.host}\r\nx-api-key: {self.address.key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        begun = time.perf_counter()
        self.writer.write(head.encode() + body)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        if not answer.startswith(b"http/1.1 200"):
            raise SystemExit(answer.decode())
        if b"transfer-encoding: chunked" not in answer:
            length = int(answer.partition(b"content-length:")[2].partition(b"\r\n")[0])
            await self.reader.readexactly(length)
            return time.perf_counter() - begun
        first = 0.0
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            await self.reader.readexactly(size + 2)
            first = first or time.perf_counter() - begun
        await self.reader.readexactly(2)
        return first


@dataclass(kw_only=True)
class Process:
    """The gateway's process, which answers questions by lines."""

    process: subprocess.Popen[str]

    def ask(self, question: str) -> dict[str, Any]:
        """One question."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{question}\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@contextmanager
def scripted_server() -> Iterator[str]:
    """The scripted models, in a process of their own."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate("")


@contextmanager
def gateway(upstream: str, folder: str) -> Iterator[Process]:
    """A gateway, in a process of its own."""
    argv = [sys.executable, __file__, "--serve", upstream, folder]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        yield Process(process=process)
        process.communicate("")


def environment() -> dict[str, str]:
    """Where the packages are."""
    return {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}"}


SERVER = """
import sys
from model_server import ScriptedModels
with ScriptedModels(keeps_requests=False) as models:
    print(models.base_url, flush=True)
    sys.stdin.read()
"""


def serve(upstream: str, folder: str) -> None:
    """The gateway's process: answer questions until there are no more."""
    clock = SystemClock()
    database = open_database(Path(folder) / "penstock.db", clock)
    directory = Directory(
        upstreams=UpstreamsSettings(
            upstreams={"scripted": UpstreamSettings(protocol="anthropic", base_url=upstream, key="env:KEY")}
        ),
        models=ModelsSettings(models={"fast": ModelSettings(upstream="scripted", model=MODEL)}),
        gateway=GatewaySettings(),
        keys=ProviderKeys({"KEY": "sk-benchmark"}),
    )
    parts = GatewayParts(
        directory=directory,
        settings=GatewaySettings(),
        ledger=database.ledger(redact=str),
        prices=ListedPrices(),
        clock=clock,
    )
    door = Gateway(parts)
    caller = Caller(project="p", run="run", workstream="ws", attempt="1", role="edit", phase="edit")
    for line in sys.stdin:
        match line.strip():
            case "admit":
                access = door.admit(caller, "fast", max_calls=0).access
                print(json.dumps({"base_url": access.base_url, "key": access.key}), flush=True)
            case "memory":
                pages = int(Path("/proc/self/statm").read_text().split()[1])
                mb = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
                print(json.dumps({"mb": mb, "cpu": time.process_time()}), flush=True)
            case "rows":
                spent = asyncio.run(database.ledger(redact=str).account(Level.RUN, "run"))
                rows = len(database.views.usage(project="p", limit=1_000_000))
                print(json.dumps({"rows": rows, "reserved": spent.reserved.tokens}), flush=True)
    door.close()
    database.close()


if __name__ == "__main__":
    main()
