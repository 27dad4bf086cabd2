"""No depth of a folder stops a walk or a removal, and no link leads one out."""

from __future__ import annotations

from pathlib import Path

import pytest

from deep_folders import DEEP, dig
from penstock import disk


@pytest.mark.parametrize(("name", "depth"), [("d", DEEP), ("d" * 200, 40)])
def test_a_folder_of_any_depth_is_removed(tmp_path: Path, name: str, depth: int) -> None:
    dig(tmp_path, name, depth)
    (tmp_path / name / "beside").write_text("")
    (tmp_path / name).chmod(0o500)
    disk.remove(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_all_that_is_below_is_found_in_a_fixed_order_and_no_link_followed(tmp_path: Path) -> None:
    for name in ("b/two", "b/one", "a", "b/.git/config", "c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "b" / "link").symlink_to(tmp_path)
    found = [Path(entry.path).relative_to(tmp_path).as_posix() for entry in disk.below(tmp_path, leaving_out=(".git",))]
    assert found == ["a", "b", "b/link", "b/one", "b/two", "c"]


@pytest.mark.parametrize(("name", "depth"), [("d", DEEP), ("d" * 200, 40)])
def test_a_walk_goes_as_deep_as_a_path_can_be(tmp_path: Path, name: str, depth: int) -> None:
    dig(tmp_path, name, depth)
    found = sum(1 for _ in disk.below(tmp_path))
    assert found == DEEP + 1 if depth == DEEP else 0 < found < depth
    disk.remove(tmp_path / name)  # pytest could not


def test_what_is_not_there_is_removed_and_looked_through_already(tmp_path: Path) -> None:
    disk.remove(tmp_path / "none")
    disk.remove_if_possible(tmp_path / "none" / "below")
    assert not list(disk.below(tmp_path / "none"))
