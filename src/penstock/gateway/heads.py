"""HTTP/1.1 as uvicorn hears it, with heads of bounded size: the original keeps all that comes, from whomever it is."""

from __future__ import annotations

from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

LARGEST_HEAD = 128 * 1024
"""Bytes that may come in a row without a byte of a body; what comes at once with them may be some more."""
_ANSWER = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedHeads(HttpToolsProtocol):
    """Ends a connection on which a head, or what stands around a body, does not end."""

    _around = 0

    def data_received(self, data: bytes) -> None:
        """Take in what has come."""
        self._around += len(data)
        super().data_received(data)
        if self._around > LARGEST_HEAD and not self.transport.is_closing():
            before = cast("RequestResponseCycle | None", self.cycle)  # none before the first
            if before is None or before.response_complete:
                self.transport.write(_ANSWER)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """A head has ended."""
        self._around = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of a body has come."""
        self._around = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request has ended."""
        self._around = 0
        super().on_message_complete()
