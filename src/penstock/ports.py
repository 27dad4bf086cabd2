"""What the engine asks of the world, in our own verbs. Adapters implement these; only `bootstrap` chooses them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from penstock.domain.changes import Candidate, Change, Stamp, Verdict, Violation
from penstock.domain.checks import CheckResult
from penstock.domain.commands import Command
from penstock.domain.decision import Decision
from penstock.domain.errors import UserError, WorldError
from penstock.domain.events import Event, Request
from penstock.domain.plan import Check, Workstream
from penstock.domain.run import Run
from penstock.domain.setup import Setup
from penstock.domain.tool_result import ToolResult

Effect = Callable[[str], None]
"""Called before and after every outward effect with its name, so that a test can kill the owner there."""


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """Wall time, UTC and aware: for records, never for deadlines."""
        ...

    def monotonic(self) -> float:
        """Engine time in seconds: for deadlines."""
        ...


# Git: Penstock's own repository of a project


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a workstream of a run works."""

    run: str
    workstream: str
    branch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """What a worktree really holds after an agent, and what was tampered with outside its files."""

    candidate: Candidate
    """The snapshot of the whole content: also the candidate, if it is within scope."""
    ref: str
    changes: tuple[Change, ...]
    """From the workstream's base to the candidate."""
    tampering: tuple[Violation, ...] = ()
    litter: tuple[str, ...] = ()
    """Ignored files that nobody declared."""
    left_out: tuple[str, ...] = ()
    """Paths of nested repositories (their content is under a side path of the snapshot)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A merge that git made without a conflict."""

    candidate: Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflicted:
    """A merge with conflicts: a commit of the tree with markers, and the paths."""

    candidate: Candidate
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What became of pushing the integration branch to the user's repository."""

    branch: str
    commit: str
    pushed: bool
    sentence: str = ""
    """Why it was not pushed; or what is worth knowing although it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preserved:
    """Proof that a worktree's content is kept: what deletes takes it as its argument."""

    place: Place
    commit: str | None
    """The snapshot, or None where the folder was moved aside whole or was empty."""
    ref: str | None
    moved_to: Path | None = None


class Workspace(Protocol):
    """Isolated worktrees: nothing in them is lost, nothing of them is believed."""

    async def prepare(self, place: Place, start: str | None) -> Path:
        """A worktree whose content is the commit `start`; what was there before is preserved first.

        None takes up the worktree as an earlier owner prepared it and an agent left it.
        """
        ...

    async def capture(self, place: Place, *, base: str, parent: str, declared: Sequence[str], stamp: Stamp) -> Capture:
        """Take the whole content as a commit on `parent`, and the changes since `base`; put back what was tampered
        with.
        """
        ...

    def checkout(
        self, run: str, commit: str, *, overlay: tuple[str, Sequence[str]] | None = None
    ) -> AbstractAsyncContextManager[Path]:
        """A clean checkout of a commit; `overlay` takes some paths from another commit instead."""
        ...

    async def preserve(self, place: Place, stamp: Stamp) -> Preserved:
        """Keep all that a worktree holds: as a snapshot, or by moving the folder aside."""
        ...

    async def remove(self, preserved: Preserved, *, recycle: bool = False) -> None:
        """Remove a worktree whose content is kept; with `recycle` its folder may serve the run's next workstream."""
        ...

    async def drop_checkouts(self, run: str) -> None:
        """Remove what a run that has ended kept for its next checks and workstreams."""
        ...


class HistoryLost(WorldError):
    """Penstock's own repository of a project, or a commit that a run made or needs, is not there any more."""


class History(Protocol):
    """What Penstock's own repository of a project holds: read-only."""

    async def candidate(self, commit: str) -> Candidate:
        """A commit with its tree."""
        ...

    async def read(self, commit: str, path: str) -> bytes | None:
        """A file of a commit, or None."""
        ...

    async def paths(self, commit: str) -> frozenset[str]:
        """All files of a commit."""
        ...

    async def changes(self, base: str, commit: str) -> tuple[Change, ...]:
        """What differs between two commits."""
        ...

    async def patch(self, capture: Capture, base: str, target: Path) -> None:
        """Write the changes since `base` as a patch file, to be read by a person. A merge's capture has no ref."""
        ...


class Repository(Protocol):
    """What moves in Penstock's own repository of a project: merges, the integration branch, the way to the user's
    repository.
    """

    async def fetch(self, base_branch: str | None) -> tuple[str, str]:
        """Fetch from the user's repository; the base branch's name and commit."""
        ...

    async def merge(self, head: str, candidate: str, stamp: Stamp) -> Merged | Conflicted:
        """Merge a candidate onto a head, in memory."""
        ...

    async def take_back(self, base: str, head: str, candidate: str, stamp: Stamp) -> Merged | Conflicted:
        """Undo on a head, in memory, the merge of a candidate that was made since the base."""
        ...

    async def advance(self, verdict: Verdict) -> None:
        """Move the branch from the verdict's parent to its commit; finding it there already, or past it, is success."""
        ...

    async def create_branch(self, branch: str, commit: str) -> None:
        """Make the integration branch if it is not there."""
        ...

    async def clear_stale_locks(self) -> None:
        """Remove what killed git processes left: only after everything of an earlier owner is gone."""
        ...

    async def publish(self, branch: str, commit: str, base: str) -> Publication:
        """Push the branch, not forced, to the user's repository; never while it is checked out there.

        Where none of the user's branches holds the base any more, that is said.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFile:
    """A file of the user's that no commit holds."""

    path: str
    content: bytes
    is_executable: bool = False


class UserCheckout(Protocol):
    """The user's own working copy: looked at, never written."""

    async def uncommitted(self) -> tuple[str, ...]:
        """The tracked files that differ from their commit."""
        ...

    async def untracked(self, patterns: Sequence[str]) -> tuple[UserFile, ...]:
        """The regular files that git does not track and that patterns in the way of `.gitignore` name."""
        ...


# Environments: what checkouts need besides their files


@dataclass(frozen=True, slots=True, kw_only=True)
class Furnishing:
    """What a checkout was given besides its files: for whoever runs something there."""

    variables: Mapping[str, str] = field(default_factory=dict)
    programs: tuple[Path, ...] = ()
    """Folders that stand first on PATH."""
    readable: tuple[Path, ...] = ()
    """Folders outside the checkout that are needed there, and that nobody may write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What set-up made, once, of the files that decide it."""

    identity: str
    folder: Path
    outputs: tuple[str, ...] = ()
    homeward: Mapping[str, str] = field(default_factory=dict)
    """Links inside the outputs that mean the project itself, with the path in the project that each means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A command that ends with `STRAY` if a name of the project means files outside the checkout."""

    language: str
    command: str


STRAY = 97


class SetupFailed(WorldError):
    """Set-up did not make what a tree needs; whether the tree or the machine is to blame depends on the tree."""

    def __init__(self, sentence: str, *, command: str = "", output: str = "", exit_code: int | None = None) -> None:
        self.command, self.output, self.exit_code = command, output, exit_code
        self.of_base = False
        super().__init__(
            f"{sentence}\n{output}".rstrip(),
            hint="mend [setup] in penstock.toml, commit and start a new run; or mend the machine and resume this one",
        )


class Site(Protocol):
    """Where one environment is being made."""

    @property
    def folder(self) -> Path:
        """The tree's files, at the place where what is made of them stays."""
        ...

    async def finish(self, outputs: Sequence[str]) -> Environment:
        """Keep the outputs, read-only; from now on the environment is there."""
        ...


class Environments(Protocol):
    """Environments of one project: each made once, lent to checkouts, never written again."""

    async def identity(self, setup: Setup, inputs: Mapping[str, bytes]) -> str:
        """What the environment of these files is called on this machine."""
        ...

    async def find(self, identity: str) -> Environment | None:
        """The environment, if it was finished and nobody has changed it since."""
        ...

    def construct(self, identity: str, source: Path) -> AbstractAsyncContextManager[Site | Environment]:
        """A place to make it from the files at `source`; or the environment, if another process was faster."""
        ...

    async def furnish(
        self, checkout: Path, environment: Environment | None, *, copies: Sequence[UserFile] = (), record: Path
    ) -> Furnishing:
        """Give a checkout its environment and copies of files; `record` keeps what was put there."""
        ...

    async def withdraw(self, checkout: Path, record: Path) -> None:
        """Take out of a checkout what a record says was put there."""
        ...

    async def proofs(self, checkout: Path) -> tuple[Proof, ...]:
        """How to prove that what is imported there is the checkout's own."""
        ...


# The journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event that was stepped: with its decision, or with why it was refused. It answers a command or a request."""

    event: Event
    at: datetime
    decision: Decision | None
    refused: str = ""
    illegal: tuple[str, str, str] | None = None
    """Entity, from and to, when it was refused as an illegal move."""
    command_key: str | None = None
    request_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run to be stored: with the project it belongs to, its frozen settings, and its own copy of the documents it
    came from.
    """

    run: Run
    project: str
    project_path: str
    settings: Mapping[str, Any]
    documents: Sequence[Mapping[str, Any]]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What whoever made the run says of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A run as its rows tell it, and the commands that nobody has answered yet, oldest first."""

    run: Run
    generation: int
    project: str
    project_path: str
    settings: Mapping[str, Any]
    commands: tuple[Command, ...]
    documents: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A request in the inbox that the owner has not taken."""

    id: int
    request: Request


class UnknownRun(UserError):
    """No run has this id."""

    def __init__(self, run_id: str, newest: Sequence[str]) -> None:
        self.run_id, self.newest = run_id, tuple(newest)
        known = f"the newest are {', '.join(newest)}" if newest else "no run is stored yet"
        hint = "`penstock show-run` lists the runs" if newest else "begin one with `penstock run`"
        super().__init__(f"there is no run {run_id!r}; {known}", hint=hint)


class OwnershipLost(WorldError):
    """Another process has taken the run over: stop, and write nothing more."""


class Journal(Protocol):
    """Runs, events, commands and the inbox: durable when a method returns. Every write of an owner carries its
    generation.
    """

    async def create(self, new: NewRun) -> None:
        """Store a run before its first event."""
        ...

    async def replan(self, run: Run, generation: int, documents: Sequence[Mapping[str, Any]]) -> None:
        """Store the plan that a run now has which has not begun; `OwnershipLost` for an old generation."""
        ...

    async def claim(self, run_id: str) -> Loaded:
        """Raise the run's generation and load it: called only by who holds the run's lock."""
        ...

    async def load(self, run_id: str) -> Loaded:
        """Read a run without claiming it."""
        ...

    async def commit(
        self, run_id: str, generation: int, entries: Sequence[Entry], acknowledged: Sequence[str] = ()
    ) -> None:
        """All that follows from these events, in one transaction; `OwnershipLost` for an old generation."""
        ...

    async def post(self, run_id: str, request: Request) -> int:
        """Put a request into the inbox of whoever owns the run."""
        ...

    async def waiting(self, run_id: str) -> tuple[Waiting, ...]:
        """The requests that the owner has not taken, oldest first."""
        ...

    async def change_count(self) -> int:
        """A number that differs when another connection has written: cheap enough to be asked every 50 ms."""
        ...

    async def known_result(self, tree: str, command: str, environment: str) -> CheckResult | None:
        """What a check said about exactly this tree before, if it was run."""
        ...

    async def keep_result(self, result: CheckResult) -> None:
        """Remember what a check said."""
        ...


class Views(Protocol):
    """Read-only questions, answered as plain values in the shapes of `/api/v1`."""

    def runs(self, *, project: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
        """The latest runs, newest first."""
        ...

    def run(self, run_id: str) -> dict[str, Any]:
        """One run with its workstreams."""
        ...

    def errors(self, run_id: str) -> list[dict[str, Any]]:
        """What went wrong, by signature."""
        ...

    def events(
        self, run_id: str, *, workstream: str | None = None, after: int = 0, limit: int = 1000
    ) -> list[dict[str, Any]]:
        """The events after an id, oldest first."""
        ...

    def attempts(self, run_id: str) -> list[dict[str, Any]]:
        """All attempts, oldest first."""
        ...

    def request(self, request_id: int) -> dict[str, Any]:
        """What became of a request: taken or not, refused and why."""
        ...

    def verdicts(self, run_id: str) -> list[dict[str, Any]]:
        """The verdicts of a run, oldest first."""
        ...

    def projects(self) -> list[dict[str, Any]]:
        """Every project that has a run, with its path."""
        ...


# Agents and tools


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentTask:
    """What an agent is asked: where, what, and for how long. The prompt never becomes a process argument."""

    worktree: Path
    folder: Path
    """The attempt's own folder, outside the worktree."""
    prompt: str
    marker: str
    timeout: float
    number: int
    """Which of the agent's turns at this workstream it is, over edits and fixes, from 1."""
    step: str
    workstream: Workstream
    furnishing: Furnishing = field(default_factory=Furnishing)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReport:
    """How the agent's process ended. What it did is read from the worktree, never from here."""

    ending: str
    """finished, failed, timed_out, lost, stopped or not_found."""
    exit_code: int | None = None
    sentence: str = ""
    output: str = ""
    duration: float = 0.0
    confined: bool = False


class Agent(Protocol):
    """Something that edits a worktree."""

    @property
    def is_contained(self) -> bool:
        """True when nothing outside its worktree can hold on to it: the folder may then serve another workstream."""
        ...

    @property
    def memory_mb(self) -> int:
        """How much memory must be free before it starts."""
        ...

    async def work(self, task: AgentTask) -> AgentReport:
        """Let it work; if an earlier owner saw this attempt's process end, report that one instead of running it
        again.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """Where and for whom a tool runs. `folder`, outside the worktree, keeps the records of this one run."""

    worktree: Path
    folder: Path
    marker: str
    model_name: str = ""
    prompt_file: Path | None = None
    message: str | None = None
    furnishing: Furnishing = field(default_factory=Furnishing)


class ProcessLost(WorldError):
    """A process was gone before its end, and nobody knows what it would have come to: nobody's failure."""


class Tools(Protocol):
    """Tools and commands of the project, run where we say, without secrets."""

    @property
    def confined(self) -> bool:
        """Whether what runs is confined to its worktree by the system."""
        ...

    async def run_tool(self, tool_id: str, context: ToolContext) -> ToolResult:
        """Run a tool by its profile."""
        ...

    async def run_command(self, check: Check, context: ToolContext) -> ToolResult:
        """Run a check, a line of acceptance or of compensation by the shell; `ProcessLost` if its keeper was killed."""
        ...


# Who owns a run, and what its processes did


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a run's lock."""

    pid: int
    host: str
    since: str


class Held(Protocol):
    """A lock that is held until it is released or the process dies."""

    def release(self) -> None:
        """Let it go."""
        ...


class Locks(Protocol):
    """One owner per run, known to the kernel."""

    def acquire(self, run_id: str) -> Held | Holder:
        """The lock, or who has it."""
        ...

    def holder(self, run_id: str) -> Holder | None:
        """Who has it now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What of the machine must be free before a command may begin."""

    resource: str
    """Whose slots are counted: agent, check or disk."""
    limit: int
    """So many slots there are, for all processes together; with another limit a process knows more or fewer of them."""
    memory_mb: int = 0
    min_free_gb: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who uses a slot: a command of a run."""

    run: str
    command: str


class Slots(Protocol):
    """The machine's room, shared by every process of Penstock on it."""

    def taken(self, need: Need, user: User, delayed: Callable[[str], None]) -> AbstractAsyncContextManager[None]:
        """Wait for memory, disk and a slot, and hold the slot; freed with the process, however that ends.

        A wait that takes a while is told to `delayed` in words. Raises a WorldError when memory or disk don't come.
        """
        ...


class Supervision(Protocol):
    """The processes and folders of attempts."""

    def marker(self, run: str, workstream: str, attempt: str) -> str:
        """What every process of an attempt carries in its environment."""
        ...

    async def folder(self, run: str, workstream: str, attempt: str) -> Path:
        """The attempt's own folder, made if need be."""
        ...

    def was_started(self, run: str, workstream: str, attempt: str) -> bool:
        """Whether an owner began to perform the attempt."""
        ...

    def has_ended(self, run: str, workstream: str, attempt: str) -> bool:
        """Whether the attempt's agent ended by itself, which its keeper wrote down."""
        ...

    async def reap(self, run: str) -> int:
        """Kill what an earlier owner of this run left behind; how many processes it was."""
        ...
