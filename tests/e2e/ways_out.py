"""All ways out by group. A group is one run; `sample` is the small one that every test run takes."""

from __future__ import annotations

from collections.abc import Mapping

from way_out import OUT_CREATED, PUT_IN, Way, sh, write
from ways_through_files import FILES
from ways_through_git import GIT, OWN

SAMPLE = (
    Way(
        name="prefix-twin",
        does=(write("src/prefix-twin_evil/x.txt", "evil\n"),),
        path="src/prefix-twin_evil/x.txt",
        rule=OUT_CREATED,
        kept=("src/prefix-twin_evil/x.txt", "evil\n"),
    ),
    Way(
        name="absolute-link",
        does=({"symlink": {"path": "src/absolute-link/out", "target": "@OUTSIDE@"}},),
        path="src/absolute-link/out",
        rule="a symlink with the absolute target",
    ),
    Way(
        name="own-hook-folder",
        does=(sh('mkdir "$G/hooks"; cp @EVIL@ "$G/hooks/post-index-change"; cp @EVIL@ "$G/hooks/pre-commit"'),),
        path=".git/hooks/post-index-change",
        rule=PUT_IN,
    ),
)

GROUPS: Mapping[str, tuple[Way, ...]] = {"sample": SAMPLE, "files": FILES, "git": GIT, "own": OWN}
PARALLEL = {"sample": 2, "files": 2, "git": 2, "own": 1}
"""What is planted in Penstock's own repository is charged to everyone who works meanwhile: so nobody does."""
