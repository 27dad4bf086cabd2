"""Reads the report of `coverage json` and fails when a guarded package has less than 90 % of its branches covered.

It only reads; measuring is coverage's own work. A guarded package that was not measured at all fails too.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

GUARDED = ("domain", "engine", "adapters/store", "adapters/git")
THRESHOLD = 90.0


def branches(files: Mapping[str, Any], package: str) -> tuple[int, int] | None:
    """Covered branches and all branches of one package; None if none of its files was measured."""
    summaries = [
        report["summary"] for name, report in files.items() if f"penstock/{package}/" in name.replace("\\", "/")
    ]
    if not summaries:
        return None
    return sum(each["covered_branches"] for each in summaries), sum(each["num_branches"] for each in summaries)


def judge(files: Mapping[str, Any], package: str) -> tuple[bool, str]:
    """Whether the package passes, and its line of the table."""
    counted = branches(files, package)
    if counted is None:
        return False, f"{package:<16} {'not measured':>24}  below"
    covered, total = counted
    share = 100.0 * covered / total if total else 100.0
    passes = share >= THRESHOLD
    return passes, f"{package:<16} {covered:>7} {total:>8} {share:>6.1f}%  {'ok' if passes else 'below'}"


def main(arguments: list[str]) -> int:
    """One word: the report's path. 0 if all pass, 1 if one is below, 2 for a report that can't be judged."""
    if len(arguments) != 1:
        print("usage: check_coverage.py REPORT.json (written by `coverage json`)", file=sys.stderr)
        return 2
    try:
        report = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    except (OSError, ValueError) as failure:
        print(f"{arguments[0]} can't be read as coverage's JSON report: {failure}", file=sys.stderr)
        return 2
    if not report["meta"]["branch_coverage"]:
        print(f"{arguments[0]} was measured without branches", file=sys.stderr)
        return 2
    verdicts = [judge(report["files"], package) for package in GUARDED]
    print(f"{'branches of':<16} {'covered':>7} {'all':>8} {'share':>7}  at least {THRESHOLD:.0f}%")
    print("\n".join(line for _, line in verdicts))
    return 0 if all(passes for passes, _ in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
