"""What a keeper must know of a process that bubblewrap stands before: whom to tell to end, and how it really ended.

Only the standard library: a bare interpreter imports it.
"""

from __future__ import annotations

import os
import signal

from penstock.adapters.processes.descent import families, send_group_signal, send_signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# Bubblewrap turns a signal into 128 and its number. Only what hardly any program gives as a code of its own is read so.
_SIGNALS = frozenset(
    (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGTERM)
)
STATUS = 3
"""The descriptor on which bubblewrap tells how the process inside ended; that process has it not."""
_HEAD = 4096


def tell_group(main: int) -> None:
    """TERM to the main process's group."""
    send_group_signal(main, signal.SIGTERM)
    send_group_signal(main, signal.SIGCONT)  # a stopped process hears TERM only then


def tell_those_inside(main: int) -> None:
    """TERM to the main process's group but for bubblewrap's own two: when they go, all inside is killed at once."""
    members = [(pid, parent) for pid, parent, group in families() if group == main]
    for pid, parent in members:
        if main not in {pid, parent}:
            send_signal(pid, signal.SIGTERM)
            send_signal(pid, signal.SIGCONT)


def true_code(code: int) -> int:
    """The exit code of the process inside: a signal as its negative number."""
    return 128 - code if code - 128 in _SIGNALS else code


def telling(confinement: Sequence[str], descriptor: int = STATUS) -> list[str]:
    """The words that confine, so that bubblewrap tells there how the process inside ended."""
    program, *words = confinement
    return [program, "--json-status-fd", str(descriptor), *words]


def why_it_never_began(code: int, told: bytes, stderr: str) -> str | None:
    """What bubblewrap said when it could not confine; None if the process inside ran, or might have.

    Only what it told apart from the streams says so: what stands there, the process inside may have written.
    """
    if code != 1 or b'"exit-code"' in told:
        return None
    try:
        with open(stderr, "rb") as log:  # noqa: PTH123
            lines = log.read(_HEAD).splitlines()
    except OSError:
        lines = []
    return lines[0].decode("utf-8", "replace") if lines else "bubblewrap could not confine, and did not say why"


def is_found(command: str, folder: str, environ: dict[str, str]) -> bool:
    """Whether there is such a program to start, as the process inside would look for it."""
    places = [folder] if "/" in command else os.get_exec_path(environ)
    paths = (os.path.join(place, command) for place in places)  # noqa: PTH118
    return any(os.path.isfile(path) and os.access(path, os.X_OK) for path in paths)  # noqa: PTH113 - never raises
