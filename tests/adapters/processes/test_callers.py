"""Who has a connection open is told by what the kernel knows of them: tried with real confined processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ordinary_user import as_ordinary_user
from penstock.adapters.processes.callers import doubt_about_caller
from penstock.adapters.processes.confinement import confinement_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.adapters.processes.trial import Trial

CALL = """
sock = socket.create_connection((sys.argv[1], int(sys.argv[2])))
sock.sendall(b"x")
"""
STAY = "sock.recv(1)"
IN_A_THREAD = """
import ctypes
threading.Thread(target=sock.recv, args=(1,)).start()
ctypes.CDLL(None).pthread_exit(None)
"""
ODDLY = f"import ctypes; ctypes.CDLL(None).prctl(15, b'\\xff\\n)', 0, 0, 0)\n{IN_A_THREAD}"  # PR_SET_NAME
UNSEEN = f"import ctypes; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); {STAY}"  # PR_SET_DUMPABLE


@contextmanager
def called(*before: str, then: str, first: str = "", host: str = "127.0.0.1") -> Iterator[str]:
    """What is thought of a process that calls, after some words before its command."""
    is_newer = ":" in host
    family, place = (socket.AF_INET6, "::") if is_newer else (socket.AF_INET, host)
    with closing(socket.create_server((place, 0), family=family, dualstack_ipv6=is_newer)) as server:
        server.settimeout(60)
        code = f"import encodings.idna, os, socket, sys, threading\n{first}{CALL}{then}"
        words = [*before, sys.executable, "-I", "-c", code, host, str(server.getsockname()[1])]
        with subprocess.Popen(words, stdin=subprocess.DEVNULL) as process:
            connection, client = server.accept()
            with closing(connection):
                assert connection.recv(1) == b"x"
                if not then:
                    process.wait()
                yield doubt_about_caller(client[:2], connection.getsockname()[:2])


@pytest.fixture
def confining(trial: Trial) -> list[str]:
    """The words before a command that confine it."""
    return confinement_of(readable=(Path(sys.prefix), Path(sys.base_prefix))).arguments(trial.program, Path("/"))


@pytest.fixture
def bystander(confining: list[str]) -> Iterator[None]:
    """Somebody confined who does nothing."""
    with subprocess.Popen([*confining, "/bin/sh", "-c", "echo; read _"], stdin=-1, stdout=-1) as process:
        assert process.stdout
        process.stdout.readline()
        yield
        process.communicate(b"\n")


@pytest.mark.parametrize(
    "then", [STAY, IN_A_THREAD, ODDLY, UNSEEN], ids=["plain", "without first thread", "oddly named", "unseen"]
)
def test_a_confined_caller_is_doubted_whatever_it_does(confining: list[str], then: str) -> None:
    with called(*confining, then=then) as doubt:
        assert doubt.startswith("confined processes are at work")


@pytest.mark.parametrize("is_confined", [True, False])
def test_a_caller_that_has_ended_is_doubted(confining: list[str], is_confined: bool) -> None:
    with called(*(confining if is_confined else ()), then="") as doubt:
        assert doubt == "it ended before it could be looked at"


@pytest.mark.usefixtures("bystander")
def test_the_users_own_caller_is_not_doubted_while_others_are_confined() -> None:
    with called(then=STAY) as doubt:
        assert doubt == ""


def test_whose_ended_connection_was_is_not_believed_to_be_roots() -> None:
    as_ordinary_user(
        "import encodings.idna, encodings.latin_1, socket\n"
        "from penstock.adapters.processes.callers import doubt_about_caller",
        """
server = socket.create_server(("127.0.0.1", 0))
child = os.fork()
if child == 0:
    socket.create_connection(server.getsockname()).sendall(b"x")
    os._exit(0)
connection, client = server.accept()
os.waitpid(child, 0)
assert doubt_about_caller(client, server.getsockname()) == "it ended before it could be looked at"
""",
    )


@pytest.mark.parametrize("host", ["::1", "::ffff:127.0.0.1"])
def test_the_newer_protocol_is_looked_through_too(host: str, confining: list[str]) -> None:
    with called(*confining, then=STAY, host=host) as doubt:
        assert doubt.startswith("confined processes are at work")


def test_nobody_is_doubted_who_calls_from_elsewhere() -> None:
    assert doubt_about_caller(("192.0.2.1", 1), ("192.0.2.2", 2)) == ""


@pytest.mark.usefixtures("bystander")
@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_nobody_is_doubted_who_is_another_user() -> None:
    with called(first="os.setuid(65534)", then=STAY) as doubt:
        assert doubt == ""
