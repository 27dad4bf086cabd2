"""A turn of a script as the shell script that plays it in the working folder. Pure: it writes and starts nothing.

The script exits with 0 when it is played to the end, with 4 when an action could not be done, or with what `crash`
says. Paths may lead anywhere on purpose: a script also plays the agent that does what it must not. A shell, because it
starts once per attempt: another Python would take ten times as long as most of what is played.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

FAILED = 4
_PYTHON = f"{shlex.quote(sys.executable)} -I -S -c"
# What a shell does not do exactly, or not everywhere.
_REPLACE = """
import sys
path, old, new = sys.argv[1], *(word.encode("utf-8", "surrogateescape") for word in sys.argv[2:])
with open(path, "rb") as file:
    before = file.read()
if old not in before:
    sys.exit(f"scripted agent: {path} does not hold {sys.argv[2]!r}")
with open(path, "wb") as file:
    file.write(before.replace(old, new, 1))
"""
_OWN_SESSION = 'import os, sys; os.setsid(); os.execv("/bin/sh", ("/bin/sh", "-c", sys.argv[1]))'


def script_of(turn: Sequence[Mapping[str, Any]]) -> bytes:
    """The shell script of a turn's actions, one after another."""
    lines = []
    for action in turn:
        ((name, given),) = action.items()
        if isinstance(given, Mapping):
            lines.append(ACTIONS[name](**given))
        else:
            lines.append(ACTIONS[name](*([] if given is None else [given])))
    return "".join(f"{{ {line}\n}} || exit {FAILED}\n" for line in lines).encode("utf-8", "surrogatepass")


def write(path: str, content: str) -> str:
    """Make or overwrite a file."""
    return f"{_parent_made(path)} && {_printed(content)} > {_path(path)}"


def append(path: str, content: str) -> str:
    """Add to the end of a file."""
    return f"{_printed(content)} >> {_path(path)}"


def replace(path: str, old: str, new: str) -> str:
    """Replace the first occurrence of a text."""
    return f"{_PYTHON} {shlex.quote(_REPLACE)} {_words(path, old, new)}"


def delete(path: str) -> str:
    """Remove a file, or a folder with all that it holds."""
    return f"rm -r {_path(path)}"


def chmod(path: str, mode: str) -> str:
    """Change a file's mode."""
    return f"chmod {shlex.quote(mode)} {_path(path)}"


def symlink(path: str, target: str) -> str:
    """Make a symbolic link at `path`, replacing a file."""
    place = _path(path)
    is_free = f"{{ [ ! -e {place} ] && [ ! -L {place} ] || rm {place}; }}"
    return f"{_parent_made(path)} && {is_free} && ln -s -- {shlex.quote(target)} {place}"


def hardlink(path: str, target: str) -> str:
    """Make `path` a second name of `target`."""
    return f"{_parent_made(path)} && ln {_path(target)} {_path(path)}"


def make_folder(path: str) -> str:
    """Make a folder and those above it."""
    return f"mkdir -p {_path(path)}"


def run(argv: Sequence[str]) -> str:
    """Run a program; its exit code is printed and changes nothing, as long as there is such a program."""
    program = shlex.quote(argv[0])
    told = f"code=$?; [ $code -le 128 ] || code=$((128 - code)); printf '%s: exit code %s\\n' {program} $code"
    missing = f"{{ echo scripted agent: there is no program {program} >&2; false; }}"
    return f"{{ command -v {program} > /dev/null || {missing}; }} && {{ (exec {_words(*argv)}); {told}; }}"


def spawn(path: str, content: str, after: float, setsid: bool = False) -> str:
    """Leave a child behind that writes a file later."""
    later = f"sleep {after}; {write(path, content)}"
    return f"{_PYTHON} {shlex.quote(_OWN_SESSION)} {shlex.quote(later)} &" if setsid else f"( {later} ) &"


def crash(code: int = 1, signal: str = "") -> str:
    """End at once, by an exit code or a signal."""
    kill = f"kill -s {signal.upper().removeprefix('SIG')} $$; " if signal else ""
    return f"{kill}exit {int(code) & 255}"


def say(text: str) -> str:
    """Print a line."""
    return _printed(f"{text}\n")


def sleep(seconds: float) -> str:
    """Wait."""
    return f"sleep {seconds}"


def hang() -> str:
    """Never end."""
    return "exec sleep 2147483647"


def _parent_made(path: str) -> str:
    folder, slash, _ = path.rpartition("/")
    place = _path(folder or "/")
    return f"{{ [ -d {place} ] || mkdir -p {place}; }}" if slash else ":"


def _path(path: str) -> str:
    return shlex.quote(f"./{path}" if path.startswith("-") else path)


def _words(*words: str) -> str:
    return " ".join(map(shlex.quote, words))


def _printed(text: str) -> str:
    """The command that prints exactly this: all but plain characters by their octal numbers."""
    plain = re.sub(
        rb"[^ \n!-$&(-,.-\[\]-~]", lambda found: b"\\%03o" % found[0][0], text.encode("utf-8", "surrogatepass")
    )
    return f"printf '{plain.decode('ascii')}'"


ACTIONS: Mapping[str, Callable[..., str]] = {
    "write": write,
    "append": append,
    "replace": replace,
    "delete": delete,
    "chmod": chmod,
    "symlink": symlink,
    "hardlink": hardlink,
    "mkdir": make_folder,
    "run": run,
    "spawn": spawn,
    "crash": crash,
    "say": say,
    "sleep": sleep,
    "hang": hang,
    "nothing": lambda: ":",
    "lie": lambda: say("Done. All tasks are finished and all tests pass."),
}
