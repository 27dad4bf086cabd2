"""A run's progress as it happens: live on a terminal, plain lines elsewhere, JSON Lines for programs.

Nothing here stops the run.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, Protocol, Self, cast

from penstock.domain.run import STEP_OF
from penstock.domain.states import IN_FLIGHT, RunState, WorkstreamState
from penstock.reports.notes import line, spoken
from penstock.reports.plain import clean, duration, one_line

if TYPE_CHECKING:
    from types import TracebackType

    from rich.text import Text

    from penstock.cli.terminal import Terminal
    from penstock.domain.decision import Note
    from penstock.domain.run import Run

REPAINTS = 4
LEAST_BETWEEN = 0.15
_STYLES = {"good": "green", "bad": "red", "warn": "yellow"}
MOST_LINES = 30
_ORDER = (WorkstreamState.DONE, WorkstreamState.FAILED, WorkstreamState.BLOCKED, WorkstreamState.ABANDONED)


class Progress(Protocol):
    """What shows how a run comes on."""

    def watch(self, run: Run, notes: Sequence[Note]) -> None:
        """Take the run as it is now and what was noted."""
        ...

    def say(self, text: str) -> None:
        """Show a sentence of our own between the others."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def progress_for(terminal: Terminal, *, as_json: bool) -> Progress:
    """The progress that suits whoever reads."""
    if as_json:
        return JsonProgress(terminal)
    return LiveProgress(terminal) if terminal.is_interactive else PlainProgress(terminal)


def _clock() -> str:
    return f"{datetime.now(UTC).astimezone():%H:%M:%S}"


class PlainProgress:
    """One line for each thing that happened: `12:03:44  ws-a  static  passed`."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def watch(self, run: Run, notes: Sequence[Note]) -> None:
        """Print the notes that say something new."""
        for note in notes:
            words = spoken(note.type, note.payload)
            if words is not None:
                self.show(line(_clock(), note.workstream, words), words.tone)

    def say(self, text: str) -> None:
        """Print a sentence."""
        self.show(text, "warn")

    def show(self, text: str, tone: str) -> None:
        """Print one line."""
        self._terminal.line(text, tone)


class JsonProgress:
    """One object on a line for each note, with the names that events have in the API."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def watch(self, run: Run, notes: Sequence[Note]) -> None:
        """Print every note."""
        for note in notes:
            self._terminal.json(_event(run.id, note.type, note.workstream, note.payload))

    def say(self, text: str) -> None:
        """A sentence for people goes to stderr."""
        self._terminal.note(text)


def _event(run_id: str, kind: str, workstream: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    now = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return {
        "timestamp": f"{now}Z",
        "run_id": run_id,
        "ws_id": workstream or None,
        "event_type": kind,
        "payload": dict(payload),
    }


class _Screen:
    """The stream of a terminal as rich writes to it: one that goes away while a run is shown stops nothing."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def write(self, text: str) -> int:
        """Write and flush."""
        self._terminal.put(text)
        return len(text)

    def flush(self) -> None:
        """All is written already."""

    def __getattr__(self, name: str) -> Any:  # Any: whatever else rich asks of a stream
        return getattr(self._terminal.out, name)


class LiveProgress(PlainProgress):
    """What happened scrolls by; under it one line for each workstream that is under way, and a tally."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        from rich.console import Console  # noqa: PLC0415 - only a terminal pays for it
        from rich.live import Live  # noqa: PLC0415 - as above

        self._run: Run | None = None
        self._since: dict[str, float] = {}
        self._pending: list[tuple[str, str]] = []
        self._flushed = 0.0
        self._console = Console(
            file=cast("IO[str]", _Screen(terminal)),
            no_color=not terminal.has_colour,
            markup=False,
            highlight=False,
            emoji=False,
            soft_wrap=True,
        )
        self._live = Live(
            get_renderable=self._picture,
            console=self._console,
            refresh_per_second=REPAINTS,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._live.stop()

    def watch(self, run: Run, notes: Sequence[Note]) -> None:
        """Keep the run for the next repaint, and print what is new."""
        self._run = run
        for note in notes:
            if note.type == "step_start":
                self._since[note.workstream] = time.monotonic()
            elif note.type == "workstream_end":
                self._since.pop(note.workstream, None)
        super().watch(run, [note for note in notes if note.type != "step_start"])
        if time.monotonic() - self._flushed >= LEAST_BETWEEN:
            self._flush()

    def say(self, text: str) -> None:
        """Print a sentence at once."""
        super().say(text)
        self._flush()

    def show(self, text: str, tone: str) -> None:
        """Print one line above the picture; until it is time to, it is the picture's own first line."""
        self._pending.append((clean(text), tone))

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        self._flushed = time.monotonic()
        if pending:
            self._console.print(self._toned(pending), soft_wrap=True)

    def _toned(self, lines: Sequence[tuple[str, str]]) -> Text:
        from rich.text import Text  # noqa: PLC0415 - only a terminal pays for it

        return Text("\n").join(Text(text, style=_STYLES.get(tone, "")) for text, tone in lines)

    def _picture(self) -> Text:
        wide, high = self._console.size
        lines = [(text[:wide], tone) for text, tone in self._pending[-max(1, high // 2) :]]
        if self._run is not None:
            shown = picture(self._run, self._since, time.monotonic(), wide, high - len(lines))
            lines += [(text, "") for text in shown]
        text = self._toned(lines)
        text.no_wrap, text.overflow = True, "crop"
        return text


def picture(run: Run, since: Mapping[str, float], now: float, wide: int, high: int) -> list[str]:
    """The lines under the log: who is under way, as many as fit, and the tally."""
    under_way = [rank for state in WorkstreamState if state in IN_FLIGHT for rank in run.in_state(state)]
    most = max(1, min(MOST_LINES, high - 3))
    lines = [_under_way(run, rank, since, now) for rank in under_way[:most]]
    if len(under_way) > most:
        lines.append(f"  and {len(under_way) - most} more")
    lines.append(tally(run, len(under_way)))
    return [text[: max(1, wide - 1)] for text in lines]


def _under_way(run: Run, rank: int, since: Mapping[str, float], now: float) -> str:
    workstream, progress = run.plan.order[rank].id, run.rows[rank]
    step = STEP_OF.get(progress.state)
    attempt = progress.attempt.key if progress.attempt else ""
    took = duration(now - since[workstream]) if workstream in since else ""
    words = "waits for approval" if progress.state is WorkstreamState.REVIEWING else "held" if progress.held else took
    words = f"waits: {one_line(progress.delay, 60)}" if progress.delay else words
    return f"  {one_line(workstream, 40):<16}  {step or '':<9}  {attempt:<12}  {words}"


def tally(run: Run, under_way: int) -> str:
    """`3 done, 1 failed, 2 under way, 5 waiting`."""
    counts = [(len(run.in_state(state)), str(state)) for state in _ORDER]
    waiting = len(run.in_state(WorkstreamState.PENDING)) + len(run.in_state(WorkstreamState.READY))
    parts = [(counts[0][0], "done"), *counts[1:], (under_way, "under way"), (waiting, "waiting")]
    text = ", ".join(f"{count} {word}" for count, word in parts if count)
    return f"{text or 'nothing'} of {len(run.plan.order)}{'' if run.state is RunState.RUNNING else f' ({run.state})'}"
