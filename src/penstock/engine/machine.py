"""What the machine refuses, in words: errors of the file system and of processes that no code of ours can mend.

An error that is more likely our own mistake (a file that is not there) is none of these.
"""

from __future__ import annotations

import errno

from penstock.domain.errors import WorldError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
REFUSED = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
)


class MachineRefused(WorldError):
    """The machine did not let us do what we must."""


def in_words(error: OSError) -> MachineRefused | None:
    """The error of ours for one of the system; None where it says nothing about the machine."""
    where = f"{error.filename}: " if error.filename else ""
    said = f"{where}{error.strerror or error}"
    if error.errno in FULL:
        return MachineRefused(f"the disk is full: {said}", hint="free some space, then try again")
    if error.errno in REFUSED:
        hint = "mend that, or choose another place with PENSTOCK_HOME"
        return MachineRefused(f"the machine refused: {said}", hint=hint)
    return None
