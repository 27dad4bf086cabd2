"""Whether a text is Python that compiles, found out without running any of it.

What stands behind `finally` is compiled once for each way out, so a few hundred bytes, nested in each other, come to
gigabytes; and what has thousands of parts in one place takes the square of their number, while nothing else of this
process runs. A text with such a word, or a long one, is compiled by a process of its own, with an end to its time and
its memory.
"""

from __future__ import annotations

import subprocess
import sys

LONGEST_HERE = 16 * 1024
MOST_SECONDS = 60
MOST_MEMORY = 512 * 1024 * 1024
_CHILD = f"""\
import resource, signal, sys
signal.alarm({MOST_SECONDS})
most, hard = {MOST_MEMORY}, resource.getrlimit(resource.RLIMIT_AS)[1]
resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
try:
    compile(sys.stdin.buffer.read().decode("utf-8", "surrogatepass"), "file", "exec", dont_inherit=True)
except (SyntaxError, ValueError, RecursionError) as error:
    sys.exit(str(error))
"""
_FAULTY = 1


def must_compile(text: str) -> None:
    """SyntaxError, ValueError, RecursionError or MemoryError if the text is no Python, or takes too much to tell."""
    if "finally" not in text and len(text) <= LONGEST_HERE:
        compile(text, "file", "exec", dont_inherit=True)  # 3.11 can't parse to a tree in two threads
        return
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-W", "ignore", "-c", _CHILD],
            input=text.encode("utf-8", "surrogatepass"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={},
            timeout=2 * MOST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise MemoryError("it takes too long to be compiled") from None
    said = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode == _FAULTY and "MemoryError" not in said:
        raise SyntaxError(said)
    if done.returncode:
        raise MemoryError("it takes too much time or memory to be compiled")
