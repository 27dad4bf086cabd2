"""A model server that says what a test tells it, on loopback; and an attempt's visit to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from penstock.ports import Access, Stop

KEY = "pk-attempt-0123456789abcdef"


@dataclass
class Scripted:
    """What is answered, and what was asked."""

    status: int = 200
    body: bytes = b"{}"
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    before: Callable[[], object] = bool
    """What is done before it answers."""
    url: str = ""

    def says(self, text: str, stop: str = "end_turn") -> None:
        """The next answers, in the form of Anthropic's protocol."""
        self.body = json.dumps({"content": [{"type": "text", "text": text}], "stop_reason": stop}).encode()

    def completes(self, text: str | None, finish: str = "stop", **said: object) -> None:
        """The same in OpenAI's."""
        choice = {"message": {"content": text, **said}, "finish_reason": finish}
        self.body = json.dumps({"choices": [choice]}).encode()


@contextmanager
def model_server() -> Iterator[Scripted]:
    """The server, running."""
    script = Scripted()

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            script.asked.append(
                (self.path, {key.lower(): value for key, value in self.headers.items()}, json.loads(content))
            )
            script.before()
            self.send_response(script.status)
            self.send_header("content-length", str(len(script.body)))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(script.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Stay:
    """A visit that ends when a test says so."""

    def __init__(self, url: str, protocol: str = "anthropic") -> None:
        self.access = Access(base_url=url, key=KEY, model="m-1", protocol=protocol)
        self.stop: Future[Stop] = Future()
        self.quiet_since, self.calls = 0.0, 0

    def close(self) -> None:
        """Nothing is held."""
