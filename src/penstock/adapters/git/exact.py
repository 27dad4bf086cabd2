"""Storing files as the very bytes that they are: what is kept for a person must not be what git makes of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.runner import Call, Git, View

if TYPE_CHECKING:
    from collections.abc import Sequence

# Stronger than what lies beside the files; `-working-tree-encoding` would be an error.
ATTRIBUTES = b"* -text -filter -ident !working-tree-encoding\n"


def add_exactly(git: Git, view: View, paths: Sequence[str]) -> None:
    """Add files to an index, ignored or not, whatever attributes say: through a git folder of this moment, for the one
    of the repository serves others too.
    """
    repository = git.settings.repository
    folder = git.settings.home / "staging" / f"{view.index.name}.git"
    folders.empty(folder)
    try:
        (folder / "refs").mkdir()
        for name in ("HEAD", "config"):
            folders.write(folder / name, folders.read(repository / name) or b"")
        folders.write(folder / "info/attributes", ATTRIBUTES)
        call = Call(
            view=view,
            stdin=b"".join(os.fsencode(path) + b"\0" for path in paths),
            extra={"GIT_DIR": str(folder), "GIT_OBJECT_DIRECTORY": str(repository / "objects")},
        )
        options = ("--force", "--pathspec-from-file=-", "--pathspec-file-nul")
        git.run("--literal-pathspecs", "add", *options, call=call)
    finally:
        folders.discard(folder)
