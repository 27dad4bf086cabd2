"""What only confinement stops, for no diff would show it: an agent tries it in a run, and it fails as it is tried.

The control runs what a run can bear without confinement, and there each of them succeeds.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from whole_runs import Ended, bundle, changed, fingerprint, git, new_repository, whole_run

SIBLING = "ws-0-sibling"
STATE_DURING_A_RUN = ("penstock.db", "locks/", "slots", "projects/")


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What an agent tries. `@USER@`, `@STATE@`, `@PROJECT@`, `@OUTSIDE@` are folders, `@PID@` is its owner."""

    name: str
    tries: str
    harms_the_run: bool = False
    """Left out of the control: without confinement no run would survive it."""

    @property
    def id(self) -> str:
        """The workstream's id."""
        return f"ws-{self.name}"


ATTEMPTS = (
    Attempt(name="climbs", tries="echo x > ../climbed.txt"),
    Attempt(name="climbs-far", tries="echo x > ../../../../../climbed.txt"),
    Attempt(name="absolute-path", tries="echo x > @OUTSIDE@/absolute.txt"),
    Attempt(name="home-file", tries="echo x >> @USER@/.profile"),
    Attempt(
        name="link-to-home", tries="ln -s @USER@ src/link; echo x > src/link/planted; e=$?; rm src/link; test $e = 0"
    ),
    Attempt(name="a-sibling", tries=f"echo x > ../{SIBLING}/planted.txt"),
    Attempt(name="makes-a-sibling", tries="mkdir ../ws-made"),
    Attempt(name="user-repository", tries="echo x > @PROJECT@/planted.txt"),
    Attempt(name="user-branch", tries="echo x > @PROJECT@/.git/planted"),
    Attempt(name="trust", tries="echo '{}' > @STATE@/trust/planted.json"),
    Attempt(
        name="other-run",
        tries="mkdir -p @STATE@/projects/x/runs/other && echo x > @STATE@/projects/x/runs/other/outcome.json",
    ),
    Attempt(name="reads-a-key", tries="cat @USER@/.ssh/id_test"),
    Attempt(name="reads-the-store", tries="cat @STATE@/penstock.db > /dev/null"),
    Attempt(name="sees-its-owner", tries="kill -0 @PID@"),
    Attempt(
        name="a-socket-of-the-system",
        tries='test -n "$(find /run -type s 2>/dev/null)" -o ! -e /run',
        harms_the_run=True,
    ),
    Attempt(name="kills-all", tries="kill -9 @PID@", harms_the_run=True),
    Attempt(name="database", tries="echo x >> @STATE@/penstock.db", harms_the_run=True),
    Attempt(name="locks", tries="rm @STATE@/locks/*", harms_the_run=True),
    Attempt(name="own-branch", tries='echo x > "$O/refs/heads/evil"', harms_the_run=True),
    Attempt(name="own-objects", tries='echo x > "$O/objects/planted"', harms_the_run=True),
    Attempt(name="own-outcome", tries='echo "{}" > "$TMPDIR/../outcome.json"', harms_the_run=True),
    Attempt(
        name="kernel",
        tries="v=$(cat /proc/sys/kernel/core_pattern); echo $v > /proc/sys/kernel/core_pattern",
        harms_the_run=True,
    ),
    Attempt(name="remounts", tries="mount -o remount,rw / || mount -t tmpfs none @OUTSIDE@", harms_the_run=True),
)


class World:
    """One run of all attempts, and what was before it."""

    def __init__(self, folder: Path, *, confine: str) -> None:
        self.user, self.outside, self.state = folder / "user", folder / "outside", folder / "state"
        for place in (self.user / ".ssh", self.outside, self.state / "trust"):
            place.mkdir(parents=True)
        (self.user / ".ssh/id_test").write_text("a key\n")
        (self.user / ".profile").write_text("mine\n")
        self.project = folder / "project"
        self.attempts = [one for one in ATTEMPTS if confine == "required" or not one.harms_the_run]
        # It leaves its scope, so its worktree is kept for inspection, and it is the first in the order of the plan.
        sibling = bundle(SIBLING, ["src/sibling/"], [self._writes("elsewhere")])
        new_repository(self.project, {"src/seed.txt": "seed\n"}, [sibling, *map(self._bundle, self.attempts)])
        self.before = self._look()
        self.ended: Ended = whole_run(
            self.project, self.state, "run-1", max_parallel=1, PENSTOCK_CONFINE=confine, HOME=str(self.user)
        )
        self.after = self._look()

    def _look(self) -> dict[str, dict[str, str]]:
        places = {"user": self.user, "outside": self.outside, "state": self.state, "project": self.project}
        return {name: fingerprint(place) for name, place in places.items()}

    @staticmethod
    def _writes(name: str) -> list[object]:
        return [{"write": {"path": f"src/{name}/work.txt", "content": "work\n"}}]

    def _bundle(self, attempt: Attempt) -> dict[str, object]:
        places = {"USER": self.user, "STATE": self.state, "PROJECT": self.project, "OUTSIDE": self.outside}
        script = attempt.tries.replace("@PID@", str(os.getpid()))
        for name, place in places.items():
            script = script.replace(f"@{name}@", str(place))
        known = 'G=$(sed "s/^gitdir: //" .git); O=$(dirname "$(cat "$G/objects/info/alternates")"); '
        said = f"{known}( {script} ) && echo SUCCEEDED || echo FAILED"
        turn = [*self._writes(attempt.name), {"run": ["sh", "-c", said]}]
        return bundle(attempt.id, [f"src/{attempt.name}/"], [turn])

    def said(self, attempt: Attempt) -> str:
        """What the agent printed."""
        folder = next(self.state.glob(f"projects/*/runs/run-1/{attempt.id}/edit-1"))
        return (folder / "stdout.log").read_text() + (folder / "stderr.log").read_text()


@pytest.fixture(scope="module")
def world() -> Iterator[Callable[[str], World]]:
    """The world of a mode, made when it is first asked for, where a confined agent would see it."""
    made: dict[str, World] = {}
    folders: list[Path] = []

    def of(confine: str) -> World:
        if confine not in made:
            folders.append(Path(tempfile.mkdtemp(prefix="penstock-test-", dir="/var/tmp")))
            made[confine] = World(folders[-1], confine=confine)
        return made[confine]

    yield of
    for folder in folders:
        shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.usefixtures("trial")
@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: attempt.name)
def test_it_fails_as_it_is_tried(world: Callable[[str], World], attempt: Attempt) -> None:
    found = world("required")
    said = found.said(attempt)
    assert "FAILED" in said, said
    assert "SUCCEEDED" not in said
    ended = found.ended.workstream(attempt.id)
    assert (ended["status"], ended["outcome"]) == ("done", "merged"), "the work within its scope is as good as any"


@pytest.mark.slow
@pytest.mark.usefixtures("trial")
def test_afterwards_nothing_is_other_than_the_run_made_it(world: Callable[[str], World]) -> None:
    found = world("required")
    assert changed(found.before["user"], found.after["user"]) == set()
    assert changed(found.before["outside"], found.after["outside"]) == set()
    of_the_run = {
        path for path in changed(found.before["state"], found.after["state"]) if not path.startswith(STATE_DURING_A_RUN)
    }
    assert of_the_run <= {
        "locks",
        "projects",
        f"trust/{found.ended.run['project']}.json",
        "penstock.db-wal",
        "penstock.db-shm",
    }
    assert not list(found.state.glob("projects/x")) + list(found.state.glob("projects/*/repo.git/refs/heads/evil"))
    assert not list(found.project.glob("planted*")) + list(found.project.glob(".git/planted"))
    assert git(found.ended.own, "fsck", "--full", "--strict") == ""
    assert found.ended.run["counts"] == {"done": len(ATTEMPTS), "failed": 1}


@pytest.mark.slow
@pytest.mark.usefixtures("trial")
def test_what_was_confined_is_written_in_attempts_and_verdicts(world: Callable[[str], World]) -> None:
    ended = world("required").ended
    assert {one["confined"] for one in ended.attempts if one["step"] in ("edit", "static", "integrate")} == {True}
    verdicts = [one["payload"]["verdict"] for one in ended.events if one["event_type"] == "verdict_given"]
    assert verdicts
    assert all(verdict["confined"] for verdict in verdicts)
    assert ended.run["confinement"]["unconfined"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("attempt", [one for one in ATTEMPTS if not one.harms_the_run], ids=lambda one: one.name)
def test_without_confinement_it_succeeds_and_is_said_to_be_unconfined(
    world: Callable[[str], World], attempt: Attempt
) -> None:
    found = world("off")
    assert "SUCCEEDED" in found.said(attempt), found.said(attempt)
    assert {one["confined"] for one in found.ended.attempts if one["ws_id"] == attempt.id} <= {False, None}
    assert found.ended.run["confinement"]["confined"] == 0


@pytest.mark.usefixtures("trial")
def test_the_small_sample_a_write_outside_fails_in_a_confined_run(open_place: Path) -> None:
    tries = {"run": ["sh", "-c", f"echo x > {open_place}/planted; echo x > ../planted; kill -9 {os.getpid()}; echo on"]}
    plan = [bundle("ws-a", ["src/"], [[{"write": {"path": "src/a.txt", "content": "a\n"}}, tries]])]
    project = new_repository(open_place / "project", {"src/seed.txt": "seed\n"}, plan)
    ended = whole_run(project, open_place / "state", "run-1", PENSTOCK_CONFINE="required")
    assert ended.run["status"] == "completed"
    assert not (open_place / "planted").exists()
    assert ended.run["confinement"]["unconfined"] == 0
