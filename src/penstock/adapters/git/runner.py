"""The one place that starts git: with an explicit environment and a time limit.

Nothing of the user's or an agent's configuration reaches it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.adapters.git.layout import COMMITTER, GitSettings
from penstock.domain.errors import WorldError
from penstock.ports import HistoryLost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from penstock.domain.changes import Stamp

# Measured: a planted fsmonitor, hook or attributes file runs inside our own `add` and `status`;
# loose objects are not synced by default.
GUARDS = (
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    f"core.attributesFile={os.devnull}",
    f"core.excludesFile={os.devnull}",
    "core.untrackedCache=false",
    "core.splitIndex=false",
    "merge.directoryRenames=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "core.fsync=all",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "core.quotePath=false",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    "advice.addEmbeddedRepo=false",
)
NOWHERE = "/nonexistent"
FULL = ("No space left on device", "Disk quota exceeded", "Out of diskspace")


class GitMissing(WorldError):
    """No git on the path."""

    def __init__(self) -> None:
        super().__init__("git was asked for and is not on the path", hint="install git 2.38 or later")


class GitFailed(WorldError):
    """A git command ended otherwise than expected."""

    def __init__(self, *, command: str, code: int, said: str) -> None:
        self.command, self.code, self.said = command, code, said.strip()
        super().__init__(f"`git {command}` ended with {code}: {self.said or 'it said nothing'}")


class RepositoryGone(HistoryLost):
    """Penstock's own repository is not where it was."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"Penstock's own repository {path} is not there: it was removed or moved",
            hint="put it back from a copy, then `penstock resume` the run; or end the run with `penstock cancel` and "
            "begin a new one: what was pushed is in your repository",
        )


class GitTooSlow(WorldError):
    """A git command did not end in its time."""

    def __init__(self, *, command: str, limit: float) -> None:
        self.command, self.limit = command, limit
        super().__init__(f"`git {command}` did not end within {limit:g} seconds and was stopped")


class DiskFull(WorldError):
    """There is no room for what git, or we, must write."""

    def __init__(self, said: str) -> None:
        super().__init__(f"the disk is full: {said.strip()}", hint="free some space; `penstock gc` shows what may go")


class FilesRefused(WorldError):
    """The file system did not let us do what we must."""

    def __init__(self, said: str) -> None:
        super().__init__(
            f"the file system refused: {said}",
            hint="look at the owner and the rights of that path, or choose another place with PENSTOCK_HOME",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A folder and the index file of ours through which git looks at it."""

    worktree: Path
    index: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a git command gets besides its arguments."""

    view: View | None = None
    stamp: Stamp | None = None
    stdin: bytes = b""
    accept: tuple[int, ...] = (0,)
    descriptors: tuple[int, ...] = ()
    most: int = 0
    """So many bytes of output are read; a command that has more to say is stopped, and counts as done. 0: all."""
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a git command ended."""

    code: int
    out: bytes
    said: str
    is_cut: bool = False

    @property
    def text(self) -> str:
        """The output without its last line end; bytes that are no UTF-8 survive as surrogates."""
        return os.fsdecode(self.out).rstrip("\n")

    @property
    def fields(self) -> list[str]:
        """The parts of an output that ends each with NUL."""
        return [os.fsdecode(part) for part in self.out.split(b"\0")[:-1]]


PLAIN = Call()


class Git:
    """Starts git for one project and counts how often."""

    def __init__(self, settings: GitSettings) -> None:
        self.settings = settings
        # looked for once: along the path each folder without it would be tried again for every process
        self._program = shutil.which("git", path=settings.search_path) or "git"
        self._counting = threading.Lock()
        self.processes = 0

    def run(self, *arguments: str, call: Call = PLAIN) -> Answer:
        """Run a command in Penstock's own repository."""
        environment = {"GIT_DIR": str(self.settings.repository)}
        folder = self.settings.repository
        if call.view is not None:
            folder = call.view.worktree
            environment["GIT_WORK_TREE"] = str(folder)
            environment["GIT_INDEX_FILE"] = str(call.view.index)
        try:
            return self._start(arguments, folder, environment, call)
        except GitFailed as failed:
            if not self.settings.repository.is_dir():
                raise RepositoryGone(self.settings.repository) from failed
            raise

    def run_in(self, folder: Path, *arguments: str, call: Call = PLAIN) -> Answer:
        """Run a command that only reads, in the repository that lies at `folder` itself, never one above it."""
        return self._start(arguments, folder, {"GIT_CEILING_DIRECTORIES": str(folder.parent)}, call)

    def run_outside(self, *arguments: str, call: Call = PLAIN) -> Answer:
        """Run a command that belongs to no repository (clone)."""
        return self._start(arguments, self.settings.home, {"GIT_CEILING_DIRECTORIES": str(self.settings.home)}, call)

    def _start(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], call: Call) -> Answer:
        name = next(word for word in arguments if not word.startswith("-"))
        settings = ["-c", "safe.directory=*"]
        for guard in GUARDS:
            settings += ["-c", guard]
        self.settings.effect(f"git {name}")
        try:
            with self.settings.lent() as lent:
                process = subprocess.Popen(
                    [self._program, *settings, *arguments],
                    cwd=folder,
                    env={**self._base(), **environment, **_identity(self.settings, call.stamp), **call.extra},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    pass_fds=(*lent, *call.descriptors),
                    process_group=0,
                )
        except FileNotFoundError as missing:
            if missing.filename == self._program:
                raise GitMissing from missing
            raise GitFailed(command=name, code=-1, said=f"{folder}: no such folder") from missing
        with self._counting:
            self.processes += 1
        self.settings.effect(f"git {name} started")
        answer = self._finish(process, name, call)
        self.settings.effect(f"git {name} done")
        return answer

    def _finish(self, process: subprocess.Popen[bytes], name: str, call: Call) -> Answer:
        if call.most:
            return self._finish_early(process, name, call)
        try:
            out, said = process.communicate(call.stdin, timeout=self.settings.time_limit)
        except subprocess.TimeoutExpired as late:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise GitTooSlow(command=name, limit=self.settings.time_limit) from late
        return _answer(process.returncode, out, said, name, call)

    def _finish_early(self, process: subprocess.Popen[bytes], name: str, call: Call) -> Answer:
        """The same for a command of which only a beginning is wanted: it says little on stderr and gets no stdin."""
        is_late = threading.Event()

        def stop() -> None:
            is_late.set()
            os.killpg(process.pid, signal.SIGKILL)

        timer = threading.Timer(self.settings.time_limit, stop)
        timer.start()
        try:
            out = process.stdout.read(call.most + 1) if process.stdout else b""
        finally:
            timer.cancel()
            timer.join()
        if is_late.is_set():
            process.communicate()
            raise GitTooSlow(command=name, limit=self.settings.time_limit)
        if len(out) <= call.most:
            _, said = process.communicate()
            return _answer(process.returncode, out, said, name, call)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Answer(code=0, out=out[: call.most], said="", is_cut=True)

    def _base(self) -> dict[str, str]:
        return {
            "PATH": self.settings.search_path,
            "HOME": NOWHERE,
            "XDG_CONFIG_HOME": NOWHERE,
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_NO_REPLACE_OBJECTS": "1",
        }


def _answer(code: int, out: bytes, said: bytes, name: str, call: Call) -> Answer:
    words = said.decode("utf-8", "replace")
    if code not in call.accept:
        if any(sign in words for sign in FULL):
            raise DiskFull(words)
        raise GitFailed(command=name, code=code, said=words)
    return Answer(code=code, out=out, said=words)


def _identity(settings: GitSettings, stamp: Stamp | None) -> dict[str, str]:
    if stamp is None:
        return {}
    when = f"@{int(stamp.at.timestamp())} +0000"
    return {
        "GIT_AUTHOR_NAME": settings.author.name,
        "GIT_AUTHOR_EMAIL": settings.author.email,
        "GIT_AUTHOR_DATE": when,
        "GIT_COMMITTER_NAME": COMMITTER.name,
        "GIT_COMMITTER_EMAIL": COMMITTER.email,
        "GIT_COMMITTER_DATE": when,
    }
