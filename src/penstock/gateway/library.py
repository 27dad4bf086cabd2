"""The recordings of runs: where each lies, what of a run is kept in it, and what of one was played again."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from penstock.domain.usage import Caller
from penstock.gateway.recording import Recorder
from penstock.gateway.recordings.files import RecordingUnreadable
from penstock.gateway.recordings.places import Places
from penstock.gateway.remembering import Memory
from penstock.gateway.replaying import Replayer, ReplayMode
from penstock.gateway.settings import GatewaySettings
from penstock.ports.models import SHIPPED, Played, Stay

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(kw_only=True)
class Library:
    """All recordings of one home."""

    projects: Path
    """The folder that holds one folder for each project."""
    settings: GatewaySettings
    redact: Callable[[str], str]
    _played: list[tuple[Caller, Replayer]] = field(default_factory=list, init=False)

    def folder(self, project: str, name: str) -> Path:
        """Where the recording of a run or a pipeline is, or would be; or one that the package brings."""
        if name.startswith(SHIPPED):
            return _shipped(name.removeprefix(SHIPPED))
        return self.projects / project / "recordings" / name

    def remember(self, caller: Caller, stay: Stay, *, is_replay: bool) -> Memory | None:
        """The memory of an attempt that begins: it plays a recording, keeps one, or does neither."""
        places = Places({name: str(path) for name, path in stay.places.items()})
        source, own = stay.replay_of or self.settings.recording, caller.run or caller.pipeline
        if is_replay:
            mode = ReplayMode.LENIENT if stay.is_lenient else ReplayMode(self.settings.replay_mode)
            folder = self.folder(caller.project, source or own)
            replayer = Replayer(folder, self.redact, places, mode, calls_before=stay.calls_before)
            if caller.run:  # a server's pipelines have no end, and nobody asks what was played for them
                self._played.append((caller, replayer))
            return Memory(caller=caller, replayer=replayer, calls_before=stay.calls_before)
        if self.settings.record and own:
            recorder = Recorder(self.folder(caller.project, own), self.redact, places)
            return Memory(caller=caller, recorder=recorder, calls_before=stay.calls_before)
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


def _shipped(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise RecordingUnreadable(f"{name!r} can't name a recording that is shipped")
    return Path(str(resources.files("penstock.demo").joinpath("recordings", name)))
