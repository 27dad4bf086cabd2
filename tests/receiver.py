"""A local place that notifications are posted to."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """Takes what is posted, and answers with a status."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.status = 200
        receiver = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.told.append(json.loads(body))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.address = f"json://127.0.0.1:{self._server.server_address[1]}/told"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
