"""The folder of one demo: the sample project in it, the state of its own Penstock, and what its programs may see.

Never touches anything outside that folder, and nothing in it that it has not made.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from penstock.demo.files import project_files
from penstock.demo.plan import PIECES
from penstock.domain.errors import UserError, WorldError

AUTHOR = {"NAME": "Penstock demo", "EMAIL": "demo@example.invalid"}
TAKEN = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "VIRTUAL_ENV", "CONDA_PREFIX")
"""What of the user's environment a program needs in order to start; nothing of it is Penstock's or git's."""
STATE = ("PENSTOCK_HOME", "XDG_CONFIG_HOME")
NEEDED = ("git", "python3")
MAIN = "main"
SETTINGS = "penstock.toml"
NOTHING: Mapping[str, str] = MappingProxyType({})
GIT_LIMIT = 60.0


class FolderNotUsable(UserError):
    """The demo can't make its folder there."""


class ProgramMissing(WorldError):
    """The sample needs a program that is not there."""


class SampleFailed(WorldError):
    """A git command of the demo failed on its own sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A demo's folder and the environment of everything that runs in it."""

    folder: Path
    environ: Mapping[str, str]

    @property
    def project(self) -> Path:
        """The sample project."""
        return self.folder / "mill"

    @property
    def penstock(self) -> str:
        """The beginning of a command line that looks at it, as a shell reads it: its state, and this very program."""
        state = [f"{name}={shlex.quote(self.environ[name])}" for name in STATE if name in self.environ]
        return " ".join([*state, _this_program(), "--project", shlex.quote(str(self.project))])

    @property
    def home(self) -> Path:
        """The state of the demo's own Penstock."""
        return self.folder / "state"

    @property
    def clone(self) -> Path:
        """Where the finished branch is tried out."""
        return self.folder / "clone"

    def discard(self, *, is_new: bool) -> None:
        """Remove what the demo has made: all of a new folder, and what it put into one that was asked for."""
        for part in (self.folder,) if is_new else (self.project, self.home):
            shutil.rmtree(part, ignore_errors=True)

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        """Run git in the sample project, or in another folder of the demo."""
        done = self.run(("git", *arguments), folder or self.project)
        if done.returncode != 0:
            said = done.stderr.strip() or f"exit code {done.returncode}"
            raise SampleFailed(f"`git {' '.join(arguments)}` failed in {folder or self.project}: {said}")
        return done.stdout.strip()

    def run(self, command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
        """Run a program of the sample."""
        try:
            return subprocess.run(
                command,
                cwd=folder,
                env=dict(self.environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=GIT_LIMIT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as failed:
            raise SampleFailed(f"{command[0]} could not be run in {folder}: {failed}") from failed


def make_sample(
    folder: Path | None, environ: Mapping[str, str], files: Mapping[str, str], *, models: Mapping[str, str] = NOTHING
) -> Sample:
    """A new folder with the sample project in it, and these files besides: a git repository with one commit."""
    missing = [name for name in NEEDED if shutil.which(name, path=environ.get("PATH")) is None]
    if missing:
        raise ProgramMissing(
            f"the demo needs {' and '.join(missing)} on PATH", hint="install it, or put its folder into PATH"
        )
    place = _new_folder(folder)
    sample = Sample(folder=place, environ={**_surroundings(environ, place), **models})
    for path, content in {**project_files(), **files}.items():
        target = sample.project / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
    sample.git("init", "--quiet", "--template=", f"--initial-branch={MAIN}")
    sample.git("add", "--all")
    sample.git("commit", "--quiet", "--message=A mill, and what shall become of it")
    return sample


def bundle_files() -> dict[str, str]:
    """The plan of workstreams."""
    bundles = {piece.id: piece.bundle() for piece in PIECES}
    return {f"workstreams/{name}.json": json.dumps(bundle, indent=2) + "\n" for name, bundle in bundles.items()}


def without_reviews() -> dict[str, str]:
    """The sample's settings where no person looks at each workstream: an epic has a role for that."""
    text = project_files()[SETTINGS]
    return {SETTINGS: re.sub(r"^#[^\n]*\napprovals = .*\n\n", "", text, flags=re.MULTILINE)}


def _surroundings(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment of the demo: its own state, and neither the user's configuration nor git's."""
    return {
        **{name: environ[name] for name in TAKEN if environ.get(name)},
        "PENSTOCK_HOME": str(folder / "state"),
        "XDG_CONFIG_HOME": str(folder / "state/config"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        **{f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in AUTHOR.items()},
    }


def _this_program() -> str:
    """What runs now, by its name if that finds it, for whoever has not put it on the path."""
    program = Path(sys.argv[0]).absolute()
    found = shutil.which(program.name)
    if found is not None and os.path.realpath(found) == os.path.realpath(program):
        return shlex.quote(program.name)
    if os.access(program, os.X_OK):
        return shlex.quote(str(program))
    return f"{shlex.quote(sys.executable)} -m penstock"


def _new_folder(asked: Path | None) -> Path:
    """A folder that nothing is in yet: the one asked for, or the next free number in it."""
    if asked is None:
        return Path(tempfile.mkdtemp(prefix="penstock-demo-")).resolve()
    place = asked.absolute()
    try:
        place.mkdir(parents=True, exist_ok=True)
        if any(place.iterdir()):
            number = 1
            while (place / f"demo-{number}").exists():
                number += 1
            place = place / f"demo-{number}"
            place.mkdir()
    except OSError as failed:
        raise FolderNotUsable(
            f"the demo can't make its folder in {asked}: {failed.strerror}", hint="name another one with --folder"
        ) from failed
    return place.resolve()
