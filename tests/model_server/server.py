"""The server as a test holds it: started on a thread, asked what it saw and issued, stopped when the test ends."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import uvicorn

from .faults import Fault
from .issuing import Books, Issued, Seen
from .scripts import Script, read_script
from .serving import Application, Planted


class ScriptedModels:
    """A server of scripted models on loopback, for as long as its `with` lasts.

    It can be reached as soon as it is made: what comes before its loop runs waits in the socket's queue.
    """

    def __init__(
        self,
        scripts: Iterable[Script] = (),
        *,
        default: str = "",
        models: Sequence[str] = ("scripted-model",),
        port: int = 0,
        keeps_requests: bool = True,
        told: Callable[[Issued], None] | None = None,
    ) -> None:
        self._books = Books(keeps_requests=keeps_requests, told=told)
        named = {one.name: one for one in scripts}
        self._application = Application(self._books, named, default=default or next(iter(named), ""), models=models)
        self._socket = _listening(port)
        self._port = self._socket.getsockname()[1]
        self._server = _Server(_config(self._application))
        self._thread = threading.Thread(target=self._run, name="scripted-models", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_running = threading.Event()

    @property
    def base_url(self) -> str:
        """Its root: what an Anthropic client is given."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def openai_url(self) -> str:
        """What an OpenAI client is given."""
        return f"{self.base_url}/v1"

    def url(self, play: str, *, openai: bool = False) -> str:
        """The base address under which every call meets a play, such as `loop` or `text,status=429,times=2`."""
        return f"{self.base_url}/s/{play}{'/v1' if openai else ''}"

    @property
    def requests(self) -> tuple[Seen, ...]:
        """Every request, with its headers and body."""
        return self._books.seen

    @property
    def issued(self) -> tuple[Issued, ...]:
        """Every answer of a model, with its exact tokens."""
        return self._books.issued

    @property
    def held(self) -> int:
        """How many answers hang or stall now."""
        return self._books.held

    def add(self, script: Script | Mapping[str, Any], *, is_default: bool = False) -> None:
        """One more script, or another one under a name that is taken."""
        made = script if isinstance(script, Script) else read_script(script)
        self._application.scripts[made.name] = made
        if is_default:
            self._application.default = made.name

    def fault(self, fault: Fault, *, key: str | None = None, model: str | None = None, path: str = "") -> None:
        """Put a fault in the way of the calls that come from now on, or of those with this key, model, end of path."""

        def meets(seen: Seen) -> bool:
            return (
                (key is None or seen.key == key)
                and (model is None or seen.body.get("model") == model)
                and seen.path.endswith(path)
            )

        self._application.planted.append(Planted(fault, meets))

    def mend(self) -> None:
        """Take all those faults away again."""
        self._application.planted.clear()

    def release(self) -> None:
        """Let everything that hangs or stalls go on."""
        self._soon(self._open_gate)

    def forget(self) -> None:
        """Clear the requests and answers; the numbers go on."""
        self._books.forget()

    def wait_for_held(self, count: int, *, seconds: float = 20.0) -> None:
        """Until so many answers hang or stall at once."""
        self._wait(lambda: self.held >= count, f"{count} answers that hang", seconds)

    def wait_for_requests(self, count: int, *, seconds: float = 20.0) -> None:
        """Until so many requests have come."""
        self._wait(lambda: len(self.requests) >= count, f"{count} requests", seconds)

    def wait_for_issued(self, count: int, *, seconds: float = 20.0) -> None:
        """Until so many answers have ended, or broken off."""
        self._wait(lambda: len(self.issued) >= count, f"{count} answers", seconds)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._is_running.wait(20.0):
            raise TimeoutError("the scripted models' loop did not begin")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._soon(self._end)
        self._thread.join(20.0)
        if self._thread.is_alive():
            raise TimeoutError("the scripted models did not end")

    def _wait(self, holds: Callable[[], bool], what: str, seconds: float) -> None:
        if not self._books.wait_until(holds, seconds):
            raise TimeoutError(f"{what} did not come within {seconds} seconds")

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._server.ending = asyncio.Event()
        self._is_running.set()
        await self._server.serve(sockets=[self._socket])

    def _soon(self, action: Callable[[], None]) -> None:
        if self._loop is None:
            raise RuntimeError("the scripted models are not running")
        self._loop.call_soon_threadsafe(action)

    def _open_gate(self) -> None:
        opened, self._application.gate = self._application.gate, asyncio.Event()
        opened.set()

    def _end(self) -> None:
        self._application.is_ending = True  # what hangs is cut, not waited for
        self._open_gate()
        self._server.force_exit = True
        self._server.ending.set()


class _Server(uvicorn.Server):
    """Ends when it is told to; the original looks ten times a second whether it should."""

    ending: asyncio.Event

    async def main_loop(self) -> None:
        await self.ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Cut what hangs and go; the original waits for a tenth of a second, which all tests together feel."""
        for server in self.servers:
            server.close()
        for connection in tuple(self.server_state.connections):
            connection.shutdown()
        if tasks := set(self.server_state.tasks):
            await asyncio.wait(tasks, timeout=1)


def _listening(port: int) -> socket.socket:
    # With its protocol named: a socket of protocol 0 hands that on to what it accepts, and asyncio then leaves Nagle's
    # algorithm on, which costs 40 milliseconds for every answer in two pieces.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    made.listen(1024)
    return made


def _config(application: Application) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http="httptools",
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=120,
        backlog=1024,
    )
