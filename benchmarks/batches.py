"""The integration queue at scale: many workstreams of scripted agents, some of which break when merged with the rest.

Each bad one takes a name that a good one takes too: alone both pass, together the project's check is red. Prints how
often a tree was verified, beside one by one, and whether every good one was merged and every bad one named with the
command that failed. Run as `python benchmarks/batches.py [COUNT] [PERCENT]`; 1,000 and 5 by default.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from penstock.bootstrap import build
from penstock.submission import Submission

CHECK = "sh unique.sh"
SETTINGS = f"""
[checks]
unique = "{CHECK}"
[executor]
max_parallel = 8
min_free_gb = 0.0
"""
UNIQUE = """again=$(cat taken/*.txt | sort | uniq -d)
test -z "$again" || { echo "FAILED taken twice: $again"; exit 1; }
"""
IDENTITY = {
    f"GIT_{role}_{what}": "bench@example.invalid" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}


def bundle(number: int, taken: str) -> dict[str, object]:
    """A workstream that takes a name."""
    path = f"taken/{number:04}.txt"
    return {
        "id": f"ws-{number:04}",
        "openspec_change": "BENCH",
        "gate": 1,
        "files_scope": [path],
        "files_create": [path],
        "tasks": [f"Take the name {taken}"],
        "tool": "scripted",
        "metadata": {"scripted": [[{"write": {"path": path, "content": f"{taken}\n"}}], ["nothing"]]},
    }


def project(folder: Path, count: int, bad: int) -> list[frozenset[str]]:
    """A repository with its plan; the pairs of which only one can be merged."""
    every = count // bad if bad else count + 1
    pairs, bundles = [], []
    for number in range(count):
        is_bad = number % every == every - 1 and len(pairs) < bad
        bundles.append(bundle(number, f"name-{number - 1 if is_bad else number}"))
        if is_bad:
            pairs.append(frozenset({f"ws-{number - 1:04}", f"ws-{number:04}"}))
    files = {
        "penstock.toml": SETTINGS,
        "unique.sh": UNIQUE,
        "taken/none.txt": "nobody\n",
        "workstreams/all.json": json.dumps(bundles),
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "base"]):
        subprocess.run(["git", "-C", str(folder), *arguments], check=True, env={**os.environ, **IDENTITY})
    return pairs


async def run(folder: Path, home: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The run as `show-run` has it, and its events."""
    surroundings = {"PATH": os.environ["PATH"], "HOME": str(home), "PENSTOCK_HOME": str(home), **IDENTITY}
    penstock = build(folder=folder, environ=surroundings)
    try:
        penstock.projects.trust_here(penstock.projects.current())
        await penstock.service.submit(Submission(run_id="queue"))
        await penstock.service.work("queue")
        views = penstock.parts.views
        return views.run("queue"), views.events("queue", limit=1_000_000)
    finally:
        await penstock.close()


def report(done: dict[str, Any], events: list[dict[str, Any]], pairs: list[frozenset[str]], seconds: float) -> bool:
    """Print what came of it; whether it is what should have come of it."""
    told = Counter(event["event_type"] for event in events)
    verifications = sum(told[name] for name in ("verdict_given", "merge_refused", "nothing_to_merge"))
    verdicts = [event["payload"]["verdict"] for event in events if event["event_type"] == "verdict_given"]
    sizes = sorted(Counter(len(verdict["members"]) for verdict in verdicts).items())
    state = {one["ws_id"]: one for one in done["workstreams"]}
    merged = {name for name, one in state.items() if one["outcome"] == "merged"}
    named = {name for name, one in state.items() if one["status"] == "failed" and CHECK in one["sentence"]}
    others = len(state) - len(merged | named)
    print(f"{len(state)} workstreams, {len(pairs)} of which break when merged with the rest: {seconds:.0f} s")
    print(f"merged {len(merged)}, failed and named with `{CHECK}` {len(named)}, others {others}")
    print(f"trees verified {verifications} ({told['merge_refused']} of them red), one by one {len(state)}")
    print(f"sizes of the green batches: {', '.join(f'{size}: {count}' for size, count in sizes)}")
    is_right = all(len(pair & merged) == 1 == len(pair & named) for pair in pairs)
    return is_right and len(merged) == len(state) - len(pairs) and len(merged | named) == len(state)


if __name__ == "__main__":
    count, percent = (int(text) for text in (*sys.argv[1:], *("1000", "5")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as place:
        folder, home = Path(place, "project"), Path(place, "home")
        pairs = project(folder, count, count * percent // 100)
        began = time.perf_counter()
        found, events = asyncio.run(run(folder, home))
        if not report(found, events, pairs, time.perf_counter() - began):
            print(found["sentence"])
            sys.exit("not every good one was merged, or not every bad one named")
