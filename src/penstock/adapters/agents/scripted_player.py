"""Plays one turn of a script in the working folder. Runs alone on a bare interpreter and imports nothing of Penstock.

Exit codes: 0 played to the end, 4 an action could not be done, or what `crash` says. Paths may lead anywhere on
purpose: a script also plays the agent that does what it must not.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FAILED = 4


class CannotPlay(Exception):
    """An action found the worktree other than it needs it."""


def write(path: str, content: str) -> None:
    """Make or overwrite a file."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content.encode())


def append(path: str, content: str) -> None:
    """Add to the end of a file."""
    with Path(path).open("ab") as file:
        file.write(content.encode())


def replace(path: str, old: str, new: str) -> None:
    """Replace the first occurrence of a text."""
    before = Path(path).read_bytes()
    if old.encode() not in before:
        raise CannotPlay(f"{path} does not hold {old!r}")
    Path(path).write_bytes(before.replace(old.encode(), new.encode(), 1))


def delete(path: str) -> None:
    """Remove a file, or a folder with all that it holds."""
    target = Path(path)
    if target.is_dir() and not target.is_symlink():
        for child in target.iterdir():
            delete(str(child))
        target.rmdir()
    else:
        target.unlink()


def chmod(path: str, mode: str) -> None:
    """Change a file's mode."""
    Path(path).chmod(int(mode, 8))


def symlink(path: str, target: str) -> None:
    """Make a symbolic link at `path`, replacing a file."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).unlink(missing_ok=True)
    Path(path).symlink_to(target)


def hardlink(path: str, target: str) -> None:
    """Make `path` a second name of `target`."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).hardlink_to(target)


def run(argv: list[str]) -> None:
    """Run a program; its exit code is printed and changes nothing."""
    done = subprocess.run(argv, check=False)
    say(f"{argv[0]}: exit code {done.returncode}")


def spawn(path: str, content: str, after: float, setsid: bool = False) -> None:
    """Leave a child behind that writes a file later."""
    if os.fork():
        return
    if setsid:
        os.setsid()
    time.sleep(after)
    write(path, content)
    os._exit(0)


def crash(code: int = 1, signal: str = "") -> None:
    """End at once, by an exit code or a signal."""
    sys.stdout.flush()
    if signal:
        os.kill(os.getpid(), SIGNALS[signal.upper().removeprefix("SIG")])
    os._exit(int(code))


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def hang() -> None:
    """Never end."""
    while True:
        signal.pause()


SIGNALS = {item.name.removeprefix("SIG"): item for item in signal.Signals}

ACTIONS: Mapping[str, Callable[..., Any]] = {
    "write": write,
    "append": append,
    "replace": replace,
    "delete": delete,
    "chmod": chmod,
    "symlink": symlink,
    "hardlink": hardlink,
    "mkdir": lambda path: Path(path).mkdir(parents=True, exist_ok=True),
    "run": run,
    "spawn": spawn,
    "crash": crash,
    "say": say,
    "sleep": time.sleep,
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
        play(json.loads(Path(turn_file).read_text(encoding="utf-8")))
    except (OSError, CannotPlay) as error:
        sys.stderr.write(f"scripted agent: {error}\n")
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
