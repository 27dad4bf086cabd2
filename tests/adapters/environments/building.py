"""An environment of a few files, made as a set-up would make it."""

from __future__ import annotations

from pathlib import Path

from penstock.adapters.environments.built import BuiltEnvironments
from penstock.ports import Environment

NAME = "0123456789"


def store(root: Path) -> BuiltEnvironments:
    """The environments of a project, as a process that has just begun sees them."""
    return BuiltEnvironments(root=root / "environments", search_path="/usr/bin:/bin")


def source(root: Path) -> Path:
    """A clean checkout."""
    folder = root / "source"
    for path in ("src/pack/__init__.py", "packages/one/package.json", "requirements.txt"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("content\n")
    return folder


async def made(environments: BuiltEnvironments, tree: Path, *, outputs: tuple[str, ...] = ("out",)) -> Environment:
    """The environment, made if it is not there."""
    async with environments.construct(NAME, tree) as site:
        if isinstance(site, Environment):
            return site
        (site.folder / "out" / "deep").mkdir(parents=True)
        (site.folder / "out" / "deep" / "file").write_text("made\n")
        (site.folder / "out" / "own").symlink_to("../packages/one")
        (site.folder / "out" / "inner").symlink_to("deep/file")
        return await site.finish(outputs)
