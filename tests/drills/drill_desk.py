"""A desk at which something goes wrong in mid-run: a run of two workstreams, one after the other, the first slow."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from two_process_support import BOUND, SETTINGS, Desk, bundle, until, writes

SLOW = 3.0


class DrillDesk(Desk):
    """A user, his project, and a run to which something happens."""

    def __init__(self, folder: Path, *bundles: dict[str, object], settings: str = SETTINGS) -> None:
        first = bundle("ws-a", [writes("ws-a", after=SLOW)])
        second = bundle("ws-b", [writes("ws-b")], depends_on=["ws-a"])
        super().__init__(folder, *(bundles or (first, second)), settings=settings)

    @property
    def own(self) -> Path:
        """Penstock's own repository."""
        (project,) = (self.home / "projects").iterdir()
        return project / "repo.git"

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a run, or what else is named, and wait until an agent works."""
        owner = self.start(*(arguments or ("run", "--run-id", "r1")))
        until(self.agents, "the agent works")
        return owner

    def ended(self, owner: subprocess.Popen[str], code: int) -> str:
        """Wait for the end of a command, which leaves no agent behind; what it said."""
        said, _ = owner.communicate(timeout=2 * BOUND)
        assert owner.returncode == code, said
        assert "Traceback" not in said
        assert "bug" not in said
        assert self.agents() == []
        return said

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        """What the user does by hand."""
        command = ["git", *arguments]
        place = folder or self.project
        done = subprocess.run(command, cwd=place, env=self.environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout.strip()

    def files(self, branch: str = "penstock/r1", folder: Path | None = None) -> set[str]:
        """What a branch holds below `src`."""
        return set(self.git("ls-tree", "-r", "--name-only", branch, "src/", folder=folder).splitlines())

    def events(self, run: str = "r1") -> list[dict[str, object]]:
        """All events of a run, in the order in which they are told."""
        return [json.loads(line) for line in self.ask("show-events", "--run", run, "--json").splitlines()]


DONE = {"ws-a": "done", "ws-b": "done"}
MERGED = {"src/seed.txt", "src/ws-a.txt", "src/ws-b.txt"}
