"""The birth of the main process: it gets its streams, its folder and its environment, no more.

The keeper is not copied for it (posix_spawn): a copy of an interpreter costs more than most commands that are run.
"""

from __future__ import annotations

import errno
import os
import signal

from penstock.adapters.processes.descent import leave_keyring
from penstock.adapters.processes.inside import is_found, telling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.adapters.processes.wire import Order

# What Python ignores would stay ignored after the exec.
_SIGNALS = tuple(int(number) for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR)


class CouldNotStart(Exception):
    """The command never ran; `number` is the system's errno, 0 if it has none."""

    def __init__(self, step: str, number: int, detail: str) -> None:
        self.step, self.number = step, number
        super().__init__(f"{step}: {os.strerror(number) if number else detail}")

    @property
    def is_not_found(self) -> bool:
        """Whether there is no such command (the folder to start it in was there)."""
        return self.step == "exec" and self.number in _NOT_THERE


def spawn(order: Order, *writers: int) -> int:
    """Start the command, which writes where it is told to, as 1, 2 and so on; returns the pid once the exec has
    succeeded, else raises CouldNotStart.
    """
    step, stdin = "stdin", -1
    try:
        stdin = os.open(order["stdin"] or os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        step = "folder"
        os.chdir(order["cwd"])
        step = "exec"
        return _start(order, (stdin, *writers))
    except (OSError, ValueError) as error:
        number = error.errno or 0 if isinstance(error, OSError) else 0
        raise CouldNotStart(step, number, str(error)) from error
    finally:
        os.chdir("/")
        if stdin >= 0:
            os.close(stdin)


def _start(order: Order, streams: tuple[int, ...]) -> int:
    argv = [*(telling(order["confinement"]) if order["confinement"] else ()), *order["argv"]]
    if order["confinement"] and not is_found(order["argv"][0], order["cwd"], order["env"]):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    if order["confinement"]:
        leave_keyring()
    actions = [(os.POSIX_SPAWN_DUP2, source, target) for target, source in enumerate(streams)]
    failed: OSError = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    for program in _places(argv[0], order["env"]):
        try:
            return os.posix_spawn(
                program, argv, order["env"], file_actions=actions, setsid=True, setsigmask=(), setsigdef=_SIGNALS
            )
        except OSError as error:
            # A program that is there and can't be started is worth more words than one that is not there, or that lies
            # in a folder which we may not look into.
            is_there = error.errno not in _NOT_THERE and os.path.exists(program)  # noqa: PTH110 - as above
            failed = error if is_there else failed
    raise failed


def _places(command: str, environ: dict[str, str]) -> Iterator[str]:
    """Where a command is looked for: in its own environment's PATH, not in ours."""
    if "/" in command:
        yield command
    else:
        yield from (os.path.join(folder, command) for folder in os.get_exec_path(environ))  # noqa: PTH118 - as exec does
