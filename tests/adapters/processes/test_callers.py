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

from penstock.adapters.processes.callers import doubt_about_caller
from penstock.adapters.processes.confinement import confinement_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.adapters.processes.trial import Trial

CALL = """
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
sock.sendall(b"x")
"""
STAY = "sock.recv(1)"
IN_A_THREAD = """
import ctypes
threading.Thread(target=sock.recv, args=(1,)).start()
ctypes.CDLL(None).pthread_exit(None)
"""
UNSEEN = f"import ctypes; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); {STAY}"  # PR_SET_DUMPABLE


@contextmanager
def called(*before: str, then: str, first: str = "") -> Iterator[str]:
    """What is thought of a process that calls, after some words before its command."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(60)
        code = f"import encodings.idna, os, socket, sys, threading\n{first}{CALL}{then}"
        words = [*before, sys.executable, "-I", "-c", code, str(server.getsockname()[1])]
        with subprocess.Popen(words, stdin=subprocess.DEVNULL) as process:
            connection, client = server.accept()
            with closing(connection):
                assert connection.recv(1) == b"x"
                if not then:
                    process.wait()
                yield doubt_about_caller(client, connection.getsockname())


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


@pytest.mark.parametrize("then", [STAY, IN_A_THREAD, UNSEEN], ids=["plainly", "without its first thread", "unseen"])
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


def test_nobody_is_doubted_who_calls_from_elsewhere() -> None:
    assert doubt_about_caller(("192.0.2.1", 1), ("192.0.2.2", 2)) == ""


@pytest.mark.usefixtures("bystander")
@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_nobody_is_doubted_who_is_another_user() -> None:
    with called(first="os.setuid(65534)", then=STAY) as doubt:
        assert doubt == ""
