"""One answer of an upstream as it comes in by HTTP/1.1. Pure: bytes are fed in, a head and a body are taken out."""

from __future__ import annotations

import zlib
from collections import deque

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from penstock.gateway.failures import AnswerUnreadable
from penstock.gateway.headers import Headers

MOST_AROUND = 128 * 1024
"""Bytes that may come in a row without a byte of the body: a head is never larger, nor is what follows a body."""
LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes: none that is larger is passed on, so no piece of one need hold more once it is unpacked."""
_LENGTHS = ("content-length", "transfer-encoding")
INFLATES = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""What zlib wants to be told of each packing that it undoes."""
_PLAIN = frozenset({"", "identity"})


class _Unpacker:
    """Undoes one packing, also where what was packed comes in several parts."""

    def __init__(self, packing: int) -> None:
        self._packing = packing
        self._part = zlib.decompressobj(packing)

    def unpack(self, piece: bytes) -> bytes:
        """What a piece holds, or AnswerUnreadable where that is more than any answer may be."""
        plain, left = list[bytes](), LARGEST_ANSWER
        while piece:
            if self._part.eof:
                self._part = zlib.decompressobj(self._packing)
            plain.append(self._part.decompress(piece, left + 1))
            left -= len(plain[-1])
            if left < 0:
                raise AnswerUnreadable("it is packed and larger than is passed on")
            piece = self._part.unused_data
        return b"".join(plain)


class Incoming:
    """An answer, from its first byte to its last. The methods `on_…` are for the parser."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: Headers = []
        """As they came."""
        self.named: dict[str, str] = {}
        """The same by their names in lower case."""
        self.has_begun = False
        """Whether status and headers are known."""
        self.is_complete = False
        self.is_last = True
        """Whether its connection can carry no further answer."""
        self.waiting = 0
        """How many bytes of the body have come and were not taken yet."""
        self._pieces: deque[bytes] = deque()
        self._around = 0
        self._packing = ""
        self._unpacker: _Unpacker | None = None
        self._parser = HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take in what has come, or AnswerUnreadable."""
        self._around += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self.is_last = True
            if not self.is_complete:
                raise AnswerUnreadable(str(error.__context__ or error)) from error
        if self._around > MOST_AROUND and not self.is_complete:
            raise AnswerUnreadable("its headers do not end")

    def end(self) -> None:
        """The connection has ended, and with it an answer that did not say how long it is."""
        self.is_last = True
        self.is_complete = self.is_complete or (self.has_begun and not any(name in self.named for name in _LENGTHS))

    def take(self) -> bytes:
        """The next piece of the body, as it came; empty where none has."""
        piece = self._pieces.popleft() if self._pieces else b""
        self.waiting -= len(piece)
        return piece

    def on_message_begin(self) -> None:
        """Another answer begins: to the same request only after one that says that the real one will come."""
        if self.is_complete:
            raise AnswerUnreadable("there are two answers to one request")
        self.headers.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header is known; what follows a body in the shape of one is not passed on."""
        if not self.has_begun:
            self.headers.append((name, value.strip()))

    def on_headers_complete(self) -> None:
        """All headers are known."""
        self.status = self._parser.get_status_code()
        if self.status < 200:
            return
        self.has_begun = True
        self.is_last = not self._parser.should_keep_alive()
        self.named = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self.headers}
        self._packing = self.named.get("content-encoding", "").lower()
        self._unpacker = _Unpacker(INFLATES[self._packing]) if self._packing in INFLATES else None

    def on_body(self, piece: bytes) -> None:
        """A piece of the body; one that was packed unasked is unpacked, or AnswerUnreadable."""
        if self._unpacker is None and self._packing not in _PLAIN:
            raise AnswerUnreadable(f'it is packed by "{self._packing[:40]}", which was not asked for')
        plain = piece if self._unpacker is None else self._unpacker.unpack(piece)
        self._around = 0
        if plain:
            self._pieces.append(plain)
            self.waiting += len(plain)

    def on_message_complete(self) -> None:
        """It has come to its end."""
        self.is_complete = self.has_begun
