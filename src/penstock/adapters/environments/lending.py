"""Giving a checkout its environment and copies of the user's files, and taking them out again.

An output comes as one link. Where it holds links to the project itself (workspaces), folders of links stand in for it
as deep as needed, so that those links mean the checkout and not the place where the environment was made.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from penstock import disk
from penstock.adapters.environments import python, trees
from penstock.ports import Environment, Furnishing, SetupFailed, UserFile

Link = tuple[str, str]
"""A path in the checkout, and the target."""


def furnish(checkout: Path, environment: Environment | None, copies: Sequence[UserFile], record: Path) -> Furnishing:
    """Put everything there; what was put is written down first, so that nothing of it is ever taken for work."""
    folders, links = _planned(checkout, environment) if environment is not None else ([], [])
    new = [one for one in copies if _is_free(checkout, one.path)]
    if folders or links or new:
        said = {"folders": folders, "links": links, "copies": [_noted(one) for one in new]}
        record.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        record.write_text(json.dumps(said), encoding="utf-8")
        record.chmod(0o600)
    for path in folders:
        (checkout / path).mkdir()
    for path, target in links:
        (checkout / path).symlink_to(target)
    for one in new:
        _copy(checkout / one.path, one)
    return _furnishing(checkout, environment)


def withdraw(checkout: Path, record: Path) -> None:
    """Take out what is still as it was put there, also where an agent closed the way to it; a copy that was changed is
    kept beside the record.
    """
    if not record.is_file():
        return
    said: Any = json.loads(record.read_text(encoding="utf-8"))  # our own, outside the checkout
    for path, *noted in said["copies"]:
        place = checkout / path
        if trees.open_way(checkout, place) and (place.is_symlink() or place.is_file()):
            if place.is_symlink() or not _is_as_noted(place, *noted):
                kept = record.with_name("changed_copies") / path
                kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                shutil.move(place, kept)
            else:
                place.unlink()
    for path, target in said["links"]:
        place = checkout / path
        if trees.open_way(checkout, place) and place.is_symlink() and str(place.readlink()) == target:
            place.unlink()
    for path in reversed(said["folders"]):
        place = checkout / path
        if trees.open_way(checkout, place / "any") and not any(place.iterdir()):
            place.rmdir()


def _planned(checkout: Path, environment: Environment) -> tuple[list[str], list[Link]]:
    """The folders to be made and the links to be put into them or straight into the checkout."""
    folders: list[str] = []
    links: list[Link] = []
    for output in environment.outputs:
        place = checkout / output
        if not trees.has_real_parents(checkout, place):
            if _has_linked_parent(checkout, place):
                raise SetupFailed(f"{output} is where set-up puts what it made, and a folder above it is a link")
            continue  # this tree no longer has the folder, so it needs nothing in it
        if os.path.lexists(place):
            raise SetupFailed(f"the tree holds {output} itself, which is where set-up puts what it made")
        for path, target in _mirrored(environment, checkout, output):
            if target is None:
                folders.append(path)
            else:
                links.append((path, target))
    return folders, links


def _mirrored(environment: Environment, checkout: Path, path: str) -> Iterator[tuple[str, str | None]]:
    if path in environment.homeward:
        # relative, for the checkout must stay itself wherever it is looked at from
        meant = checkout / environment.homeward[path]
        yield path, os.path.relpath(meant, (checkout / path).parent)
    elif any(PurePosixPath(link).is_relative_to(path) for link in environment.homeward):
        yield path, None
        for entry in sorted((environment.folder / path).iterdir()):
            yield from _mirrored(environment, checkout, f"{path}/{entry.name}")
    else:
        yield path, str(environment.folder / path)


def _has_linked_parent(checkout: Path, place: Path) -> bool:
    return any(folder.is_symlink() for folder in place.parents if folder.is_relative_to(checkout))


def _is_free(checkout: Path, path: str) -> bool:
    place = checkout / path
    parents = [folder for folder in place.parents if folder.is_relative_to(checkout)]
    in_the_way = (folder for folder in parents if os.path.lexists(folder) and not disk.is_folder(folder))
    return not os.path.lexists(place) and not any(in_the_way)


def _noted(file: UserFile) -> tuple[str, str, int]:
    return file.path, hashlib.sha256(file.content).hexdigest(), len(file.content)


def _is_as_noted(place: Path, digest: str, size: int | None = None) -> bool:
    """Whether a copy is what was put there; a record of an earlier time has no size."""
    if size is not None and place.stat().st_size != size:
        return False
    place.chmod(place.stat().st_mode | stat.S_IRUSR)
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == digest


def _copy(place: Path, file: UserFile) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(file.content)
    place.chmod(0o755 if file.is_executable else 0o644)


def _furnishing(checkout: Path, environment: Environment | None) -> Furnishing:
    variables: dict[str, str] = {}
    programs: list[Path] = []
    roots = python.package_roots(checkout)
    if roots:
        variables["PYTHONPATH"] = ":".join(map(str, roots))
    for output in environment.outputs if environment is not None else ():
        place = environment.folder / output if environment is not None else checkout
        if (place / "pyvenv.cfg").is_file() and (place / "bin").is_dir():
            # uv would else bring the shared environment up to date, for a project that is not the one it was made from
            variables |= {"VIRTUAL_ENV": str(place), "UV_NO_SYNC": "1"}
            programs.append(place / "bin")
    readable = (environment.folder,) if environment is not None else ()
    return Furnishing(variables=variables, programs=tuple(programs), readable=readable)
