"""The walking skeleton: a plan from its bundles to the integration branch, killed once in the middle and resumed."""

from __future__ import annotations

import signal
from pathlib import Path

from crash_project import end_state, lost_blobs, make_project, worktree_blobs
from crash_runner import forked, killer, left_after_a_second


def test_a_run_that_is_killed_in_the_middle_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    plain = make_project(tmp_path / "plain")
    effects: list[str] = []
    count = tmp_path / "effects"

    def note(_name: str) -> None:
        with count.open("a") as file:
            file.write(".")

    assert forked(plain, tmp_path / "plain" / "home", note) == 0
    wanted = end_state(tmp_path / "plain" / "home", plain)
    assert wanted["run"]["status"] == "partial"  # type: ignore[index] # one fails by design, and is undone
    assert [code for _, code in wanted["undone"]] == [0, 1]  # type: ignore[attr-defined] # a list of pairs
    killed = make_project(tmp_path / "killed")
    home = tmp_path / "killed" / "home"
    assert forked(killed, home, killer(len(count.read_text()) // 2, "owner")) == -signal.SIGKILL
    assert left_after_a_second(home) == []
    before = worktree_blobs(home)
    assert forked(killed, home, effects.append) == 0
    assert end_state(home, killed) == wanted
    assert lost_blobs(home, before) == []
