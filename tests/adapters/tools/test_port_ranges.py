"""Two checks are never given the same ports, and none is given ports that somebody uses."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import ExitStack

from penstock.adapters.tools.port_ranges import FIRST, HOST, LAST, WIDTH, lent_range

_BORROWER = """
import sys
from penstock.adapters.tools.port_ranges import lent_range
with lent_range() as ports:
    print(ports, flush=True)
    sys.stdin.read()
"""


def test_ranges_that_are_lent_at_once_do_not_meet() -> None:
    with ExitStack() as held:
        lent = [held.enter_context(lent_range()) for _ in range(5)]
    assert len({(start - FIRST) // WIDTH for start in lent}) == 5
    assert all(start > FIRST and start + WIDTH - 1 <= LAST for start in lent)


def test_a_range_is_closed_to_other_processes_too() -> None:
    with lent_range() as mine:
        other = subprocess.Popen(
            [sys.executable, "-c", _BORROWER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert other.stdout is not None
        theirs = int(other.stdout.readline())
        other.communicate("")
    assert (theirs - FIRST) // WIDTH != (mine - FIRST) // WIDTH


def test_a_range_in_which_somebody_listens_is_passed_over() -> None:
    with lent_range() as start:
        pass
    with socket.socket() as server:
        server.bind((HOST, start + 7))
        server.listen()
        with lent_range() as other:
            assert other != start
    with socket.socket() as server, lent_range() as mine:
        server.bind((HOST, mine))  # what is lent can be used
