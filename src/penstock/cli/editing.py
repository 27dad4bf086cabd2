"""The user's own editor, and files of theirs: a text is given, changed and taken back."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from penstock.cli.texts import MOST_BYTES, write_whole
from penstock.domain.errors import UserError, WorldError


@contextmanager
def edited(text: str, environ: Mapping[str, str], tell: Callable[[str], None]) -> Iterator[str]:
    """What the user makes of a text in their editor. Where that can't be used their file stays, and they are told."""
    command = environ.get("VISUAL") or environ.get("EDITOR") or ""
    if not command.strip():
        raise UserError("no editor is set", hint="set EDITOR, or give the text with --file")
    folder, before = Path(tempfile.mkdtemp(prefix="penstock-")), text.encode("utf-8")
    file = folder / "prompt.txt"
    try:
        file.write_bytes(before)
        _let_edit(file, command, environ)
        yield _taken(file)
    except BaseException:
        if file.is_file() and file.read_bytes() != before:
            tell(f"what you wrote is kept in {file}; --file takes it from there")
        else:
            shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)


def _let_edit(file: Path, command: str, environ: Mapping[str, str]) -> None:
    """Until the editor ends. Meanwhile Ctrl-C is the editor's alone: to many it is a key like others."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        ended = subprocess.run([*shlex.split(command), file], env=dict(environ), check=False).returncode
    except (OSError, ValueError) as error:
        raise WorldError(f"the editor {command!r} can't be started: {error}", hint="set EDITOR") from None
    finally:
        signal.signal(signal.SIGINT, before)
    if ended:
        raise UserError(f"the editor {command!r} ended with exit code {ended}: nothing was changed")


def _taken(file: Path) -> str:
    content = file.read_bytes()
    if len(content) > MOST_BYTES:
        raise UserError(f"the text has more than {MOST_BYTES:,} bytes", hint="shorten it")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise UserError("what the editor saved is no text in UTF-8: nothing was changed") from None


def write_files(folder: Path, files: Mapping[str, str], *, force: bool) -> list[str]:
    """Write files into a folder, and their paths; none is written if one that is there would be replaced unasked."""
    there = [name for name in files if (folder / name).exists()]
    if there and not force:
        raise UserError(
            f"{folder} holds {', '.join(there[:5])} already: nothing was written", hint="give --force to replace them"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorldError(f"{folder} can't be made: {error.strerror or error}") from None
    for name, text in files.items():
        write_whole(folder / name, [text], follows=False)
    return [str(folder / name) for name in files]
