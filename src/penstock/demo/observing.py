"""Looks at what the demo's run left behind: in the views, the sample repository and a clean clone. Judges nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.demo import outcome
from penstock.demo.files import project_files
from penstock.demo.outcome import Outcome
from penstock.demo.plan import GAUGE, MERGED, PIECES, ROUNDING, UNITS, WHEEL
from penstock.demo.sample import MAIN, Sample
from penstock.demo.standing import Standing, standing, tried
from penstock.ports import Views


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The facts, and what the report shows of them."""

    outcome: Outcome
    run: Mapping[str, Any]
    refusals: tuple[tuple[str, str, str], ...]
    patch: Path | None
    snapshot: str
    mended: tuple[tuple[str, str], ...]
    """Who needed a fix, and what was wrong before."""
    graph: str
    tests: str


def observe(sample: Sample, views: Views, run_id: str, before: Standing) -> Found:
    """Everything that there is to see of a run that has ended."""
    run, events = views.run(run_id), views.events(run_id)
    branch = run["branch"]
    has_branch = bool(sample.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}"))
    passed, tests = tried(sample, branch) if has_branch else (0, "there is no branch to test")
    refusals = tuple(outcome.violations(events))
    patch, snapshot = _patch(events), _snapshot(sample, run)
    return Found(
        run=run,
        refusals=refusals,
        patch=patch,
        snapshot=snapshot,
        mended=_mended(views, run_id, events),
        graph=sample.git("log", "--graph", "--format=%h %s", f"{MAIN}..{branch}") if has_branch else "",
        tests=tests,
        outcome=Outcome(
            run=run["status"],
            endings={one["ws_id"]: outcome.ending(one) for one in run["workstreams"]},
            fix_rounds=outcome.fix_rounds(events),
            violations=tuple((name, path) for name, path, _ in refusals),
            merges=_merges(sample, branch) if has_branch else (),
            parallel=_worked_together(run, views.attempts(run_id)),
            together=outcome.together(events),
            pushed=has_branch and sample.git("rev-parse", f"refs/heads/{branch}") == run["head"] != run["base"],
            refused_is_kept=patch is not None and bool(snapshot),
            tests_pass=passed > 0,
            files_are_right=has_branch and _files(sample, branch) == _meant_files(),
            main_is_unchanged=standing(sample) == before,
        ),
    )


def _merges(sample: Sample, branch: str) -> tuple[str, ...]:
    bodies = sample.git("log", "--merges", "--format=%B%x00", f"{MAIN}..{branch}").split("\0")
    names = {piece.id for piece in PIECES}
    found = [re.search(r"^Penstock-Attempt: [^/\s]+/([^/\s]+)/", body, re.MULTILINE) for body in bodies]
    return tuple(sorted(match[1] for match in found if match and match[1] in names))


def _worked_together(run: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]]) -> bool:
    """Whether each of the first agents began before any of them had ended, all from the run's base."""
    names = {UNITS.id, GAUGE.id, WHEEL.id}
    first = [one for one in attempts if one["ws_id"] in names and (one["step"], one["attempt"]) == ("edit", 1)]
    bases = {one["base"] for one in run["workstreams"] if one["ws_id"] in names}
    if {one["ws_id"] for one in first} != names or bases != {run["base"]}:
        return False
    return bool(max(one["started_at"] for one in first) < min(one["completed_at"] for one in first))


def _files(sample: Sample, branch: str) -> Mapping[str, str]:
    """What the branch has that the sample's own branch has not, or has otherwise: path and kind of change."""
    rows = sample.git("diff-tree", "-r", "--name-status", "--no-renames", MAIN, branch).splitlines()
    return {path: kind for kind, _, path in (row.partition("\t") for row in rows)}


def _meant_files() -> Mapping[str, str]:
    there = project_files()
    merged = [path for piece in MERGED for path in piece.scope]
    return {path: "M" if path in there else "A" for path in merged}


def _patch(events: Sequence[Mapping[str, Any]]) -> Path | None:
    """The file that holds what was refused."""
    for event in events:
        told = event["payload"].get("outcome") if event["event_type"] == "step_finished" else None
        if event["ws_id"] == ROUNDING.id and isinstance(told, Mapping) and told.get("patch"):
            path = Path(told["patch"])
            return path if path.is_file() and path.stat().st_size else None
    return None


def _snapshot(sample: Sample, run: Mapping[str, Any]) -> str:
    """The ref that holds all that the refused agent left."""
    own = own_repository(sample, run)
    refs = f"refs/penstock/{run['run_id']}/{ROUNDING.id}"
    return sample.git("for-each-ref", "--format=%(refname)", refs, folder=own).partition("\n")[0]


def own_repository(sample: Sample, run: Mapping[str, Any]) -> Path:
    """Penstock's own repository of the sample project."""
    return sample.home / "projects" / str(run["project"]) / "repo.git"


def _mended(views: Views, run_id: str, events: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    messages = {error["ws_id"]: str(error["message"]) for error in views.errors(run_id)}
    return tuple((name, messages.get(name, "")) for name in outcome.fix_rounds(events))
