"""The guard of branch coverage passes at its threshold, fails below it, and is not fooled by what was not measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

GUARD = Path(__file__).resolve().parents[2] / "scripts" / "check_coverage.py"
GUARDED = ("domain", "engine", "adapters/store", "adapters/git")


def judge(folder: Path, counts: dict[str, tuple[int, int]], *, branches: bool = True) -> tuple[int, str]:
    files = {
        f"src/penstock/{package}/one.py": {"summary": {"covered_branches": covered, "num_branches": total}}
        for package, (covered, total) in counts.items()
    }
    report = folder / "coverage.json"
    report.write_text(json.dumps({"meta": {"branch_coverage": branches}, "files": files}))
    ended = subprocess.run([sys.executable, GUARD, report], capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout + ended.stderr


def test_ninety_of_a_hundred_pass(tmp_path: Path) -> None:
    code, table = judge(tmp_path, dict.fromkeys(GUARDED, (90, 100)))
    assert (code, table.count("90.0%")) == (0, len(GUARDED))


def test_one_package_below_fails_and_is_named(tmp_path: Path) -> None:
    code, table = judge(tmp_path, {**dict.fromkeys(GUARDED, (100, 100)), "engine": (899, 1000)})
    assert code == 1
    assert [line.split()[0] for line in table.splitlines() if line.endswith("below")] == ["engine"]


def test_a_package_that_was_not_measured_fails(tmp_path: Path) -> None:
    code, table = judge(tmp_path, dict.fromkeys(GUARDED[:-1], (1, 1)))
    assert code == 1
    assert "not measured" in table


def test_files_outside_the_guarded_packages_do_not_help(tmp_path: Path) -> None:
    code, _ = judge(tmp_path, {**dict.fromkeys(GUARDED, (80, 100)), "cli": (9000, 9000)})
    assert code == 1


def test_a_report_without_branches_is_refused(tmp_path: Path) -> None:
    code, sentence = judge(tmp_path, dict.fromkeys(GUARDED, (0, 0)), branches=False)
    assert code == 2
    assert "without branches" in sentence


def test_a_report_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "coverage.json").write_text("[1")
    ended = subprocess.run([sys.executable, GUARD, tmp_path / "coverage.json"], capture_output=True, check=False)
    assert ended.returncode == 2
