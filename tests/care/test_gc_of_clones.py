"""The clones that `self-improve` works on go once nobody needs them: what is in no other place stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from care_desk import SETTINGS, Desk, bundle

from penstock.care.collecting import collect
from penstock.epics import EpicWish
from penstock.upkeep import CLONES, UNFINISHED


class CloneDesk(Desk):
    """A desk whose project is a clone of ours, made of a repository that lies beside it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, bundle("ws-a"), settings=SETTINGS)
        self.origin = self.project
        self.project = self.home / CLONES / "one"
        self.project.parent.mkdir(parents=True)
        self.git("clone", "--quiet", str(self.origin), str(self.project), folder=folder)

    def clones(self, *, days: float = 40.0, dry_run: bool = False) -> list[tuple[str, bool]]:
        """The clones that gc finds superfluous, and whether each was removed."""

        async def sweep(penstock: Any) -> list[tuple[str, bool]]:
            _, done = await collect(penstock.parts, dry_run=dry_run)
            return [(one.item.remnant.name, one.removed) for one in done if one.item.remnant.kind.value == "clone"]

        return self.does(sweep, days=days)

    def commit(self, text: str = "mine\n") -> None:
        (self.project / "src/mine.txt").write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=mine")


@pytest.fixture
def desk(tmp_path: Path) -> CloneDesk:
    """A clone in which a run has ended, whose branch its repository has."""
    found = CloneDesk(tmp_path)
    assert found.run("r1") == "completed"
    found.git("push", "--quiet", "origin", "penstock/r1")
    return found


def test_a_clone_whose_repository_has_all_of_it_goes_when_it_is_old(desk: CloneDesk) -> None:
    assert desk.clones(days=0) == []
    assert desk.clones(dry_run=True) == [("one", False)]
    assert desk.project.is_dir()
    home_again = desk.project
    desk.project = desk.origin
    assert desk.clones() == [("one", True)]
    assert not home_again.exists()
    assert desk.git("rev-parse", "penstock/r1")
    assert desk.clones() == []


@pytest.mark.parametrize("what", ["commit", "branch", "stash", "file", "origin", "itself"])
def test_a_clone_that_holds_more_than_its_repository_stays(desk: CloneDesk, what: str) -> None:
    if what == "commit":
        desk.commit()
    elif what == "branch":
        desk.commit()
        desk.git("branch", "own")
        desk.git("reset", "--quiet", "--hard", "HEAD^")
    elif what == "stash":
        (desk.project / "src/seed.txt").write_text("changed\n")
        desk.git("stash", "--quiet")
    elif what == "file":
        (desk.project / "src/new.txt").write_text("new\n")
    elif what == "itself":
        desk.git("remote", "set-url", "origin", str(desk.project))
    else:
        desk.origin.rename(desk.origin.with_name("elsewhere"))
    assert desk.clones() == []
    assert desk.project.is_dir()


def test_a_clone_that_no_project_of_the_store_is_goes_too(desk: CloneDesk) -> None:
    left = desk.project.with_name("left")
    desk.git("clone", "--quiet", str(desk.origin), str(left), folder=desk.home)
    assert desk.clones(days=0) == []
    assert ("left", True) in desk.clones()
    assert not left.exists()


def test_what_a_killed_process_had_only_half_cloned_goes_after_a_day(desk: CloneDesk) -> None:
    half = desk.project.with_name(f"{UNFINISHED}half")
    (half / ".git/objects").mkdir(parents=True)

    async def sweep(penstock: Any) -> list[tuple[str, bool]]:
        _, done = await collect(penstock.parts)
        return [(one.item.remnant.name, one.removed) for one in done if one.item.remnant.kind.value == "scrap"]

    assert desk.does(sweep) == []
    assert half.is_dir()
    assert desk.does(sweep, days=2) == [(half.name, True)]
    assert not half.exists()
    assert desk.project.is_dir()


def test_a_clone_in_which_a_pipeline_can_go_on_stays(desk: CloneDesk) -> None:
    async def begin(penstock: Any) -> None:
        await penstock.epics.create(EpicWish(description="Mend it", context={}))

    desk.does(begin)
    assert desk.clones() == []


def test_a_project_elsewhere_is_no_clone_of_ours(tmp_path: Path) -> None:
    desk = CloneDesk(tmp_path)
    desk.project.rename(tmp_path / "own")
    desk.project = tmp_path / "own"
    assert desk.run("r1") == "completed"
    desk.git("push", "--quiet", "origin", "penstock/r1")
    assert desk.clones() == []
    assert desk.project.is_dir()
