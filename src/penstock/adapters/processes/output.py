"""One stream of a process on its way into a file: the first half of the limit as it comes, the last half at the end."""

from __future__ import annotations

import contextlib
import os

_SLACK = 1024 * 1024  # the tail is cut back only when it has grown by this much, so that cutting costs little


class Capture:
    """Keeps at most `limit` bytes of a stream and says how many it left out."""

    def __init__(self, path: str, limit: int) -> None:
        self._name = os.path.basename(path)  # noqa: PTH119
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._tail_limit = limit // 2
        self._head_room = limit - self._tail_limit
        self._tail = bytearray()
        self._left_out = 0
        self.error: str | None = None

    @property
    def is_truncated(self) -> bool:
        """Whether bytes were left out; settled by `finish`."""
        return self._left_out > 0

    def feed(self, chunk: bytes) -> None:
        """Take what the stream gave."""
        head, rest = chunk[: self._head_room], chunk[self._head_room :]
        self._head_room -= len(head)
        self._write(head)
        if rest:
            self._tail += rest
            self._show_life()
        if len(self._tail) > self._tail_limit + _SLACK:
            self._cut()

    def finish(self) -> None:
        """Append the tail and close the file."""
        self._cut()
        if self._left_out:
            self._write(f"\n[penstock: {self._left_out} bytes are left out here]\n".encode("ascii"))
        self._write(bytes(self._tail))
        self._tail.clear()
        os.close(self._descriptor)

    def _show_life(self) -> None:
        # Whoever watches the file sees by its time that the stream goes on, though nothing is added to it now.
        with contextlib.suppress(OSError):
            os.utime(self._descriptor)

    def _cut(self) -> None:
        surplus = len(self._tail) - self._tail_limit
        if surplus > 0:
            del self._tail[:surplus]
            self._left_out += surplus

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        # After a full disk the stream is still drained, or the process would hang on its own output.
        while view and self.error is None:
            try:
                view = view[os.write(self._descriptor, view) :]
            except OSError as error:
                self.error = f"{self._name}: {error.strerror}"
