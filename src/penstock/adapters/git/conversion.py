"""Files that nobody touched and that git would store otherwise than the parent has them.

So it is where attributes came later than a file whose line ends were never normalised: who works beside such a file
has not changed it.
"""

from __future__ import annotations

import hashlib
import os
import stat
import uuid
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.index import Stored, read_stored
from penstock.adapters.git.runner import Call, Git, View
from penstock.adapters.git.sweeping import is_untouched

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.adapters.git.filling import Known

MARKS = (b"\r", b"$Id")
"""One of them is in each file of which a checkout makes what does not come back as it was."""
LARGEST = 8 << 20
"""Bytes of a file that is compared with its checkout."""


def is_possible(found: folders.Survey) -> bool:
    """False where nothing tells git to store a file otherwise than it is."""
    return any(path.endswith(".gitattributes") for path in found.files)


def undo(git: Git, view: View, before: Mapping[str, Stored], found: folders.Survey, known: Known | None) -> None:
    """Bring back what the index had `before` it was brought up to the folder, for each file that is still as it was
    left: `known` notes it so, or it holds just what a checkout would give.
    """
    hash_size = next((len(stored.identity) for stored in before.values()), 20)
    after = read_stored(view.index.read_bytes(), hash_size)
    changed = [path for path in found.statuses if _is_other_content(before.get(path), after.get(path))]
    left = (known.files() or {}) if known is not None and changed else {}
    untouched, unsure = list[str](), dict[str, bytes]()
    for path in changed:
        content = folders.read(view.worktree / path) or b""
        is_noted = known is not None and is_untouched(left.get(path), found.statuses[path], known.since)
        if is_noted or _named(content, hash_size) == before[path].identity:
            untouched.append(path)
        elif len(content) <= LARGEST and any(mark in content for mark in MARKS):
            unsure[path] = content
    made = _checked_out(git, view, {path: before[path].identity.hex() for path in unsure})
    untouched += [path for path, content in unsure.items() if made.get(path) == content]
    if untouched:
        lines = [f"{after[path].mode:o} {before[path].identity.hex()}\t{path}\0" for path in untouched]
        stdin = os.fsencode("".join(lines))
        git.run("update-index", "-z", "--index-info", call=Call(view=view, stdin=stdin))


def _is_other_content(old: Stored | None, new: Stored | None) -> bool:
    if old is None or new is None or old.identity == new.identity:
        return False
    return stat.S_ISREG(old.mode) and stat.S_ISREG(new.mode)


def _named(content: bytes, hash_size: int) -> bytes:
    """The name of a blob with this very content."""
    kind = hashlib.sha1 if hash_size == 20 else hashlib.sha256
    return kind(b"blob %d\0%s" % (len(content), content), usedforsecurity=False).digest()


def _checked_out(git: Git, view: View, blobs: Mapping[str, str]) -> dict[str, bytes]:
    """What a checkout would write for some paths, in one process."""
    if not blobs:
        return {}
    # git tells the size from before the conversion, so that only what nobody can have written parts the contents
    mark = uuid.uuid4().hex
    stdin = os.fsencode("".join(f"{identity} {path}\0" for path, identity in blobs.items()))
    call = Call(view=view, stdin=stdin)
    out = git.run("cat-file", f"--batch={mark}", "--buffer", "--filters", "-z", call=call).out
    parts = [part.removesuffix(b"\n") for part in out.split(f"{mark}\n".encode())[1:]]
    return dict(zip(blobs, parts, strict=True)) if len(parts) == len(blobs) else {}
