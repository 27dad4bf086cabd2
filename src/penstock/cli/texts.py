"""Texts that a command is given and gives: read from a file or stdin within bounds, written whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from penstock.domain.errors import UserError, WorldError
from penstock.domain.strict_json import parsed
from penstock.reports.plain import clean

if TYPE_CHECKING:
    from penstock.cli.invocation import Invocation

STDIN = "-"
MOST_BYTES = 1024 * 1024
AT_ONCE = 500


def read_text(invocation: Invocation, named: str, what: str) -> str:
    """The text of a file, or of stdin for `-`; UserError where there is none, it is too long, or no text."""
    try:
        if named == STDIN:
            content = _standard_input(what).read(MOST_BYTES + 1)
        else:
            with invocation.place(Path(named)).open("rb") as file:
                content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"{what} can't be read from {named}: {error.strerror or error}") from None
    if len(content) > MOST_BYTES:
        raise UserError(f"{what} in {named} has more than {MOST_BYTES:,} bytes", hint="shorten it")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{what} in {named} is no text in UTF-8: byte {error.start} is none") from None


def _standard_input(what: str) -> BinaryIO:
    """What is piped in; who began us may have closed it."""
    if sys.stdin is None:
        raise UserError(f"{what} is to be read from stdin, which is closed", hint="pipe it in, or name a file")
    return sys.stdin.buffer


def read_json(invocation: Invocation, named: str, what: str) -> Any:  # Any: whatever JSON can hold
    """The JSON value of a file or of stdin."""
    try:
        return parsed(read_text(invocation, named, what))
    except ValueError as error:
        raise UserError(f"{what} in {named} is no JSON as it can be taken: {str(error)[:200]}") from None


def give(invocation: Invocation, output: Path | None, pieces: Iterable[str]) -> None:
    """Print pieces of a text, or write them into a file, which appears only once it is whole."""
    if output is not None:
        write_whole(invocation.place(output), pieces)
        invocation.terminal.note(f"written to {output}")
        return
    for text in _joined(pieces):
        if invocation.terminal.is_gone:
            return
        invocation.terminal.document(text)


def _joined(pieces: Iterable[str]) -> Iterator[str]:
    remaining = iter(pieces)
    while some := list(islice(remaining, AT_ONCE)):
        yield "".join(some)


def write_whole(path: Path, pieces: Iterable[str], *, follows: bool = True) -> None:
    """Write a file beside its place and move it there; what was there stays if that fails. A link stays one, and a pipe
    or a device is written to as it stands, clean like what is printed: it may be a terminal. With `follows` false a
    file takes the place of whatever is there: for names that nobody wrote.
    """
    try:
        if not follows:
            _replace(path, pieces)
        elif path.exists() and not path.is_file():
            with path.open("w", encoding="utf-8", newline="") as stream:
                stream.writelines(clean(text) for text in _joined(pieces))
        else:
            _replace(Path(os.path.realpath(path)), pieces)
    except OSError as error:
        hint = "name another --output" if follows else "name another folder"
        raise WorldError(f"{path} can't be written: {error.strerror or error}", hint=hint) from None


def _replace(path: Path, pieces: Iterable[str]) -> None:
    beside = path.with_name(f".penstock-{os.urandom(8).hex()}")
    try:
        with beside.open("x", encoding="utf-8", newline="") as file:
            file.writelines(pieces)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
