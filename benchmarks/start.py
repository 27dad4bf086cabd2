"""How long `penstock` takes to say its version and its help, beside a bare interpreter: medians of interleaved runs.

    python benchmarks/start.py [ROUNDS]

Ends with 1 if one of these two takes more than the limit above the bare interpreter. The help of a command is shown
beside them: Typer brings pydantic in for its parameters.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

LIMIT_MS = 150.0
LIMITED = ("penstock --version", "penstock --help")
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "penstock --version": ["-m", "penstock", "--version"],
    "penstock --help": ["-m", "penstock", "--help"],
    "penstock run --help": ["-m", "penstock", "run", "--help"],
}


def measure(rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each command, taken in turns so that the machine's moods touch all alike."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, arguments in COMMANDS.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, env={**os.environ}, check=True)
            times[name].append((time.perf_counter() - began) * 1000)
    return times


def main() -> int:
    """Measure, print a table, judge."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    times = measure(rounds)
    bare = statistics.median(times["python -c pass"])
    too_slow = False
    print(f"medians of {rounds} interleaved runs, in ms")
    for name, values in times.items():
        median = statistics.median(values)
        more = median - bare
        too_slow = too_slow or (name in LIMITED and more > LIMIT_MS)
        print(f"  {name:<20} {median:7.1f}   +{more:6.1f}   (least {min(values):.1f}, most {max(values):.1f})")
    print(f"limit of {' and '.join(LIMITED)}, +{LIMIT_MS:.0f} ms: {'missed' if too_slow else 'kept'}")
    return int(too_slow)


if __name__ == "__main__":
    sys.exit(main())
