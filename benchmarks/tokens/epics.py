"""The epics that are counted: what each role answers, the code that comes of it, what is shown of the code before."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from code_seen import signatures, whole

from penstock.planning.artifacts import Shape, validated

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PLACES = (ROOT / "sandbox_repos" / "epics", HERE / "epics")
TEST_EPIC = "metrics-endpoint"
FILES = {"epic": "pm_phase", "arch_notes": "arch_phase", "ba_spec": "ba_phase", "commit_result": "commit_phase"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Epic:
    """An epic and all that is answered to it."""

    name: str
    wish: str
    payloads: Mapping[str, dict[str, Any]]
    models: Mapping[str, Shape]
    signatures: str
    """Of the code before."""
    whole_files: str
    diff: str
    results: str


def epics() -> list[Epic]:
    """All epics, small ones first."""
    found = [_epic(folder) for place in PLACES for folder in sorted(place.iterdir()) if folder.is_dir()]
    return sorted(found, key=lambda one: len(json.dumps(one.payloads)))


def _epic(folder: Path) -> Epic:
    payloads = {kind: _read(folder / f"{name}.json") for kind, name in FILES.items()}
    payloads["qa_result"] = _read(max(folder.glob("qa_phase-*.json")))
    files = _code(folder)
    payloads["proposed_change_set"] = {
        "files": [{"path": path, "content": text} for path, text in files.items() if not _is_test(path)],
        "dependencies": [],
        "test_files": [{"path": path, "content": text} for path, text in files.items() if _is_test(path)],
    }
    names = tomllib.loads((HERE / "seen.toml").read_text(encoding="utf-8"))[folder.name]
    seen = {name: (ROOT / name).read_text(encoding="utf-8") for name in names}
    results = payloads["qa_result"]["test_results"]
    return Epic(
        name=folder.name,
        wish=(folder / "epic.txt").read_text(encoding="utf-8").strip(),
        payloads=payloads,
        models={kind: validated(kind, payload)[0] for kind, payload in payloads.items()},
        signatures=signatures(seen),
        whole_files=whole(seen),
        diff="".join(_added(path, text) for path, text in files.items()),
        results=f"{results['run']} tests run, {results['failed']} failed; all checks exit 0",
    )


def _read(path: Path) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(path.read_text(encoding="utf-8").replace("{epic_id}", "EPIC-4f1c09ab"))
    return payload


def _code(folder: Path) -> dict[str, str]:
    """The files of an epic: of this repository by name, or samples beside it, of which the last round counts."""
    listed = folder / "code.txt"
    if listed.exists():
        return {name: (ROOT / name).read_text(encoding="utf-8") for name in listed.read_text("utf-8").split()}
    rounds = sorted((folder / "dev").iterdir(), key=lambda one: ("fix" in one.name, one.name))
    return {
        str(path.relative_to(work)).removesuffix(".sample"): path.read_text(encoding="utf-8")
        for work in rounds
        for path in sorted(work.rglob("*.sample"))
    }


def _is_test(path: str) -> bool:
    return path.startswith("tests/")


def _added(path: str, text: str) -> str:
    return "".join(difflib.unified_diff([], text.splitlines(keepends=True), "/dev/null", f"b/{path}"))
