"""Workstreams side by side, through the real service with real git and real processes.

(a) 8 independent workstreams whose scripted agent takes a second, 4 at once: wall time against two rounds of a second
plus what the same run takes with an agent that takes no time. (b) many agents at once: how late the owner's loop wakes
up a task that asks for it every 50 ms, and what an agent costs in memory.

    python benchmarks/parallel.py [--agents N]     (N is 64)
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from penstock.bootstrap import Penstock, build
from penstock.submission import Submission

GIT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
NAMES = {f"GIT_{role}_{part}": "user@example.invalid" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
SETTINGS = '[checks]\npresent = "test -d src"\n[executor]\nmin_free_gb = 0.0\n'
PROBE_EVERY = 0.050
LOOK_EVERY = 0.5
AGENTS_TAKE = 10.0


def bundle(number: int, seconds: float) -> dict[str, object]:
    """A workstream with a file of its own and nothing to accept it by: what is measured is the work side by side."""
    path = f"src/file{number}.txt"
    turn: list[object] = [{"sleep": seconds}, {"write": {"path": path, "content": "good\n"}}]
    return {
        "id": f"ws-{number:03}",
        "openspec_change": "OS-1",
        "gate": 1,
        "files_scope": [path],
        "tasks": ["Write the file"],
        "tool": "scripted",
        "metadata": {"scripted": [turn]},
    }


def project_of(folder: Path, count: int, seconds: float) -> Path:
    """A user's repository with independent workstreams."""
    project = folder / "project"
    for name in ("workstreams", "src"):
        (project / name).mkdir(parents=True)
    (project / "src" / "seed.txt").write_text("seed\n")
    (project / "penstock.toml").write_text(SETTINGS)
    for number in range(count):
        one = bundle(number, seconds)
        (project / "workstreams" / f"{one['id']}.json").write_text(json.dumps(one))
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "base"]):
        subprocess.run(["git", *arguments], cwd=project, env={**os.environ, **GIT, **NAMES}, check=True)
    return project


def penstock_in(project: Path, home: Path) -> Penstock:
    """Penstock with a home of its own."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "PENSTOCK_HOME": str(home), **GIT}
    return build(folder=project, environ=environ)


async def submit(penstock: Penstock, parallel: int) -> str:
    """Store the run: what opens the database for the first time is not what is measured."""
    penstock.projects.trust_here(penstock.projects.current())
    return (await penstock.service.submit(Submission(run_id="bench", max_parallel=parallel))).run_id


async def run(penstock: Penstock, run_id: str) -> float:
    """Seconds from the run's first step to its end."""
    began = time.perf_counter()
    ended = await penstock.service.work(run_id)
    took = time.perf_counter() - began
    if ended.state.value != "completed":
        raise SystemExit(f"the run ended {ended.state.value}: {ended.sentence}")
    return took


def wall(count: int, seconds: float, parallel: int) -> float:
    """Seconds of one whole run."""
    with tempfile.TemporaryDirectory() as folder:
        penstock = penstock_in(project_of(Path(folder), count, seconds), Path(folder) / "home")

        async def work() -> float:
            try:
                return await run(penstock, await submit(penstock, parallel))
            finally:
                await penstock.close()

        return asyncio.run(work())


async def lateness(late: list[float]) -> None:
    """Ask to be woken every 50 ms and note by how much it was missed."""
    while True:
        due = time.perf_counter() + PROBE_EVERY
        await asyncio.sleep(PROBE_EVERY)
        late.append(time.perf_counter() - due)


def memory(most: dict[str, float]) -> None:
    """What this process and each kind of its descendants take now; the moment with the most agents is kept."""
    kinds: dict[str, list[int]] = {"agent": [], "keeper": []}
    me = psutil.Process()
    for process in me.children(recursive=True):
        try:
            line = process.cmdline()
            pss = process.memory_full_info().pss
        except psutil.Error:
            continue
        if any("scripted_player" in word for word in line):
            kinds["agent"].append(pss)
        elif any("zygote" in word for word in line):
            kinds["keeper"].append(pss)  # the zygote is one of them
    if len(kinds["agent"]) >= most.get("agents", 0):
        most["agents"] = len(kinds["agent"])
        most["owner"] = me.memory_full_info().pss / 2**20
        for kind, found in kinds.items():
            most[kind] = sum(found) / 2**20 / max(1, len(found))


def crowd(count: int) -> None:
    """Many agents at once."""
    with tempfile.TemporaryDirectory() as folder:
        penstock = penstock_in(project_of(Path(folder), count, AGENTS_TAKE), Path(folder) / "home")
        late: list[float] = []
        most: dict[str, float] = {}

        async def look() -> None:
            while True:
                await asyncio.sleep(LOOK_EVERY)
                await asyncio.to_thread(memory, most)

        async def work() -> float:
            run_id = await submit(penstock, count)
            beside = [asyncio.create_task(lateness(late)), asyncio.create_task(look())]
            try:
                return await run(penstock, run_id)
            finally:
                for task in beside:
                    task.cancel()
                await penstock.close()

        took = asyncio.run(work())
    print(f"{count} agents at once, each {AGENTS_TAKE:.0f} s: {took:.1f} s in all")
    print(f"  most at one moment: {most.get('agents', 0):.0f}")
    print(f"  loop: worst lateness {1000 * max(late):.0f} ms, p99 {1000 * quantile(late, 0.99):.0f} ms of {len(late)}")
    print(
        f"  memory (PSS): owner {most['owner']:.0f} MB; per agent {most['agent']:.1f} MB and its keeper"
        f" {most['keeper']:.1f} MB"
    )


def quantile(values: Sequence[float], part: float) -> float:
    """The value that so large a part does not exceed."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[sys.argv.index("--agents") + 1]) if "--agents" in sys.argv else 64
    git_alone, whole, sequential = wall(8, 0.0, 4), wall(8, 1.0, 4), wall(8, 1.0, 1)
    ideal = 2.0 + git_alone
    print(f"8 workstreams of 1 s, 4 at once: {whole:.2f} s; two rounds and the rest of the work {ideal:.2f} s")
    print(f"  ({git_alone:.2f} s with agents that take no time): {100 * (whole / ideal - 1):+.0f} %")
    print(f"  one after another: {sequential:.2f} s, {sequential / whole:.1f} times as long")
    crowd(count)


if __name__ == "__main__":
    main()
