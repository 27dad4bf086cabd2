"""The birth of the main process: a fork whose child gets three descriptors, its folder and its environment, no more."""

from __future__ import annotations

import errno
import json
import os
import signal
from typing import TYPE_CHECKING, NoReturn

from penstock.adapters.processes.inside import is_found

if TYPE_CHECKING:
    from penstock.adapters.processes.wire import Order


class CouldNotStart(Exception):
    """The child never became the command; `number` is the system's errno, 0 if it has none."""

    def __init__(self, step: str, number: int, detail: str) -> None:
        self.step, self.number = step, number
        super().__init__(f"{step}: {os.strerror(number) if number else detail}")

    @property
    def is_not_found(self) -> bool:
        """Whether there is no such command (the folder to start it in was there)."""
        return self.step == "exec" and self.number in {errno.ENOENT, errno.ENOTDIR}


def spawn(order: Order, stdout: int, stderr: int) -> int:
    """Fork and exec; returns the pid once the exec has succeeded, else raises CouldNotStart."""
    stdin = _open_stdin(order)
    report_reader, report_writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become(order, (stdin, stdout, stderr), report_writer)
    os.close(report_writer)
    os.close(stdin)
    # The writer closes itself on exec, so an empty report means that the command runs.
    with os.fdopen(report_reader, "rb") as report:
        said = report.read()
    if said:
        os.waitpid(pid, 0)
        raise CouldNotStart(*json.loads(said))
    return pid


def _open_stdin(order: Order) -> int:
    try:
        return os.open(order["stdin"] or os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise CouldNotStart("stdin", error.errno or 0, str(error)) from error


def _become(order: Order, streams: tuple[int, int, int], report: int) -> NoReturn:
    step = "session"
    try:
        os.setsid()
        _reset_signals()
        for target, source in enumerate(streams):
            os.dup2(source, target)
        step = "folder"
        os.chdir(order["cwd"])
        step = "exec"
        argv = [*order["confinement"], *order["argv"]]
        if order["confinement"] and not is_found(order["argv"][0], order["cwd"], order["env"]):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        os.execvpe(argv[0], argv, order["env"])  # noqa: S606 - argv is a list, no shell
    except (OSError, ValueError) as error:
        number = error.errno or 0 if isinstance(error, OSError) else 0
        os.write(report, json.dumps([step, number, str(error)]).encode("ascii"))
    finally:
        os._exit(127)  # never back into the keeper's code


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    # What Python ignores would stay ignored after the exec.
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if signal.getsignal(number) is not signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
