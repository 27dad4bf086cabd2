"""Where environments are made and kept: `<identity>/<number>/` holds what was made, `<number>.json` says that it is so.

An environment is made at the place where it stays, since a virtual environment can't be moved. The file is written
last: a folder without one is what a kill has left, and its number is passed over, so that a process which is still
dying can't write into what is made next.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import os
import platform
import shutil
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock import disk
from penstock.adapters.environments import lending, node, python, trees
from penstock.domain.errors import WorldError
from penstock.domain.setup import Setup, identity_of
from penstock.ports import Environment, Furnishing, Proof, SetupFailed, Site, UserFile

LOOK_AGAIN = 0.1
LONGEST_WAIT = 6 * 3600.0
MOST_CHANGED = 3
INTERPRETERS = ("python3", "node")


class EnvironmentKeepsChanging(WorldError):
    """Something writes into what is shared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSite:
    """The folder of one number while it is being made."""

    identity: str
    folder: Path

    async def finish(self, outputs: Sequence[str]) -> Environment:
        """Keep the outputs and nothing else, close and seal them, then say that they are whole."""
        return await asyncio.to_thread(self._finish, outputs)

    def _finish(self, outputs: Sequence[str]) -> Environment:
        found = trees.matching(self.folder, outputs)
        for output in outputs:
            if "*" not in output and "?" not in output and output not in found:
                raise SetupFailed(f"set-up was to make {output}, but its commands ended well without it")
        homeward = trees.homeward_links(self.folder, found)
        trees.strip(self.folder, found)
        with _long_paths_told():
            trees.close(self.folder)
            said = {"outputs": found, "homeward": homeward, "seal": trees.seal(self.folder)}
        _write(self.folder.with_suffix(".json"), json.dumps(said, indent=1))
        return Environment(identity=self.identity, folder=self.folder, outputs=found, homeward=homeward)


@dataclass(kw_only=True)
class BuiltEnvironments:
    """The environments of one project."""

    root: Path
    search_path: str
    _changed: dict[str, set[Path]] = field(default_factory=dict, init=False)
    _seals: dict[Path, str] = field(default_factory=dict, init=False)
    """As this process saw them first: the file could be rewritten together with what it speaks of."""

    async def identity(self, setup: Setup, inputs: Mapping[str, bytes]) -> str:
        """See `Environments`: the programs that would be found are a part of the platform."""
        return await asyncio.to_thread(lambda: identity_of(setup, inputs, self._platform(setup)))

    async def find(self, identity: str) -> Environment | None:
        """See `Environments`."""
        return await asyncio.to_thread(self._find, identity)

    @asynccontextmanager
    async def construct(self, identity: str, source: Path) -> AsyncIterator[Site | Environment]:
        """See `Environments`: under a lock that the kernel frees when the process dies."""
        folder = self.root / identity
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            await _locked(descriptor)
            found = await self.find(identity)
            if found is not None:
                yield found
                return
            site = await asyncio.to_thread(self._begin, identity, source)
            try:
                yield site
            finally:
                if not site.folder.with_suffix(".json").exists():
                    await asyncio.to_thread(disk.remove, site.folder)
        finally:
            os.close(descriptor)

    async def furnish(
        self, checkout: Path, environment: Environment | None, *, copies: Sequence[UserFile] = (), record: Path
    ) -> Furnishing:
        """See `Environments`."""
        return await asyncio.to_thread(lending.furnish, checkout, environment, copies, record)

    async def withdraw(self, checkout: Path, record: Path) -> None:
        """See `Environments`."""
        if os.path.lexists(record):  # noqa: ASYNC240 - most checkouts are lent nothing, which one look tells
            await asyncio.to_thread(lending.withdraw, checkout, record)

    async def proofs(self, checkout: Path) -> tuple[Proof, ...]:
        """See `Environments`."""
        return await asyncio.to_thread(lambda: (*python.proofs(checkout), *node.proofs(checkout)))

    def _platform(self, setup: Setup) -> str:
        words = (command.split(maxsplit=1)[0] for command in setup.commands if command.strip())
        programs = []
        for name in dict.fromkeys((*INTERPRETERS, *words)):
            found = shutil.which(name, path=self.search_path)
            if found is not None:
                real = os.path.realpath(found)
                status = Path(real).stat()
                programs.append(f"{name} {real} {status.st_size} {status.st_mtime_ns}")
        return "\n".join((platform.system(), platform.machine(), *platform.libc_ver(), *programs))

    def _find(self, identity: str) -> Environment | None:
        numbers = [int(path.stem) for path in (self.root / identity).glob("*.json") if path.stem.isdecimal()]
        folder = self.root / identity / str(max(numbers, default=0))
        said = _read(folder.with_suffix(".json"))
        if said is None or not disk.is_folder(folder):
            return None
        if trees.seal(folder) != self._seals.setdefault(folder, said["seal"]):
            self._note_change(identity, folder)
            return None
        os.utime(folder.with_suffix(".json"))  # when it was last of use, for whoever clears old ones away
        return Environment(
            identity=identity, folder=folder, outputs=tuple(said["outputs"]), homeward=dict(said["homeward"])
        )

    def _note_change(self, identity: str, folder: Path) -> None:
        changed = self._changed.setdefault(identity, set())
        changed.add(folder)
        if len(changed) > MOST_CHANGED:
            raise EnvironmentKeepsChanging(
                f"{folder} was made anew {MOST_CHANGED} times, and each time something wrote into it",
                hint="let no agent and no check write into the outputs of [setup]: caches can be put elsewhere",
            )

    def _begin(self, identity: str, source: Path) -> BuildSite:
        folder = self.root / identity
        numbers = [int(path.stem) for path in folder.iterdir() if path.stem.isdecimal()]
        for path in folder.iterdir():
            if path.name.isdecimal() and not path.with_suffix(".json").exists():
                disk.remove(path)
        site = folder / str(max(numbers, default=0) + 1)
        with _long_paths_told():
            trees.copy(source, site)
        return BuildSite(identity=identity, folder=site)


@contextmanager
def _long_paths_told() -> Iterator[None]:
    """A path that is longer than the system takes is the fault of whoever made it."""
    try:
        yield
    except OSError as failed:
        if failed.errno != errno.ENAMETOOLONG:
            raise
        raise SetupFailed("where the set-up works there is a path that is longer than this system takes") from failed


async def _locked(descriptor: int) -> None:
    limit = time.monotonic() + LONGEST_WAIT
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= limit:
                raise WorldError("another process has been making this environment for hours") from None
            await asyncio.sleep(LOOK_AGAIN)
        else:
            return


def _read(path: Path) -> Any:  # JSON of our own
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
