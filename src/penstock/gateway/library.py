"""The recordings of runs: where each lies, what of a run is kept in it, and what of one was played again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from penstock.domain.usage import Caller
from penstock.gateway.recording import Recorder
from penstock.gateway.recordings.places import Places
from penstock.gateway.remembering import Memory
from penstock.gateway.replaying import Replayer, ReplayMode
from penstock.gateway.settings import GatewaySettings
from penstock.ports.models import Played, Stay


@dataclass(kw_only=True)
class Library:
    """All recordings of one home."""

    projects: Path
    """The folder that holds one folder for each project."""
    settings: GatewaySettings
    redact: Callable[[str], str]
    _played: list[tuple[Caller, Replayer]] = field(default_factory=list, init=False)

    def folder(self, project: str, run: str) -> Path:
        """Where a run's recording is, or would be."""
        return self.projects / project / "recordings" / run

    def remember(self, caller: Caller, stay: Stay, *, is_replay: bool) -> Memory | None:
        """The memory of an attempt that begins: it plays a recording, keeps one, or does neither."""
        places = Places({name: str(path) for name, path in stay.places.items()})
        source = stay.replay_of or self.settings.recording
        if is_replay:
            mode = ReplayMode.LENIENT if stay.is_lenient else ReplayMode(self.settings.replay_mode)
            replayer = Replayer(self.folder(caller.project, source or caller.run), self.redact, places, mode)
            self._played.append((caller, replayer))
            return Memory(caller=caller, replayer=replayer)
        if self.settings.record and caller.run:
            return Memory(
                caller=caller, recorder=Recorder(self.folder(caller.project, caller.run), self.redact, places)
            )
        return None

    def played(self, run: str) -> tuple[Played, ...]:
        """What was played again for the attempts of a run, in the order in which they began."""
        return tuple(
            Played(
                workstream=caller.workstream,
                attempt=caller.attempt,
                differences=tuple(replayer.differences),
                has_equal_tool_outputs=replayer.has_equal_tool_outputs,
                unasked=replayer.unasked,
            )
            for caller, replayer in self._played
            if caller.run == run
        )
