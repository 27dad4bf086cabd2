"""What the machine refuses is told from what is a bug."""

from __future__ import annotations

import errno
import os

import pytest

from penstock.engine.machine import in_words


def refusal(code: int) -> OSError:
    return OSError(code, os.strerror(code), "/some/file")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_with_its_place_and_what_to_do(code: int) -> None:
    said = in_words(refusal(code))
    assert said is not None
    assert said.sentence.startswith("the disk is full: /some/file: ")
    assert "free some space" in (said.hint or "")


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EMFILE, errno.EIO])
def test_a_refusal_names_its_place(code: int) -> None:
    said = in_words(refusal(code))
    assert said is not None
    assert said.sentence == f"the machine refused: /some/file: {os.strerror(code)}"


@pytest.mark.parametrize("code", [errno.ENOENT, errno.EEXIST, errno.EBADF, errno.EINVAL])
def test_what_is_more_likely_our_own_mistake_stays_a_bug(code: int) -> None:
    assert in_words(refusal(code)) is None
