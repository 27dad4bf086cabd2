"""A stream is kept up to its limit, its beginning and its end, and the gap is named."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from penstock.adapters.processes.output import Capture

GAP = re.compile(rb"\n\[penstock: (\d+) bytes are left out here\]\n")


def test_a_long_output_keeps_its_two_ends(bench, run):
    code = "import sys\nfor n in range(200000): sys.stdout.write(f'line {n}\\n')"
    outcome = run(bench.agent(code, output_limit=1000))
    kept = outcome.stdout.read_bytes()
    head, left_out, tail = GAP.split(kept)
    assert outcome.truncated
    assert (len(head), len(tail)) == (500, 500)
    assert head.startswith(b"line 0\n")
    assert tail.endswith(b"line 199999\n")
    assert int(left_out) == sum(len(f"line {n}\n") for n in range(200000)) - 1000


def test_the_beginning_is_in_the_file_while_the_process_runs(tmp_path):
    log = tmp_path / "stdout.log"
    capture = Capture(str(log), 10)
    capture.feed(b"0123456789abc")
    assert log.read_bytes() == b"01234"
    capture.finish()


def test_a_full_disk_is_said_and_the_stream_is_drained():
    capture = Capture("/dev/full", 100)
    capture.feed(b"x" * 500)
    capture.feed(b"y" * 500)
    capture.finish()
    assert capture.error == "full: No space left on device"


@given(chunks=st.lists(st.binary(max_size=40)), limit=st.integers(min_value=0, max_value=100))
def test_no_byte_is_kept_beyond_the_limit_and_none_is_lost_unsaid(tmp_path_factory, chunks, limit):
    log = tmp_path_factory.mktemp("capture") / "log"
    capture = Capture(str(log), limit)
    for chunk in chunks:
        capture.feed(chunk)
    capture.finish()
    whole = b"".join(chunks)
    if len(whole) <= limit:
        assert log.read_bytes() == whole
        assert not capture.is_truncated
    else:
        tail = limit // 2
        gap = f"\n[penstock: {len(whole) - limit} bytes are left out here]\n".encode()
        assert log.read_bytes() == whole[: limit - tail] + gap + whole[len(whole) - tail :]
        assert capture.is_truncated
