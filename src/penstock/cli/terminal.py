"""Where everything is printed: the one door to stdout and stderr.

Untrusted text leaves it clean, and a reader that went away is no error.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from penstock.reports.plain import clean

if TYPE_CHECKING:
    from penstock.cli.progress import Progress

FALLBACK = "penstock.ascii"
_COLOURS = {"good": "\x1b[32m", "bad": "\x1b[31m", "warn": "\x1b[33m", "strong": "\x1b[1m"}
_PLAIN = str.maketrans(
    {"→": "->", "←": "<-", "—": "-", "–": "-", "…": "...", "≥": ">=", "≤": "<=", "·": "-", "•": "*"}
    | {"✓": "ok", "✗": "x", "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "×": "x", "\xa0": " "}
    | dict.fromkeys("─━═", "-")
    | dict.fromkeys("│┃║", "|")
    | dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯", "+")
)


def in_ascii(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that a stream can't hold: never an exception."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_PLAIN)
    plain = unicodedata.normalize("NFKD", text)
    shown = "".join(char for char in plain if not unicodedata.combining(char))
    return shown.encode("ascii", "replace").decode("ascii"), error.end


@dataclass(slots=True, kw_only=True)
class Terminal:
    """The two streams, and what they can show."""

    out: TextIO
    err: TextIO
    is_interactive: bool = False
    has_colour: bool = False
    is_gone: bool = False
    """Whoever read stdout has gone away: say nothing more."""
    is_lost: bool = False
    """A part of the answer could not be written, and not because its reader went away."""

    @classmethod
    def of(cls, out: TextIO, err: TextIO, environ: Mapping[str, str]) -> Terminal:
        """The terminal of this process; both streams learn to fall back to ASCII."""
        codecs.register_error(FALLBACK, in_ascii)
        for stream in (out, err):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors=FALLBACK)
        is_interactive = out.isatty() and environ.get("TERM") != "dumb"
        return cls(
            out=out,
            err=err,
            is_interactive=is_interactive,
            has_colour=is_interactive and not environ.get("NO_COLOR"),
        )

    def silent(self) -> Terminal:
        """One that shows nothing of the answer, for what is told as JSON at its end; complaints are still heard."""
        return Terminal(out=io.StringIO(), err=self.err)

    def line(self, text: str = "", tone: str = "") -> None:
        """Print a text, clean, as one or several lines."""
        self._write(self._toned(clean(text), tone, self.has_colour))

    def json(self, value: Any) -> None:  # Any: whatever JSON can hold
        """Print a value as one line of JSON in ASCII: no character of it can steer a terminal."""
        self._write(json.dumps(value, ensure_ascii=True, default=str))

    def pretty_json(self, value: Any) -> None:  # Any: whatever JSON can hold
        """Print a value as indented JSON, for listings."""
        self._write(json.dumps(value, ensure_ascii=True, default=str, indent=2))

    def document(self, text: str) -> None:
        """Print a text of our own or the user's own making as it is, without its last line break."""
        self._write(clean(text).rstrip("\n"))

    def warn(self, text: str) -> None:
        """Print a warning to stderr."""
        self._complain("warning", text, "warn")

    def error(self, text: str) -> None:
        """Print an error to stderr; a hint stands on its own line already."""
        self._complain("error", text, "bad")

    def note(self, text: str) -> None:
        """Print to stderr what is not part of the answer."""
        with suppress(OSError):
            self.err.write(f"{clean(text)}\n")
            self.err.flush()

    def progress(self) -> Progress:
        """What shows people how a run comes on, here."""
        from penstock.cli.progress import progress_for  # noqa: PLC0415 - slow to import, and `--help` does without

        return progress_for(self, as_json=False)

    def _complain(self, kind: str, text: str, tone: str) -> None:
        has_colour = self.has_colour and self.err.isatty()
        with suppress(OSError):
            self.err.write(f"{self._toned(f'{kind}:', tone, has_colour)} {clean(text)}\n")
            self.err.flush()

    def _toned(self, text: str, tone: str, has_colour: bool) -> str:
        return f"{_COLOURS[tone]}{text}\x1b[0m" if has_colour and tone in _COLOURS else text

    def _write(self, text: str) -> None:
        self.put(f"{text}\n")

    def put(self, text: str) -> None:
        """Write what is clean already, as it is; who went away is told no more."""
        if self.is_gone:
            return
        try:
            self.out.write(text)
            self.out.flush()
        except OSError as error:
            self.is_gone = True
            forget_reader(self.out)
            if not isinstance(error, BrokenPipeError):
                self.is_lost = True
                self.error(f"the answer can't be written: {error.strerror or error}")

    def close(self) -> None:
        """Flush what is left; a reader that went away is no error."""
        for stream in (self.out, self.err):
            try:
                stream.flush()
            except OSError:
                forget_reader(stream)


def forget_reader(stream: TextIO) -> None:
    """Let what is still buffered go nowhere, so that the interpreter's own flush at the end is quiet."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def standard(environ: Mapping[str, str]) -> Terminal:
    """The terminal over this process's own streams; what was closed before we began is replaced by nowhere."""
    return Terminal.of(sys.stdout or _nowhere(), sys.stderr or _nowhere(), environ)


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")
