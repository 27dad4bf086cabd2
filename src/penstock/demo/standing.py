"""How the sample stands: where its user is, and whether the tests of a branch pass in a clean clone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from penstock.demo.sample import MAIN, Sample

TESTS = ("python3", "-m", "unittest", "discover", "-s", "tests")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the user of the sample repository stands."""

    head: str
    main: str
    status: str


def standing(sample: Sample) -> Standing:
    """Where the user stands now."""
    return Standing(
        head=sample.git("symbolic-ref", "HEAD"),
        main=sample.git("rev-parse", f"refs/heads/{MAIN}"),
        status=sample.git("status", "--porcelain"),
    )


def tried(sample: Sample, branch: str) -> tuple[int, str]:
    """How many tests of a branch pass in a clean clone (0 if one does not), and their last words."""
    sample.git("clone", "--quiet", "--branch", branch, str(sample.project), str(sample.clone), folder=sample.folder)
    done = sample.run(TESTS, sample.clone)
    count = re.search(r"^Ran (\d+) tests?", done.stderr, re.MULTILINE)
    words = done.stderr.strip().splitlines()
    said = f"{count[1]} tests, {words[-1]}" if count else (words[-1] if words else "no answer")
    return (int(count[1]) if count and done.returncode == 0 else 0), said
