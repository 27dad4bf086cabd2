"""Plays one turn of a script in the working folder. Runs alone on a bare interpreter and imports nothing of Penstock.

Exit codes: 0 played to the end, 4 an action could not be done, or what `crash` says. Paths may lead anywhere on
purpose: a script also plays the agent that does what it must not. What most scripts don't need is imported where it is
used, for this process starts once per attempt: pathlib, json and signal would each double what that costs.
"""

from __future__ import annotations

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

FAILED = 4


class CannotPlay(Exception):
    """An action found the worktree other than it needs it."""


def write(path: str, content: str) -> None:
    """Make or overwrite a file."""
    _make_parent(path)
    with open(path, "wb") as file:
        file.write(content.encode())


def append(path: str, content: str) -> None:
    """Add to the end of a file."""
    with open(path, "ab") as file:
        file.write(content.encode())


def replace(path: str, old: str, new: str) -> None:
    """Replace the first occurrence of a text."""
    with open(path, "rb") as file:
        before = file.read()
    if old.encode() not in before:
        raise CannotPlay(f"{path} does not hold {old!r}")
    with open(path, "wb") as file:
        file.write(before.replace(old.encode(), new.encode(), 1))


def delete(path: str) -> None:
    """Remove a file, or a folder with all that it holds."""
    if os.path.isdir(path) and not os.path.islink(path):
        for name in os.listdir(path):
            delete(os.path.join(path, name))
        os.rmdir(path)
    else:
        os.unlink(path)


def chmod(path: str, mode: str) -> None:
    """Change a file's mode."""
    os.chmod(path, int(mode, 8))


def symlink(path: str, target: str) -> None:
    """Make a symbolic link at `path`, replacing a file."""
    _make_parent(path)
    if os.path.lexists(path):
        os.unlink(path)
    os.symlink(target, path)


def hardlink(path: str, target: str) -> None:
    """Make `path` a second name of `target`."""
    _make_parent(path)
    os.link(target, path)


def make_folder(path: str) -> None:
    """Make a folder and those above it."""
    os.makedirs(path, exist_ok=True)


def _make_parent(path: str) -> None:
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)


def run(argv: list[str]) -> None:
    """Run a program; its exit code is printed and changes nothing."""
    import subprocess

    done = subprocess.run(argv, check=False)
    say(f"{argv[0]}: exit code {done.returncode}")


def spawn(path: str, content: str, after: float, setsid: bool = False) -> None:
    """Leave a child behind that writes a file later."""
    if os.fork():
        return
    if setsid:
        os.setsid()
    sleep(after)
    write(path, content)
    os._exit(0)


def crash(code: int = 1, signal: str = "") -> None:
    """End at once, by an exit code or a signal."""
    sys.stdout.flush()
    if signal:
        from signal import Signals

        os.kill(os.getpid(), Signals[f"SIG{signal.upper().removeprefix('SIG')}"])
    os._exit(int(code))


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def sleep(seconds: float) -> None:
    """Wait."""
    import time

    time.sleep(seconds)


def hang() -> None:
    """Never end."""
    while True:
        sleep(3600)


ACTIONS: Mapping[str, Callable[..., Any]] = {
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
    "nothing": lambda: None,
    "lie": lambda: say("Done. All tasks are finished and all tests pass."),
}


def play(turn: list[dict[str, Any]]) -> None:
    """Do the actions one after another."""
    for action in turn:
        ((name, given),) = action.items()
        if isinstance(given, dict):
            ACTIONS[name](**given)
        elif given is None:
            ACTIONS[name]()
        else:
            ACTIONS[name](given)


def main(turn_file: str) -> int:
    """Play the turn in a file."""
    try:
        with open(turn_file, "rb") as file:
            turn = marshal.load(file)  # noqa: S302 - written by us, for this interpreter, where no agent writes
        play(turn)
    except (OSError, CannotPlay) as error:
        sys.stderr.write(f"scripted agent: {error}\n")
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
