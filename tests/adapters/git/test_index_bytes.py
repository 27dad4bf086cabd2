"""An index of ours is read as git wrote it, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from git_bench import git
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.adapters.git.index import IndexUnreadable, noted, read_index

NAMES = ["a", "seven77", "eight888", "src/deep/er/file.py", "x" * 250, "/".join(["long" * 40] * 19), "umläut", "zz"]


def repository(root: Path, object_format: str = "sha1") -> bytes:
    git(root, "init", "--quiet", f"--object-format={object_format}")
    for number, name in enumerate(NAMES):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x" * number)
    (root / "link").symlink_to("a")
    git(root, "add", "--all")
    return (root / ".git/index").read_bytes()


@pytest.mark.parametrize(("object_format", "hash_size"), [("sha1", 20), ("sha256", 32)])
def test_every_file_is_noted_as_it_lies_there(tmp_path: Path, object_format: str, hash_size: int) -> None:
    found = read_index(repository(tmp_path, object_format), hash_size)
    assert found == {name: noted((tmp_path / name).lstat()) for name in (*NAMES, "link")}
    assert found["a"].changed_at == (tmp_path / "a").lstat().st_ctime_ns


def test_a_file_that_is_only_intended_is_read_too(tmp_path: Path) -> None:
    repository(tmp_path)
    (tmp_path / "b").write_text("later")
    git(tmp_path, "add", "--intent-to-add", "b")
    assert set(read_index((tmp_path / ".git/index").read_bytes(), 20)) == {*NAMES, "link", "b"}


def test_a_version_with_shortened_names_is_refused(tmp_path: Path) -> None:
    repository(tmp_path)
    git(tmp_path, "update-index", "--index-version=4")
    with pytest.raises(IndexUnreadable, match="version 4"):
        read_index((tmp_path / ".git/index").read_bytes(), 20)


@settings(max_examples=200)
@given(content=st.binary(max_size=300), count=st.integers(min_value=0, max_value=2**32 - 1))
def test_any_bytes_are_an_index_or_refused(content: bytes, count: int) -> None:
    for whole in (content, b"DIRC\0\0\0\x02" + count.to_bytes(4) + content):
        try:
            read_index(whole, 20)
        except IndexUnreadable:
            continue
