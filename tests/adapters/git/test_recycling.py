"""A recycled folder is as a new one: whatever a workstream left there, the next one finds nothing of it."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from git_bench import AT, PLACE, Bench, git

from penstock.adapters.git.looking import GitWorktrees
from penstock.domain.changes import Stamp
from penstock.ports import Place

NEXT = replace(PLACE, workstream="w2", branch="ws/w2-r1")
FILES = {
    "src/app.py": "one\n",
    "src/deep/er/file.py": "deep\n",
    "docs/read me.md": "text\n",
    "tool.sh": "#!/bin/sh\n",
    ".gitignore": "*.log\nbuild/\n",
}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.make_user(FILES)
    made.fetch()
    return made


def spares(bench: Bench) -> list[Path]:
    return [path for folder in bench.settings.spares("r1") if folder.exists() for path in folder.iterdir()]


def looks(root: Path) -> dict[str, object]:
    """All that a program in the folder could see of it, but for times and the link to its git folder."""
    found: dict[str, object] = {}
    for folder, folders, files in os.walk(root):
        for path in [Path(folder), *(Path(folder, name) for name in (*folders, *files))]:
            status = path.lstat()
            content = str(path.readlink()) if path.is_symlink() else None if path.is_dir() else path.read_bytes()
            names = 1 if path.is_dir() else status.st_nlink
            attributes = os.listxattr(path, follow_symlinks=False)
            owner = (stat.filemode(status.st_mode), status.st_uid, status.st_gid)
            found[path.relative_to(root).as_posix()] = (owner, names, attributes, content)
    del found[".git"]
    return found


def as_new(bench: Bench, start: str) -> dict[str, object]:
    """How a folder looks that was never used."""
    elsewhere = bench.prepare(start, replace(PLACE, run="r9"))
    return looks(elsewhere)


def recycled(bench: Bench, leave: Callable[[Path], object], start: str = "") -> Path:
    """The folder of the next workstream after one that left something behind."""
    worktree = bench.prepare()
    leave(worktree)
    bench.capture()
    bench.remove(bench.preserve(), recycle=True)
    return bench.prepare(start, NEXT)


def _nested_repository(root: Path) -> None:
    (root / "src/nested").mkdir()
    git(root / "src/nested", "init", "--quiet")
    (root / "src/nested/f").write_text("x")


def _ignored(root: Path) -> None:
    (root / "build/out").mkdir(parents=True)
    (root / "build/out/lib.o").write_text("x")
    (root / "src/trace.log").write_text("x")


def _closed_folder(root: Path) -> None:
    (root / "closed/in").mkdir(parents=True)
    (root / "closed/in/f").write_text("x")
    (root / "closed/in").chmod(0)
    (root / "closed").chmod(0o500)


def _same_size_and_time(root: Path) -> None:
    path = root / "src/app.py"
    before = path.stat()
    path.write_text("two\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _replaced_folder_by_link(root: Path) -> None:
    outside = root.parent.parent / "outside"
    shutil.copytree(root / "src", outside)
    shutil.rmtree(root / "src")
    (root / "src").symlink_to(outside)


def _second_name(root: Path) -> None:
    (root.parent.parent / "kept-name").hardlink_to(root / "src/app.py")


def _attribute(path: str) -> Callable[[Path], None]:
    def leave(root: Path) -> None:
        try:
            os.setxattr(root / path, "user.left", b"behind")
        except OSError:
            pytest.skip("this file system has no extended attributes")

    return leave


def _default_access_list(root: Path) -> None:
    entries = [(0x01, 7), (0x04, 7), (0x20, 7)]  # everybody may do everything
    content = (2).to_bytes(4, "little") + b"".join(
        tag.to_bytes(2, "little") + mode.to_bytes(2, "little") + b"\xff" * 4 for tag, mode in entries
    )
    try:
        os.setxattr(root / "src", "system.posix_acl_default", content)
    except OSError:
        pytest.skip("this file system has no access lists")


def _replaced_file_by_folder(root: Path) -> None:
    (root / "src/app.py").unlink()
    (root / "src/app.py").mkdir()
    (root / "src/app.py/inner").write_text("x")


def _replaced_file_by_link(root: Path) -> None:
    (root / "tool.sh").unlink()
    (root / "tool.sh").symlink_to("src/app.py")


LEFT: dict[str, Callable[[Path], object]] = {
    "nothing": lambda root: None,
    "a new file": lambda root: (root / "new.py").write_text("x"),
    "a changed file": lambda root: (root / "src/app.py").write_text("two\n"),
    "a changed file of the same size and time": _same_size_and_time,
    "a removed folder": lambda root: shutil.rmtree(root / "src"),
    "ignored files": _ignored,
    "empty folders": lambda root: (root / "empty/inner").mkdir(parents=True),
    "a nested repository": _nested_repository,
    "a name that git refuses": lambda root: (root / "src/.GIT").mkdir(),
    "a readable file closed": lambda root: (root / "src/app.py").chmod(0o600),
    "a file that all may write": lambda root: (root / "src/app.py").chmod(0o666),
    "a file with its set-user bit": lambda root: (root / "tool.sh").chmod(0o4755),
    "a folder that all may write": lambda root: (root / "src").chmod(0o777),
    "a folder that gives its group on": lambda root: (root / "src/deep").chmod(0o2755),
    "a root that all may write": lambda root: root.chmod(0o777),
    "closed folders": _closed_folder,
    "a link out of it": lambda root: (root / "way-out").symlink_to("/etc"),
    "a folder that became a link": _replaced_folder_by_link,
    "a file that became a link": lambda root: [
        (root / "tool.sh").unlink(),
        (root / "tool.sh").symlink_to("src/app.py"),
    ],
    "a file that became a folder": _replaced_file_by_folder,
    "a second name outside": _second_name,
    "an attribute of a file": _attribute("src/app.py"),
    "an attribute of a folder": _attribute("src/deep"),
    "an attribute of the root": _attribute("."),
    "an access list for new files": _default_access_list,
}


@pytest.mark.parametrize("leave", LEFT.values(), ids=LEFT.keys())
def test_the_next_workstream_finds_a_folder_as_new(bench: Bench, leave: Callable[[Path], object]) -> None:
    worktree = recycled(bench, leave)
    assert spares(bench) == [], "the folder was not recycled"
    assert looks(worktree) == as_new(bench, bench.base)
    assert git(worktree, "status", "--porcelain", "--ignored") == ""


def test_what_nobody_touched_is_not_written_again(bench: Bench) -> None:
    place, worktree = PLACE, bench.prepare()
    before = {name: (worktree / name).stat().st_ino for name in FILES}
    for number in range(20):  # a file written in the same tick of the clock as it was handed over counts as touched
        bench.remove(bench.preserve(place), recycle=True)
        place = replace(PLACE, workstream=f"again{number}", branch=f"ws/again{number}-r1")
        worktree = bench.prepare(place=place)
        found = {name: (worktree / name).stat().st_ino for name in FILES}
        if found == before:
            break
        before = found
    assert found == before


def test_a_recycled_folder_holds_the_tree_that_it_is_prepared_for(bench: Bench) -> None:
    other = bench.prepare(place=replace(PLACE, workstream="w0", branch="ws/w0-r1"))
    (other / "src/app.py").write_text("three\n")
    (other / "more.py").write_text("more\n")
    start = bench.capture(place=replace(PLACE, workstream="w0", branch="ws/w0-r1")).candidate.commit
    worktree = recycled(bench, _ignored, start)
    assert looks(worktree) == as_new(bench, start)
    assert git(worktree, "rev-parse", "HEAD") == start
    assert git(worktree, "symbolic-ref", "HEAD") == "refs/heads/ws/w2-r1"
    assert bench.capture(base=start, place=NEXT).changes == ()


def _hook(private: Path) -> None:
    (private / "hooks").mkdir()
    (private / "hooks/pre-commit").write_text("#!/bin/sh\n")


TAMPERED: dict[str, Callable[[Path], object]] = {
    "a hook": _hook,
    "a setting": lambda private: (private / "config").write_text("[core]\n\tfsmonitor = evil\n"),
    "a branch": lambda private: (private / "refs/heads/other").write_text("0" * 40 + "\n"),
    "an object": lambda private: (private / "objects/pack/x.pack").write_text("x"),
    "an ignore list": lambda private: (private / "info/exclude").write_text("*\n"),
    "a second name": lambda private: (private.parent / "mine").hardlink_to(private / "config"),
    "a link for a file": lambda private: [
        (private / "config").rename(private.parent / "mine"),
        (private / "config").symlink_to(private.parent / "mine"),
    ],
    "an index": lambda private: (private / "index").write_bytes(b"DIRC"),
    "a folder that all may write": lambda private: (private / "objects").chmod(0o777),
}


@pytest.mark.parametrize("moment", ["in use", "spare"])
@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED.keys())
def test_a_git_folder_that_somebody_wrote_to_is_not_used_again(
    bench: Bench, tamper: Callable[[Path], object], moment: str
) -> None:
    bench.prepare()
    if moment == "in use":
        tamper(bench.private)
    bench.capture()
    bench.remove(bench.preserve(), recycle=True)
    if moment == "spare":
        tamper(next(bench.settings.spares("r1")[1].iterdir()))
    bench.prepare(place=NEXT)
    elsewhere = replace(NEXT, run="r9")
    bench.prepare(place=elsewhere)
    new, used = looks_of_git(bench.settings.private(elsewhere)), looks_of_git(bench.settings.private(NEXT))
    assert used == new
    mine = bench.private.parent / "mine"
    assert not mine.exists() or mine.read_bytes() != (bench.settings.private(NEXT) / "config").read_bytes()


def looks_of_git(private: Path) -> dict[str, object]:
    """All of a git folder, but for what names its run and the times in its index."""
    found = {}
    for path in sorted(private.rglob("*")):
        status = path.lstat()
        content = None if path.is_dir() else path.read_bytes().replace(b"/r9/", b"/r1/")
        where = path.relative_to(private).as_posix()
        found[where] = (
            stat.filemode(status.st_mode),
            None if path.is_dir() else (status.st_nlink, content if where != "index" else None),
        )
    return found


def test_an_index_of_ours_that_somebody_wrote_is_not_believed(bench: Bench) -> None:
    worktree = bench.prepare()
    bench.capture()
    bench.remove(bench.preserve(), recycle=True)
    (spare,) = bench.settings.spares("r1")[0].iterdir()
    (spare / "src/app.py").write_text("two\n")
    for index in bench.settings.indexes.iterdir():
        index.write_bytes(index.read_bytes() + b"more")
    worktree = bench.prepare(place=NEXT)
    assert looks(worktree) == as_new(bench, bench.base)


def test_a_folder_is_only_recycled_when_it_is_asked_for(bench: Bench) -> None:
    bench.prepare()
    bench.remove(bench.preserve())
    assert spares(bench) == []
    assert list(bench.worktree.parent.iterdir()) == []


def test_a_folder_that_was_moved_aside_is_kept_and_not_recycled(bench: Bench) -> None:
    os.mkfifo(bench.prepare() / "pipe")
    kept = bench.preserve()
    bench.remove(kept, recycle=True)
    assert spares(bench) == []
    assert kept.moved_to is not None
    assert kept.moved_to.exists()


def test_spares_go_when_the_run_has_ended(bench: Bench) -> None:
    bench.prepare()
    bench.remove(bench.preserve(), recycle=True)
    assert len(spares(bench)) == 2
    asyncio.run(bench.project.drop_checkouts("r1"))
    assert list(bench.worktree.parent.iterdir()) == []
    assert list(bench.private.parent.iterdir()) == []
    assert list(bench.settings.indexes.iterdir()) == []


def test_spares_of_an_earlier_owner_are_not_used(bench: Bench) -> None:
    bench.prepare()
    bench.remove(bench.preserve(), recycle=True)
    bench.again()
    bench.prepare(place=NEXT)
    assert spares(bench) == []
    assert GitWorktrees(bench.settings).places() == (NEXT,)


def test_a_kill_between_taking_a_spare_and_filling_it_is_nobodys_work(bench: Bench) -> None:
    class Killed(BaseException):
        pass

    def kill(effect: str) -> None:
        if effect == "git read-tree":
            raise Killed

    bench.prepare()
    (bench.worktree / "trace.log").write_text("of the first")
    bench.capture()
    bench.remove(bench.preserve(), recycle=True)
    object.__setattr__(bench.settings, "effect", kill)
    with pytest.raises(Killed):
        bench.prepare(place=NEXT)
    object.__setattr__(bench.settings, "effect", lambda _: None)
    assert bench.settings.worktree(NEXT).exists()
    bench.again()
    assert looks(bench.prepare(place=NEXT)) == as_new(bench, bench.base)
    assert asyncio.run(bench.project.snapshots("r1", "w2")) == ()


def test_one_project_can_recycle_from_many_threads(bench: Bench) -> None:
    places = [replace(PLACE, workstream=f"w{number}", branch=f"ws/w{number}-r1") for number in range(8)]

    async def one(mine: list[Place]) -> None:
        for place in mine:
            worktree = await bench.project.prepare(place, bench.base)
            (worktree / f"{place.workstream}.log").write_text("x")
            assert [path.name for path in worktree.glob("*.log")] == [f"{place.workstream}.log"]
            kept = await bench.project.preserve(place, Stamp(message="kept", at=AT))
            await bench.project.remove(kept, recycle=True)

    async def every() -> None:
        await asyncio.gather(*(one(places[number::4]) for number in range(4)))

    asyncio.run(every())
    assert 2 <= len(spares(bench)) <= 8
