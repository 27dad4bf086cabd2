"""A whole run with real git, store, agents and checks, beside a bare shell script that keeps nothing safe.

Penstock at its defaults, 4 at once, scripted agents that each write one file, `[checks]` command `true`; the script
does `git worktree add`, write, add, commit and merge with the same parallelism and removes nothing. Rounds alternate,
so that the machine's moods touch both alike: judge by the ratio. CPU holds all children of either.

    python benchmarks/git.py [--files 20 200 5000] [--workstreams 200] [--rounds 3] [--where FOLDER]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from penstock.bootstrap import build
from penstock.domain.states import RunState
from penstock.submission import Submission

PARALLEL = 4
SETTINGS = '[checks]\ntrue = "true"\n'
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_NAME": "User" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "user@example.invalid" for role in ("AUTHOR", "COMMITTER")},
}
# `worktree add` fails now and then beside another one, so it is tried again; merges are serialised, as they must be.
BARE = """
set -eu
cd "$1"
git worktree add --quiet -b integration ../bare/integration
one() {
  for try in 1 2 3 4 5 6 7 8 9; do
    git worktree add --quiet -B "ws-$1" "../bare/ws-$1" main 2>> ../bare/refused && break
  done
  cd "../bare/ws-$1"
  mkdir -p out
  echo "written by $1" > "out/$1.txt"
  git add --all
  git commit --quiet --message "work of $1"
  flock ../lock git -C ../integration merge --quiet --no-ff --message "Merge $1" "ws-$1"
}
export -f one
seq -f %04g 0 "$(($2 - 1))" | xargs -P "$3" -I{} bash -ceu 'one {}'
"""


@dataclass
class Measured:
    """What one run took, and in Penstock's case where it went."""

    wall: float = 0.0
    cpu: float = 0.0
    processes: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    transactions: int = 0


class Meter:
    """Counts the effects that Penstock names, and how long those of git took."""

    def __init__(self) -> None:
        self.found = Measured()
        self._began: dict[tuple[int, str], float] = {}
        self._guard = threading.Lock()

    def __call__(self, effect: str) -> None:
        with self._guard:
            thread, now = threading.get_ident(), time.perf_counter()
            if effect.startswith("git ") and effect.endswith(" started"):
                self.found.processes[effect.split(" ")[1]] += 1
            elif effect.startswith("git ") and effect.endswith(" done"):
                name = effect.removesuffix(" done")
                self.found.seconds[name] += now - self._began.pop((thread, name), now)
            elif effect.startswith("git "):
                self._began[thread, effect] = now
            elif effect == "committed":
                self.found.transactions += 1


def new_repository(folder: Path, files: int, workstreams: int) -> None:
    """A repository of the user's with so many files in folders of fifty, and a plan."""
    for number in range(files):
        path = folder / f"src/part{number // 50}/module{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"VALUE = {number}\n" * 40)
    (folder / "workstreams").mkdir()
    for number in range(workstreams):
        name = f"{number:04}"
        turn = [{"write": {"path": f"out/{name}.txt", "content": f"written by {name}\n"}}]
        bundle = {
            "id": f"ws-{name}",
            "openspec_change": "OS-1",
            "gate": 1,
            "files_scope": [f"out/{name}.txt"],
            "tasks": ["Write a file"],
            "tool": "scripted",
            "metadata": {"scripted": [turn]},
        }
        (folder / f"workstreams/ws-{name}.json").write_text(json.dumps(bundle))
    (folder / "penstock.toml").write_text(SETTINGS)
    (folder / ".gitignore").write_text("/workstreams/\n")
    _git(folder, "init", "--initial-branch=main")
    _git(folder, "add", "--all")
    _git(folder, "commit", "--message=base")


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout


def _cpu() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def bare(root: Path, workstreams: int) -> Measured:
    """The script, once."""
    wall, cpu = time.perf_counter(), _cpu()
    (root / "bare").mkdir()
    arguments = [str(root / "user"), str(workstreams), str(PARALLEL)]
    subprocess.run(["bash", "-c", BARE, "bare", *arguments], env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
    found = Measured(wall=time.perf_counter() - wall, cpu=_cpu() - cpu)
    _must_hold(root / "user", "integration", workstreams)
    return found


def penstock(root: Path, workstreams: int) -> Measured:
    """A run from its submission to the pushed branch, once."""
    meter = Meter()
    surroundings = {"PATH": os.environ["PATH"], "HOME": str(root), "PENSTOCK_HOME": str(root / "home"), "USER": "user"}

    async def work() -> None:
        built = build(folder=root / "user", environ=surroundings, effect=meter)
        try:
            built.projects.trust_here(built.projects.current())
            await built.service.submit(Submission(run_id="bench", max_parallel=PARALLEL))
            run = await built.service.work("bench")
            assert run.state is RunState.COMPLETED, run.sentence
        finally:
            await built.close()

    wall, cpu = time.perf_counter(), _cpu()
    asyncio.run(work())
    meter.found.wall, meter.found.cpu = time.perf_counter() - wall, _cpu() - cpu
    _must_hold(root / "user", "penstock/bench", workstreams)
    return meter.found


def _must_hold(user: Path, branch: str, workstreams: int) -> None:
    """The work of all is on the branch, whoever did it."""
    assert len(_git(user, "ls-tree", "-r", "--name-only", branch, "out/").splitlines()) == workstreams


def rounds(files: int, workstreams: int, count: int, where: Path | None) -> list[tuple[Measured, Measured]]:
    """Both, in turns, each in a repository of its own."""
    found = []
    # Removed only at the end: a file system that has just deleted many files makes new ones slowly.
    with tempfile.TemporaryDirectory(prefix="penstock-bench-", dir=where) as place:
        for number in range(count):
            pair = {}
            for measure in (bare, penstock) if number % 2 else (penstock, bare):
                root = Path(place) / f"{number}-{measure.__name__}"
                new_repository(root / "user", files, workstreams)
                os.sync()
                pair[measure] = measure(root, workstreams)
            found.append((pair[penstock], pair[bare]))
    return found


def tell(files: int, workstreams: int, found: list[tuple[Measured, Measured]]) -> None:
    """One line of medians, and where Penstock's time went."""
    ratio = statistics.median(ours.wall / theirs.wall for ours, theirs in found)
    cpu_ratio = statistics.median(ours.cpu / theirs.cpu for ours, theirs in found)
    walls = [statistics.median(one.wall for one in side) for side in zip(*found, strict=True)]
    every = [f"{ours.wall / theirs.wall:.2f}" for ours, theirs in found]
    ours = found[-1][0]
    each = ours.processes.total() / workstreams
    print(
        f"{files:>6} files: Penstock {walls[0]:.2f} s, script {walls[1]:.2f} s, ratio {ratio:.2f} ({', '.join(every)})"
    )
    print(
        f"         CPU ratio {cpu_ratio:.2f}, git processes per workstream {each:.2f}, "
        f"transactions {ours.transactions / workstreams:.2f}"
    )
    for name, times in ours.processes.most_common():
        if times * 20 >= workstreams:
            took = ours.seconds[f"git {name}"] / times * 1000
            print(f"         git {name:<16} {times / workstreams:5.2f} each, {took:7.1f} ms")


def main() -> None:
    """Measure and print; judge nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, nargs="*", default=[20, 200, 5000])
    parser.add_argument("--workstreams", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--where", type=Path, default=None)
    options = parser.parse_args()
    for files in options.files:
        tell(files, options.workstreams, rounds(files, options.workstreams, options.rounds, options.where))


if __name__ == "__main__":
    main()
