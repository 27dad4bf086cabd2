#!/usr/bin/env python3
"""Records what `sandbox_repos/epics` answers, as the package brings it: `python scripts/record_epics.py [NAME ...]`.

Each epic goes through all phases with the real gateway and a scripted model; what was said becomes
`src/penstock/demo/recordings/HASH`. For whoever changes an epic, a prompt or a template; a test says when that is due.
"""

from __future__ import annotations

import json
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
    (target / "epic.txt").write_text(answers.epic + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
