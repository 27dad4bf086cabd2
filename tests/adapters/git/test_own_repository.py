"""Penstock's own repository: made from the user's, or refused with a reason."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from git_bench import Bench, git

from penstock.adapters.clock import SystemClock
from penstock.adapters.git.commits import NoSuchCommit
from penstock.adapters.git.layout import GitSettings, Person, branch_ref, segment
from penstock.adapters.git.own import NoSuchBranch
from penstock.adapters.git.project import GitProject
from penstock.adapters.git.runner import DiskFull, Git, GitMissing, GitTooSlow, RepositoryGone
from penstock.adapters.git.source import (
    BranchInTheWay,
    NotARepository,
    PathHasLineBreak,
    RepositoryIsBroken,
    RepositoryIsEmpty,
    RepositoryIsShallow,
    read_identity,
)
from penstock.adapters.git.suitability import HasFilters, HasSubmodules
from penstock.adapters.locks import FileLocks, lent
from penstock.domain.errors import Bug
from penstock.ports import Holder


def commit(folder: Path, message: str = "more") -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def test_the_own_repository_holds_the_users_branches_apart_from_ours(bench: Bench) -> None:
    assert git(bench.own, "for-each-ref", "--format=%(refname)").split() == ["refs/penstock-user/heads/main"]
    assert git(bench.own, "config", "--list", "--file", "config").splitlines() == [
        "core.repositoryformatversion=0",
        "core.filemode=true",
        "core.bare=true",
        "core.logallrefupdates=false",
    ]
    assert not (bench.own / "hooks").exists()
    assert git(bench.own, "fsck", "--full") == ""


def test_a_second_fetch_follows_moves_removals_and_rewritten_history(bench: Bench) -> None:
    asyncio.run(bench.project.create_branch("penstock/r1", bench.base))
    git(bench.user, "branch", "old")
    bench.fetch()
    git(bench.user, "branch", "-D", "old")
    git(bench.user, "branch", "old/inner")
    git(bench.user, "commit", "--quiet", "--amend", "-m", "rewritten")
    head = git(bench.user, "rev-parse", "HEAD")
    assert bench.fetch() == head
    refs = git(bench.own, "for-each-ref", "--format=%(refname)").split()
    assert refs == ["refs/heads/penstock/r1", "refs/penstock-user/heads/main", "refs/penstock-user/heads/old/inner"]


def test_tags_of_the_user_are_not_copied(empty_bench: Bench) -> None:
    empty_bench.make_user()
    git(empty_bench.user, "tag", "v1")
    empty_bench.fetch()
    assert git(empty_bench.own, "tag") == ""


def test_the_base_branch_is_the_named_one_else_the_remotes_else_a_usual_one(empty_bench: Bench) -> None:
    bench = empty_bench
    bench.make_user()
    git(bench.user, "checkout", "--quiet", "-b", "topic")
    topic = commit(bench.user)

    def chosen(name: str | None = None) -> str:
        return asyncio.run(bench.project.fetch(name))[0]

    assert chosen() == "main"
    assert asyncio.run(bench.project.fetch("topic")) == ("topic", topic)
    git(bench.user, "branch", "release")
    git(bench.user, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/release")
    assert chosen() == "release"
    git(bench.user, "branch", "-D", "release")
    git(bench.user, "branch", "-m", "main", "develop")
    assert chosen() == "develop"
    git(bench.user, "branch", "-m", "develop", "master")
    assert chosen() == "master"
    git(bench.user, "branch", "-D", "master")
    assert chosen() == "topic"
    with pytest.raises(NoSuchBranch) as refused:
        chosen("main")
    assert "topic" in refused.value.sentence


def test_what_is_no_repository_is_refused_even_inside_one(empty_bench: Bench) -> None:
    with pytest.raises(NotARepository):
        empty_bench.fetch()
    empty_bench.make_user()
    inner = Bench(empty_bench.root, user_repository=empty_bench.user / "src")
    with pytest.raises(NotARepository):
        inner.fetch()


def test_an_empty_repository_is_refused_and_works_once_it_has_a_commit(empty_bench: Bench) -> None:
    empty_bench.user.mkdir()
    git(empty_bench.user, "init", "--quiet")
    with pytest.raises(RepositoryIsEmpty):
        empty_bench.fetch()
    head = commit(empty_bench.user)
    assert empty_bench.fetch() == head


def test_shallow_and_partial_clones_are_refused(bench: Bench) -> None:
    commit(bench.user)
    git(bench.root, "clone", "--quiet", "--depth=1", f"file://{bench.user}", "shallow")
    git(bench.user, "config", "uploadpack.allowFilter", "true")
    git(bench.root, "clone", "--quiet", "--no-checkout", "--filter=blob:none", f"file://{bench.user}", "partial")
    for name in ("shallow", "partial"):
        other = Bench(bench.root, user_repository=bench.root / name, home=bench.root / f"home-{name}")
        with pytest.raises(RepositoryIsShallow, match=name):
            other.fetch()


def test_a_branch_that_leaves_no_room_for_ours_is_refused_before_any_work(bench: Bench) -> None:
    git(bench.user, "branch", "penstock")
    with pytest.raises(BranchInTheWay) as refused:
        bench.fetch()
    assert refused.value.hint is not None
    subprocess.run(["sh", "-c", refused.value.hint.split("`")[1]], check=True)
    assert bench.fetch() == bench.base


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to somebody else")
def test_a_repository_of_somebody_else_serves_as_well(empty_bench: Bench) -> None:
    empty_bench.make_user()
    head = git(empty_bench.user, "rev-parse", "HEAD")
    for path in (empty_bench.user, *empty_bench.user.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    assert empty_bench.fetch() == head
    assert empty_bench.fetch() == head


def test_a_path_with_a_line_break_is_refused(empty_bench: Bench) -> None:
    other = Bench(empty_bench.root, user_repository=empty_bench.root / "two\nlines")
    other.user = other.settings.user_repository
    other.make_user()
    with pytest.raises(PathHasLineBreak, match=r"two\\nlines"):
        other.fetch()


def test_submodules_in_the_base_are_refused(empty_bench: Bench) -> None:
    empty_bench.make_user()
    other = empty_bench.root / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    commit(other)
    git(empty_bench.user, "submodule", "--quiet", "add", str(other), "vendor/other")
    commit(empty_bench.user)
    with pytest.raises(HasSubmodules) as refused:
        empty_bench.fetch()
    assert refused.value.paths == ["vendor/other"]


@pytest.mark.parametrize("place", ["tree", "info"])
def test_attributes_that_name_a_filter_are_refused(empty_bench: Bench, place: str) -> None:
    empty_bench.make_user()
    path = empty_bench.user / ("assets/.gitattributes" if place == "tree" else ".git/info/attributes")
    path.parent.mkdir(exist_ok=True)
    path.write_text("*.png filter=lfs diff=lfs merge=lfs -text\n")
    commit(empty_bench.user)
    with pytest.raises(HasFilters):
        empty_bench.fetch()


def test_a_broken_repository_is_told_as_such(bench: Bench) -> None:
    (bench.user / "src/app.py").write_text("two\n")
    commit(bench.user)
    blob = git(bench.user, "rev-parse", "HEAD:src/app.py")
    (bench.user / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(RepositoryIsBroken):
        bench.fetch()
    fresh = Bench(bench.root, home=bench.root / "fresh")
    with pytest.raises(RepositoryIsBroken):
        fresh.fetch()
    (bench.user / ".git/config").write_text("[core\n")
    with pytest.raises(RepositoryIsBroken):
        bench.fetch()


def test_a_linked_worktree_and_a_bare_repository_serve_as_well(bench: Bench) -> None:
    git(bench.user, "worktree", "add", "--quiet", str(bench.root / "linked"), "-b", "side")
    git(bench.root, "clone", "--quiet", "--bare", str(bench.user), "bare.git")
    for name in ("linked", "bare.git"):
        other = Bench(bench.root, user_repository=bench.root / name, home=bench.root / f"home-{name}")
        assert other.fetch() == bench.base


@pytest.mark.parametrize("name", ["objects", "objects/pack", "objects/pack/*.pack", "objects/??"])
def test_objects_that_lie_behind_a_link_are_taken_as_well(empty_bench: Bench, name: str) -> None:
    empty_bench.make_user()
    if "pack" in name:
        git(empty_bench.user, "gc", "--quiet")
    place = next((empty_bench.user / ".git").glob(name))
    elsewhere = empty_bench.root / f"elsewhere{place.suffix}"
    place.rename(elsewhere)
    place.symlink_to(elsewhere)
    assert empty_bench.fetch() == git(empty_bench.user, "rev-parse", "HEAD")
    assert git(empty_bench.own, "fsck", "--full") == ""
    later = commit(empty_bench.user)
    assert empty_bench.fetch() == later


def test_a_repository_of_sha256_keeps_its_format(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.user.mkdir()
    git(bench.user, "init", "--quiet", "--object-format=sha256")
    (bench.user / "a").write_text("a")
    head = commit(bench.user)
    assert bench.fetch() == head
    worktree = bench.prepare()
    (worktree / "b").write_text("b")
    found = bench.capture()
    assert len(found.candidate.commit) == 64
    assert found.tampering == ()
    assert git(worktree, "status", "--porcelain") == "?? b"
    asyncio.run(bench.project.create_branch("penstock/r1", head))
    assert bench.preserve().commit == found.candidate.commit


def test_a_state_folder_on_another_file_system_gets_a_copy(tmp_path: Path) -> None:
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    with TemporaryDirectory(dir=elsewhere) as home:
        bench = Bench(tmp_path, home=Path(home) / "p1")
        bench.make_user()
        assert bench.fetch() == git(bench.user, "rev-parse", "HEAD")


def test_any_name_of_a_branch_a_person_and_a_folder_will_do(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.make_user()
    git(bench.user, "branch", "--move", "main.new")
    config = bench.user / ".git/config"
    config.write_bytes(config.read_bytes() + b"[user]\n\tname = Andr\xe9\n\temail = a@b\n")
    author = read_identity(bench.settings, {})
    home = Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9/p1"))
    other = Bench(tmp_path, home=home, worktree_root=home / "w", author=author)
    assert other.fetch() == git(bench.user, "rev-parse", "HEAD")
    (other.prepare() / "new.txt").write_text("new")
    assert other.capture().tampering == ()
    assert b'name = "Andr' in (other.private / "config").read_bytes()


def test_a_lock_that_a_killed_fetch_left_is_in_nobodys_way(bench: Bench) -> None:
    lock = next((bench.own / "refs/penstock-user/heads").iterdir())
    lock.with_name(f"{lock.name}.lock").touch()
    (bench.user / "more").write_text("more")
    head = commit(bench.user)
    assert bench.fetch() == head


def test_files_of_a_commit_are_read_or_absent(bench: Bench) -> None:
    def read(commit: str, path: str) -> bytes | None:
        return asyncio.run(bench.project.read(commit, path))

    assert read(bench.base, "docs/read me.md") == b"text\n"
    assert read(bench.base, "none.md") is None
    assert read(bench.base, "docs") is None
    with pytest.raises(NoSuchCommit):
        read("1" * 40, "docs")
    assert asyncio.run(bench.project.paths(bench.base)) == {".gitignore", "docs/read me.md", "src/app.py"}
    assert asyncio.run(bench.project.candidate(bench.base)).tree == git(bench.user, "rev-parse", "HEAD^{tree}")
    with pytest.raises(NoSuchCommit):
        asyncio.run(bench.project.candidate("1" * 40))


def test_the_projects_user_comes_from_configuration_then_environment(bench: Bench) -> None:
    home = bench.root / "home"
    home.mkdir()
    assert read_identity(bench.settings, {}) == Person(name="Penstock", email="penstock@localhost")
    named = {"GIT_AUTHOR_NAME": "Env", "GIT_AUTHOR_EMAIL": "env@x", "HOME": str(home)}
    assert read_identity(bench.settings, named) == Person(name="Env", email="env@x")
    (home / ".gitconfig").write_text("[user]\n\tname = Global\n\temail = global@x\n")
    assert read_identity(bench.settings, named) == Person(name="Global", email="global@x")
    git(bench.user, "config", "user.name", "Local")
    assert read_identity(bench.settings, named) == Person(name="Local", email="global@x")


def test_names_that_could_leave_a_folder_are_bugs() -> None:
    for name in ("..", "a/b", "", ".git", "-x", "a..b", "x.lock", "a b", "x."):
        with pytest.raises(Bug):
            segment(name)
    with pytest.raises(Bug):
        branch_ref("penstock/../main")
    assert branch_ref("ws/c-1/w_2") == "refs/heads/ws/c-1/w_2"


def fake_git(root: Path, script: str) -> GitSettings:
    (root / "bin").mkdir()
    (root / "bin/git").write_text(f"#!/bin/sh\n{script}\n")
    (root / "bin/git").chmod(0o755)
    home = root / "home"
    home.mkdir()
    path = f"{root / 'bin'}:/usr/bin:/bin"
    person = Person(name="A", email="a@b")
    return GitSettings(
        home=home, worktree_root=home, user_repository=root, author=person, search_path=path, time_limit=1
    )


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    settings = fake_git(tmp_path, "echo 'fatal: write error: No space left on device' >&2; exit 128")
    with pytest.raises(DiskFull):
        Git(settings).run_outside("add")


def test_a_git_that_hangs_is_stopped_with_its_children(tmp_path: Path) -> None:
    git_calls = Git(fake_git(tmp_path, "sleep 60 & sleep 60"))
    with pytest.raises(GitTooSlow):
        git_calls.run_outside("fetch")


def test_git_gets_nothing_of_our_environment_and_tells_its_effects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("SECRET_KEY", "s")
    told: list[str] = []
    settings = fake_git(tmp_path, "env")
    import dataclasses

    calls = Git(dataclasses.replace(settings, effect=told.append))
    environment = dict(line.split("=", 1) for line in calls.run_outside("--bare", "update-ref").text.splitlines())
    assert "SECRET_KEY" not in environment
    assert "GIT_DIR" not in environment
    assert environment["GIT_CONFIG_GLOBAL"] == "/dev/null"
    assert told == ["git update-ref", "git update-ref started", "git update-ref done"]
    assert calls.processes == 1


def test_the_run_lock_is_inherited(tmp_path: Path) -> None:
    import dataclasses

    with (tmp_path / "lock").open("w") as lock:
        settings = dataclasses.replace(
            fake_git(tmp_path, "ls -l /proc/self/fd"), lent=lambda: nullcontext([lock.fileno()])
        )
        assert str(tmp_path / "lock") in Git(settings).run_outside("x").text


def test_a_task_hands_its_locks_on_to_git_children_that_threads_start_for_it(tmp_path: Path) -> None:
    settings = replace(fake_git(tmp_path, "ls -l /proc/self/fd"), lent=lent)
    project, locks = GitProject(settings, SystemClock()), FileLocks(tmp_path / "locks", SystemClock())

    async def kept(run: str) -> set[str]:
        held = await locks.acquire(run)
        await asyncio.sleep(0)  # the other one has its lock by now
        said = await project._hop(lambda: Git(settings).run_outside("x").text)
        assert not isinstance(held, Holder)
        held.release()
        return set(re.findall(r"r[12](?=\.lock)", said))

    async def both() -> list[set[str]]:
        return await asyncio.gather(kept("r1"), kept("r2"))

    assert asyncio.run(both()) == [{"r1"}, {"r2"}]


def test_git_missing_and_a_missing_folder_are_told_apart(bench: Bench) -> None:
    import dataclasses

    with pytest.raises(GitMissing):
        Git(dataclasses.replace(bench.settings, search_path=str(bench.root))).run("version")
    shutil.rmtree(bench.own)
    with pytest.raises(RepositoryGone, match="is not there"):
        Git(bench.settings).run("version")


def test_a_repository_that_is_gone_is_made_again(bench: Bench) -> None:
    shutil.rmtree(bench.settings.home)
    bench.again()
    assert bench.fetch() == bench.base
    bench.prepare()
    assert bench.capture().tampering == ()


def test_objects_are_shared_by_hard_links_and_no_git_is_needed_to_make_a_private_folder(bench: Bench) -> None:
    before = bench.project.processes
    bench.prepare()
    assert bench.project.processes - before == 1
    assert (bench.private / "objects/info/alternates").read_text() == f"{bench.own}/objects\n"
    done = subprocess.run(["git", "fsck", "--full"], cwd=bench.worktree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_borrowed_objects_of_the_user_are_found_and_their_list_is_watched(bench: Bench) -> None:
    git(bench.root, "clone", "--quiet", "--shared", str(bench.user), "borrower")
    other = Bench(
        bench.root,
        user_repository=bench.root / "borrower",
        home=bench.root / "home-b",
        worktree_root=bench.root / "trees-b",
    )
    assert other.fetch() == bench.base
    other.prepare()
    assert other.capture().tampering == ()
    (other.own / "objects/info/alternates").write_text("/elsewhere\n")
    assert other.rules(other.capture()) == {"repo.git/objects/info/alternates"}


def test_worktrees_inside_the_project_are_hidden_from_the_users_git(bench: Bench) -> None:
    inside = Bench(bench.root, worktree_root=bench.user / ".worktrees")
    inside.base = bench.base
    inside.prepare()
    assert git(bench.user, "status", "--porcelain", "--untracked-files=all") == ""


def test_the_projects_user_is_asked_for_before_the_repository_is_known(empty_bench: Bench) -> None:
    assert read_identity(empty_bench.settings, {}) == Person(name="Penstock", email="penstock@localhost")
