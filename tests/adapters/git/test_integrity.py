"""What an agent plants runs nowhere, is told, and is put back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from git_bench import PLACE, Bench, git

from deep_folders import DEEP, dig
from penstock.adapters.git import folders
from penstock.adapters.git.integrity import MOST_TOLD
from penstock.adapters.git.mending import GitMending
from penstock.adapters.git.runner import Call, FilesRefused, Git, View

if TYPE_CHECKING:
    from collections.abc import Iterator


def canary(bench: Bench) -> tuple[Path, str]:
    """A file that must not come to be, and a program that makes it."""
    script, trace = bench.root / "evil.sh", bench.root / "evil-ran"
    script.write_text(f"#!/bin/sh\ntouch {trace}\ncat\n")
    script.chmod(0o755)
    return trace, str(script)


def go_through(bench: Bench) -> object:
    """Everything of ours that touches the worktree after an agent."""
    found = bench.capture()
    bench.merge(bench.base, found.candidate.commit)

    async def look() -> None:
        async with bench.project.checkout("r1", found.candidate.commit):
            pass

    asyncio.run(look())
    bench.remove(bench.preserve())
    return found


@pytest.mark.parametrize("where", ["private", "own"])
def test_planted_hooks_and_configuration_run_nowhere(bench: Bench, where: str) -> None:
    worktree = bench.prepare()
    trace, script = canary(bench)
    folder = bench.private if where == "private" else bench.own
    for hook in ("post-index-change", "reference-transaction", "post-checkout", "pre-commit"):
        (folder / "hooks").mkdir(exist_ok=True)
        (folder / "hooks" / hook).write_text(Path(script).read_text())
        (folder / "hooks" / hook).chmod(0o755)
    with (folder / "config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {script}\n")
        config.write(f'[filter "evil"]\n\tclean = {script}\n\tsmudge = {script}\n\trequired = true\n')
    (folder / "info/attributes").write_text("* filter=evil\n")
    (worktree / ".gitattributes").write_text("* filter=evil\n")
    (worktree / "src/app.py").write_text("two\n")
    found = go_through(bench)
    assert not trace.exists()
    prefix = ".git" if where == "private" else "repo.git"
    expected = {f"{prefix}/hooks/pre-commit", f"{prefix}/config", f"{prefix}/info/attributes"}
    assert expected <= bench.rules(found)


def test_what_was_planted_is_put_back_and_told_once(bench: Bench) -> None:
    bench.prepare()
    before = (bench.private / "config").read_bytes()
    (bench.private / "config").write_text("[core]\n\tfsmonitor = evil\n")
    (bench.private / "hooks").mkdir()
    (bench.private / "hooks/pre-commit").write_text("#!/bin/sh\n")
    (bench.private / "commondir").write_text(str(bench.user / ".git"))
    (bench.private / "info/exclude").write_text("*\n")
    assert bench.rules(bench.capture()) == {
        ".git/config",
        ".git/hooks/pre-commit",
        ".git/commondir",
        ".git/info/exclude",
    }
    assert (bench.private / "config").read_bytes() == before
    assert not (bench.private / "hooks").exists()
    assert bench.capture().tampering == ()


def test_the_restart_of_the_owner_forgets_no_tampering(bench: Bench) -> None:
    bench.prepare()
    (bench.private / "hooks").mkdir()
    (bench.private / "hooks/x").write_text("")
    bench.again()
    assert bench.rules(bench.capture()) == {".git/hooks/x"}


def test_other_branches_tags_and_stashes_are_told(bench: Bench) -> None:
    worktree = bench.prepare()
    git(worktree, "branch", "other")
    git(worktree, "tag", "v1")
    (worktree / "src/app.py").write_text("stashed\n")
    git(worktree, "stash", "--quiet")
    git(worktree, "checkout", "--quiet", "other")
    found = bench.capture()
    assert bench.rules(found) == {"refs/heads/other", "refs/tags/v1", "refs/stash", ".git/HEAD"}
    assert bench.capture().tampering == ()
    assert git(worktree, "branch", "--show-current") == "ws/w1-r1"


def test_a_detached_head_and_a_removed_branch_are_told(bench: Bench) -> None:
    worktree = bench.prepare()
    git(worktree, "checkout", "--quiet", "--detach")
    git(worktree, "branch", "-D", "ws/w1-r1")
    assert bench.rules(bench.capture()) == {".git/HEAD", "refs/heads/ws/w1-r1"}
    assert git(worktree, "rev-parse", "HEAD") == bench.base


def test_packed_refs_are_read_like_loose_ones(bench: Bench) -> None:
    bench.prepare()
    with (bench.private / "packed-refs").open("a") as packed:
        packed.write(f"{bench.base} refs/heads/planted\n")
    (bench.own / "packed-refs").write_text(f"{bench.base} refs/heads/penstock/r1\n")
    assert bench.rules(bench.capture()) == {"refs/heads/planted", "repo.git/packed-refs"}
    assert git(bench.own, "branch", "--list") == ""


@pytest.mark.parametrize("name", ["{mine}", "refs/heads/{way}", "refs/heads/" + "a/" * 3000 + "b", "refs/heads/a\0b"])
def test_the_name_of_a_packed_ref_is_no_path(bench: Bench, name: str) -> None:
    """What it says is told, and nothing but `packed-refs` is removed for it."""
    bench.prepare()
    mine = bench.root / "mine"
    mine.mkdir()
    (mine / "work").write_text("x")
    way = os.path.relpath(mine, bench.private / "refs/heads")
    with (bench.private / "packed-refs").open("a") as packed:
        packed.write(f"{bench.base} {name.format(mine=mine, way=way)}\n")
    assert bench.rules(bench.capture()) == {name.format(mine=mine, way=way)}
    assert (mine / "work").read_text() == "x"
    assert bench.capture().tampering == ()


def test_of_many_refs_the_first_are_told_and_how_many_more(bench: Bench) -> None:
    bench.prepare()
    with (bench.private / "packed-refs").open("a") as packed:
        packed.writelines(f"{bench.base} refs/tags/{number:04}\n" for number in range(2990))
    for number in range(2990, 3000):
        folders.write(bench.private / f"refs/tags/{number}", f"{bench.base}\n".encode())
    told = bench.capture().tampering
    assert [one.path for one in told] == [*(f"refs/tags/{number:04}" for number in range(MOST_TOLD)), "refs"]
    assert told[-1].rule.endswith(f"{3000 - MOST_TOLD} more times")
    assert git(bench.worktree, "tag") == ""


@pytest.mark.parametrize("where", ["private", "own"])
def test_a_ref_whose_path_is_too_long_is_removed_and_told(bench: Bench, where: str) -> None:
    bench.prepare()
    folder = bench.private if where == "private" else bench.own
    (folder / "refs/tags").mkdir()
    dig(folder / "refs/tags", "d" * 200, 30)
    told = bench.rules(bench.capture())
    assert ["refs/tags/ddd" in path for path in told] == [True]
    assert bench.rules(bench.capture()) <= told  # of our own repository it is told again


def test_a_link_in_the_place_of_gits_files_is_not_followed(bench: Bench) -> None:
    bench.prepare()
    mine = bench.root / "mine"
    mine.mkdir()
    (mine / "keep").write_text("x")
    (bench.private / "info").rmdir()
    (bench.private / "info").symlink_to(mine)
    (bench.private / "hooks").symlink_to(mine)
    (bench.private / "config").rename(mine / "config")
    (bench.private / "config").symlink_to(mine / "config")
    found = bench.capture()
    assert {".git/info", ".git/hooks", ".git/config"} <= bench.rules(found)
    assert sorted(path.name for path in mine.iterdir()) == ["config", "keep"]
    assert not (bench.private / "config").is_symlink()


def test_a_replaced_git_link_is_put_back_and_its_folder_kept(bench: Bench) -> None:
    worktree = bench.prepare()
    (worktree / ".git").unlink()
    git(worktree, "init", "--quiet")
    (worktree / ".git/note").write_text("agent's")
    found = bench.capture()
    assert bench.rules(found) == {".git"}
    assert (worktree / ".git").read_text().startswith("gitdir: ")
    assert (bench.settings.kept(PLACE) / "w1-git-1/note").read_text() == "agent's"


def test_a_removed_git_folder_is_told(bench: Bench) -> None:
    import shutil

    bench.prepare()
    shutil.rmtree(bench.private)
    assert bench.rules(bench.capture()) == {".git"}


def test_refs_of_the_own_repository_are_put_back(bench: Bench) -> None:
    asyncio.run(bench.project.create_branch("penstock/r1", bench.base))
    worktree = bench.prepare()
    (worktree / "src/app.py").write_text("two\n")
    first = bench.capture()
    (bench.own / "refs/heads/penstock/r1").write_text(f"{first.candidate.commit}\n")
    (bench.own / "refs/heads/planted").write_text(f"{bench.base}\n")
    (bench.own / first.ref).unlink()
    found = bench.capture()
    assert bench.rules(found) == {
        "repo.git/refs/heads/penstock/r1",
        "repo.git/refs/heads/planted",
        f"repo.git/{first.ref}",
    }
    assert asyncio.run(bench.project.head("penstock/r1")) == bench.base
    assert found.ref == first.ref
    assert not (bench.own / "refs/heads/planted").exists()


def test_tampering_is_charged_to_every_attempt_that_was_at_work_and_to_no_later_one(bench: Bench) -> None:
    other, late = replace(PLACE, workstream="w2", branch="ws/w2"), replace(PLACE, workstream="w3", branch="ws/w3")
    bench.prepare()
    bench.prepare(place=other)
    (bench.own / "hooks").mkdir()
    (bench.own / "hooks/x").write_text("")
    assert bench.rules(bench.capture()) == {"repo.git/hooks/x"}
    bench.prepare(place=late)
    assert bench.rules(bench.capture(place=other)) == {"repo.git/hooks/x"}
    assert bench.rules(bench.capture(place=late)) == set()


def test_another_process_of_ours_may_write_refs(bench: Bench) -> None:
    bench.prepare()
    sibling = Bench(bench.root)
    sibling.base = bench.base
    sibling.place = replace(PLACE, run="r2")
    asyncio.run(sibling.project.create_branch("penstock/r2", bench.base))
    sibling.prepare(place=sibling.place)
    sibling.capture(place=sibling.place)
    assert bench.capture().tampering == ()
    assert asyncio.run(bench.project.head("penstock/r2")) == bench.base


def test_a_write_that_a_kill_cut_in_two_is_ours_either_way(bench: Bench) -> None:
    class Killed(BaseException):
        pass

    def at(name: str):
        def kill(effect: str) -> None:
            if effect == name:
                raise Killed

        return kill

    for number, effect in enumerate(("ref intended", "ref written")):
        dying = Bench(bench.root, effect=at(effect))
        with pytest.raises(Killed):
            asyncio.run(dying.project.create_branch(f"penstock/k{number}", bench.base))
    bench.again()
    bench.prepare()
    assert bench.capture().tampering == ()
    assert asyncio.run(bench.project.head("penstock/k0")) is None
    assert asyncio.run(bench.project.head("penstock/k1")) == bench.base


def test_a_ledger_that_was_emptied_is_told_and_written_again(bench: Bench) -> None:
    bench.prepare()
    bench.capture()
    (bench.settings.home / "refs.log").write_text("")
    assert bench.rules(bench.capture()) == {"repo.git/refs.log"}
    bench.again()
    assert bench.capture().tampering == ()


def test_a_ledger_that_is_lost_takes_no_ref_with_it(bench: Bench) -> None:
    asyncio.run(bench.project.create_branch("penstock/r1", bench.base))
    (bench.settings.home / "refs.log").unlink()
    bench.again()
    bench.prepare()
    assert bench.capture().tampering == ()
    assert asyncio.run(bench.project.head("penstock/r1")) == bench.base


@contextlib.contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """As on a full disk, a write that would make a file longer stops in its middle."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_line_of_the_ledger_that_had_no_room_takes_no_ref_back(bench: Bench) -> None:
    asyncio.run(bench.project.create_branch("penstock/r1", bench.base))
    bench.prepare()
    (bench.worktree / "src/app.py").write_text("two\n")
    found = bench.capture().candidate
    moving, log = bench.verdict(bench.base, found.commit, found.tree), bench.settings.home / "refs.log"
    size = log.stat().st_size
    with no_file_beyond(size + 30), pytest.raises(FilesRefused):
        asyncio.run(bench.project.advance(moving))
    assert log.stat().st_size == size
    asyncio.run(bench.project.advance(moving))
    bench.again()
    bench.prepare()
    assert bench.capture().tampering == ()
    assert asyncio.run(bench.project.head("penstock/r1")) == found.commit


def test_what_had_no_room_to_be_noted_as_done_is_believed(bench: Bench) -> None:
    asyncio.run(bench.project.create_branch("penstock/r1", bench.base))
    bench.prepare()
    (bench.worktree / "src/app.py").write_text("two\n")
    found = bench.capture().candidate
    log = bench.settings.home / "refs.log"

    class Stopped(BaseException):
        pass

    def stop(effect: str) -> None:
        if effect == "ref written":
            raise Stopped

    object.__setattr__(bench.settings, "effect", stop)
    with pytest.raises(Stopped):
        asyncio.run(bench.project.advance(bench.verdict(bench.base, found.commit, found.tree)))
    object.__setattr__(bench.settings, "effect", lambda _name: None)
    with log.open("a") as file:  # and a further move was intended, when the owner was killed
        file.write(f"intended refs/heads/penstock/r1 {bench.base}\n")
    bench.again()
    bench.prepare()
    assert bench.capture().tampering == ()
    assert asyncio.run(bench.project.head("penstock/r1")) == found.commit


def test_a_line_that_a_kill_cut_off_is_no_beginning_of_the_next(bench: Bench) -> None:
    log = bench.settings.home / "refs.log"
    with log.open("a") as file:
        file.write("intended refs/heads/penst")
    asyncio.run(bench.project.create_branch("penstock/r1", bench.base))
    bench.again()
    bench.prepare()
    assert bench.capture().tampering == ()
    assert asyncio.run(bench.project.head("penstock/r1")) == bench.base


def test_a_ref_whose_line_is_spoilt_stays_as_it_is(bench: Bench) -> None:
    asyncio.run(bench.project.create_branch("penstock/r1", bench.base))
    log = bench.settings.home / "refs.log"
    log.write_text(
        log.read_text().replace("intended refs/heads/penstock/r1", "intended refs/heintended refs/heads/penstock/r1")
    )
    bench.again()
    bench.prepare()
    assert bench.rules(bench.capture()) <= {"repo.git/refs.log"}
    assert asyncio.run(bench.project.head("penstock/r1")) == bench.base


def test_a_repository_made_anew_has_no_ref_of_the_one_before(bench: Bench) -> None:
    asyncio.run(bench.project.create_branch("penstock/r1", bench.base))
    folders.remove(bench.own)
    bench.again()
    bench.fetch()
    bench.prepare()
    assert bench.capture().tampering == ()
    assert asyncio.run(bench.project.head("penstock/r1")) is None


def test_stale_locks_are_cleared_in_the_own_repository_only(bench: Bench) -> None:
    asyncio.run(bench.project.create_branch("penstock/r1", bench.base))
    ours, theirs = bench.own / "refs/heads/penstock/r1.lock", bench.user / ".git/index.lock"
    ours.touch()
    theirs.touch()
    (bench.settings.indexes).mkdir(exist_ok=True)
    of_the_living = {f"r1-w1.{os.getpid()}.0", f"r1-w1.{os.getpid()}.999999999.lock"}
    for name in ("r1-w1.999999999.0", f"r1-w1.999999999.{os.getpid()}.lock", *of_the_living):
        (bench.settings.indexes / name).touch()
    asyncio.run(bench.project.clear_stale_locks())
    assert not ours.exists()
    assert theirs.exists()
    assert {path.name for path in bench.settings.indexes.iterdir()} == of_the_living


def test_stale_locks_are_found_and_cleared_at_any_depth(bench: Bench) -> None:
    (bench.own / "strange").mkdir()
    dig(bench.own / "strange", "d", DEEP)
    (bench.own / "strange" / "d" / "d" / "a.lock").touch()
    mending = GitMending(bench.settings)
    assert asyncio.run(mending.stale_locks()) == ("strange/d/d/a.lock",)
    asyncio.run(bench.project.clear_stale_locks())
    assert asyncio.run(mending.stale_locks()) == ()
    folders.remove(bench.own / "strange")  # pytest could not


def test_folders_of_the_own_repository_that_were_replaced_are_put_back(bench: Bench) -> None:
    bench.prepare()
    found = bench.capture()
    mine = bench.root / "mine"
    (bench.own / "info").rename(mine)
    (bench.own / "info").symlink_to(mine)
    (bench.own / "refs/heads").rmdir()
    (bench.own / "refs/heads").symlink_to(mine)
    (bench.own / "refs/odd").symlink_to(mine / "attributes")
    (bench.own / "worktrees").mkdir()
    assert bench.rules(bench.capture()) >= {
        "repo.git/info",
        "repo.git/refs/heads",
        "repo.git/refs/odd",
        "repo.git/worktrees",
    }
    assert (bench.own / "info/attributes").read_bytes() == b"* -filter\n"
    assert asyncio.run(bench.project.snapshots("r1", "w1")) == ((found.ref, found.candidate.commit),)
    assert not (bench.own / "refs/heads").is_symlink()
    asyncio.run(bench.project.create_branch("penstock/r1", bench.base))
    assert list(mine.iterdir()) == [mine / "attributes"]


def test_refs_that_were_removed_altogether_come_back(bench: Bench) -> None:
    import shutil

    bench.prepare()
    found = bench.capture()
    shutil.rmtree(bench.own / "refs")
    assert bench.rules(bench.capture()) >= {"repo.git/refs", f"repo.git/{found.ref}"}
    assert asyncio.run(bench.project.snapshots("r1", "w1")) == ((found.ref, found.candidate.commit),)


def test_git_runs_nothing_of_a_configuration_planted_in_the_very_moment(bench: Bench) -> None:
    trace, script = canary(bench)
    (bench.own / "hooks").mkdir()
    for hook in ("post-index-change", "reference-transaction", "fsmonitor-watchman"):
        (bench.own / "hooks" / hook).write_text(Path(script).read_text())
        (bench.own / "hooks" / hook).chmod(0o755)
    with (bench.own / "config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {script}\n\thooksPath = {bench.own}/hooks\n")
    worktree = bench.root / "tree"
    worktree.mkdir()
    (worktree / "f").write_text("x")
    calls = Git(bench.settings)
    view = Call(view=View(worktree=worktree, index=bench.root / "index"))
    calls.run("add", "--all", call=view)
    calls.run("ls-files", "--others", "--modified", call=view)
    calls.run("update-ref", "refs/heads/x", bench.base)
    assert not trace.exists()


def test_a_repository_that_nothing_could_write_is_looked_at_when_it_must_be(tmp_path: Path) -> None:
    exposed = [False]
    bench = Bench(tmp_path, is_exposed=lambda: exposed[0])
    bench.make_user()
    bench.fetch()
    bench.prepare()
    (bench.own / "refs/heads/planted").write_text(f"{bench.base}\n")
    assert bench.capture().tampering == ()
    assert (bench.own / "refs/heads/planted").exists()
    exposed[0] = True
    assert bench.rules(bench.capture()) == {"repo.git/refs/heads/planted"}
    (bench.own / "refs/heads/planted").write_text(f"{bench.base}\n")
    exposed[0] = False
    bench.fetch()
    assert not (bench.own / "refs/heads/planted").exists()
