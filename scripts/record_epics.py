#!/usr/bin/env python3
"""Records what `sandbox_repos/epics` answers, as the package brings it: `python scripts/record_epics.py [NAME ...]`.

Each epic goes through all phases with the real gateway and a scripted model; what was said becomes
`src/penstock/demo/recordings/HASH`. For whoever changes an epic, a prompt or a template; a test says when that is due.
"""

from __future__ import annotations

import json
import math
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "src" / "penstock" / "demo" / "recordings"
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "e2e")]

from epic_bench import (  # type: ignore[import-not-found]  # noqa: E402 - found by the line above
    EPICS,
    Answers,
    EpicBench,
    answers_to,
    epic_bench,
)

from penstock.epics.recordings import name_of  # noqa: E402
from penstock.epics.wishes import id_of  # noqa: E402
from penstock.gateway.recordings.files import RecordingFolder  # noqa: E402
from penstock.gateway.recordings.folding import unfolded  # noqa: E402

RECORDING = '[gateway]\nrecord = true\n[pipeline]\nagent = "model"\n'
MOST_PHASES = 20


def main() -> int:
    """Record the epics that are named, or all."""
    for name in sys.argv[1:] or sorted(one.name for one in EPICS.iterdir() if one.is_dir()):
        epic = (EPICS / name / "epic.txt").read_text("utf-8").strip()
        target = TARGET / name_of(epic)
        with tempfile.TemporaryDirectory() as folder, epic_bench(Path(folder), answers_to(name, id_of(epic))) as bench:
            record(bench, answers_to(name, id_of(epic)), target)
        print(f"{name}: {target.relative_to(ROOT)}, {sum(1 for _ in target.rglob('*.json'))} files")
    return 0


def record(bench: EpicBench, answers: Answers, target: Path) -> None:
    """Take one epic to its end, and keep what was said."""
    bench.settings(RECORDING)
    bench.penstock("epic", "create", answers.epic)
    for _ in range(MOST_PHASES):
        if json.loads(bench.penstock("epic", "show", "latest", "--json").stdout)["status"] != "active":
            break
        bench.penstock("advance", "latest")
    shown = json.loads(bench.penstock("epic", "show", "latest", "--json").stdout)
    if shown["status"] != "complete":
        raise SystemExit(f"{answers.name} ended {shown['status']}: {shown['sentence']}")
    shutil.rmtree(target, ignore_errors=True)
    for recording in sorted((bench.folder / "state" / "projects").glob("*/recordings/*")):
        shutil.copytree(recording, target, dirs_exist_ok=True)
    reckon(target)
    (target / "epic.txt").write_text(answers.epic + "\n", encoding="utf-8")


def reckon(target: Path) -> None:
    """Put in what a real model would have used, estimated by characters: a scripted one counts what it likes."""
    folder = RecordingFolder(target)
    for file in sorted((target / "calls").rglob("*.json")):
        call = json.loads(file.read_text("utf-8"))
        said = "".join(block.get("text", "") for block in unfolded(call["answer"], folder.get)["content"])
        read = sum(count for kind, count in call["tokens"].items() if kind != "output")
        written = math.ceil(len(said) / 3.5)
        call["tokens"] = {**dict.fromkeys(call["tokens"], 0), "input": read, "output": written}
        call["answer"]["usage"] = {"input_tokens": read, "output_tokens": written}
        file.write_text(json.dumps(call, indent=1) + "\n", encoding="ascii")


if __name__ == "__main__":
    sys.exit(main())
