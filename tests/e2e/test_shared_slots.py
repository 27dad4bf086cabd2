"""Two processes with one home share the machine's slots: never too many agents, and a kill frees what was held."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
from two_process_support import BOUND, Desk, bundle, kill, until, writes

pytestmark = pytest.mark.slow

ONE_AGENT = '[checks]\nwords = "! grep -rq BROKEN src"\n[executor]\nagents = 1\nmin_free_gb = 0.0\n'
STAMP = "import sys, time; open(sys.argv[1], 'a').write(f'{sys.argv[2]} {time.monotonic()}\\n')"


def stamped(folder: Path, name: str, seconds: float) -> dict[str, object]:
    """A workstream whose agent writes down when it began and when it ended."""

    def stamp(word: str) -> object:
        return {"run": [sys.executable, "-c", STAMP, str(folder / "stamps"), word]}

    return bundle(name, [[stamp("begin"), *writes(name, after=seconds), stamp("end")]])


def stamps(folder: Path) -> list[tuple[str, float]]:
    """What the agents wrote down, in the order of time."""
    lines = (folder / "stamps").read_text().splitlines()
    return sorted(((word, float(at)) for word, at in map(str.split, lines)), key=lambda one: one[1])


def test_two_processes_with_one_slot_never_have_two_agents_at_once(tmp_path: Path) -> None:
    many = [stamped(tmp_path, f"ws-{name}", 0.3) for name in "abc"]
    desk = Desk(tmp_path, *many, settings=ONE_AGENT)
    owners = [desk.start("run", "--run-id", run, "--max-parallel", "3") for run in ("r1", "r2")]
    for owner in owners:
        said, _ = owner.communicate(timeout=BOUND)
        assert owner.returncode == 0, said
    words = [word for word, _ in stamps(tmp_path)]
    assert words == ["begin", "end"] * 6


def test_who_waits_for_another_process_says_so_and_a_kill_lets_it_in(tmp_path: Path) -> None:
    desk = Desk(tmp_path, stamped(tmp_path, "ws-a", 300.0), settings=ONE_AGENT)
    first = desk.start("run", "--run-id", "r1")
    until((tmp_path / "stamps").exists, "the first agent works")
    second = desk.start("run", "--run-id", "r2")
    until(lambda: _delay(desk, "r2"), "the second run says what it waits for")
    assert _delay(desk, "r2") == (
        f"the only slot for agents on this machine is in use: ws-a/edit-1 of run r1 (process {first.pid})"
    )
    assert "waits: the only slot for agents" in desk.ask("show-run", "r2", code=None)
    assert (tmp_path / "stamps").read_text().count("begin") == 1
    before, killed = set(desk.agents()), time.monotonic()
    kill(first)
    until(lambda: (tmp_path / "stamps").read_text().count("begin") == 2, "the second agent works")
    assert stamps(tmp_path)[-1][1] - killed < 15.0
    assert not before & set(desk.agents())
    until(lambda: not _delay(desk, "r2"), "the second run waits no more")
    desk.ask("cancel", "r2", code=None)
    second.communicate(timeout=BOUND)
    assert desk.agents() == []


def test_a_pause_of_a_run_that_waits_for_a_slot_answers_at_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path, stamped(tmp_path, "ws-a", 300.0), settings=ONE_AGENT)
    first = desk.start("run", "--run-id", "r1")
    until(desk.agents, "the first agent works")
    second = desk.start("run", "--run-id", "r2")
    until(lambda: _delay(desk, "r2"), "the second run says what it waits for")
    desk.ask("pause", "r2", code=None)
    said, _ = second.communicate(timeout=BOUND)
    assert second.returncode == 4, said
    assert desk.shown("r2")["status"] == "paused"
    assert _delay(desk, "r2") == ""
    assert (tmp_path / "stamps").read_text().count("begin") == 1
    kill(first)


def _delay(desk: Desk, run: str) -> str:
    said = desk.ask("show-run", run, "--json", code=None)
    return str(json.loads(said)["workstreams"][0]["delay"]) if said.startswith("{") else ""
