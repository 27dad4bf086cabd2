"""A stream in memory that may call itself a terminal."""

from __future__ import annotations

import io


class Screen(io.TextIOWrapper):
    """A stream with an encoding that may call itself a terminal."""

    def __init__(self, encoding: str = "utf-8", *, is_terminal: bool = False) -> None:
        self.held = io.BytesIO()
        self.is_terminal = is_terminal
        super().__init__(self.held, encoding=encoding, newline="\n")

    def isatty(self) -> bool:
        return self.is_terminal

    @property
    def text(self) -> str:
        return self.held.getvalue().decode(self.encoding)
