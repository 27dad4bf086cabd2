"""Merging, moving the branch, publishing, and clean checkouts."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
from pathlib import Path

import pytest
from git_bench import BRANCH, Bench, git

from penstock.adapters.git.own import BranchMoved
from penstock.domain.checks import TreeWithoutVerdict
from penstock.ports import Capture, Conflicted, Merged


def work(bench: Bench, workstream: str, path: str, text: str) -> str:
    from dataclasses import replace

    place = replace(bench.place, workstream=workstream, branch=f"ws/{workstream}")
    worktree = bench.prepare(place=place)
    (worktree / path).write_text(text)
    return bench.capture(place=place, message=workstream).candidate.commit


def branch(bench: Bench) -> None:
    asyncio.run(bench.project.create_branch(BRANCH, bench.base))


def head(bench: Bench) -> str | None:
    return asyncio.run(bench.project.head(BRANCH))


def test_a_clean_merge_has_two_parents_and_both_sides(bench: Bench) -> None:
    first, second = work(bench, "a", "a.txt", "a"), work(bench, "b", "b.txt", "b")
    one = bench.merge(bench.base, first)
    two = bench.merge(one.candidate.commit, second)
    assert isinstance(two, Merged)
    assert {"a.txt", "b.txt"} <= set(bench.files(two.candidate.commit))
    parents = git(bench.own, "show", "-s", "--format=%P", two.candidate.commit).split()
    assert parents == [one.candidate.commit, second]
    assert bench.merge(one.candidate.commit, second) == two


def test_what_a_merge_would_change_of_the_branch_can_be_kept_as_a_patch(bench: Bench, tmp_path: Path) -> None:
    first, second = work(bench, "a", "a.txt", "of a\n"), work(bench, "b", "b.txt", "of b\n")
    merged = bench.merge(first, second).candidate
    target = tmp_path / "out_of_scope.patch"
    asyncio.run(bench.project.patch(Capture(candidate=merged, ref="", changes=()), first, target))
    assert "+of b" in target.read_text()
    assert "+of a" not in target.read_text()


def test_a_conflict_is_a_commit_with_markers_and_both_parents(bench: Bench) -> None:
    first, second = work(bench, "a", "src/app.py", "mine\n"), work(bench, "b", "src/app.py", "theirs\n")
    merged = bench.merge(first, second)
    assert isinstance(merged, Conflicted)
    assert merged.paths == ("src/app.py",)
    assert "<<<<<<<" in bench.files(merged.candidate.commit)["src/app.py"]
    assert git(bench.own, "show", "-s", "--format=%P", merged.candidate.commit).split() == [first, second]
    assert (bench.prepare(merged.candidate.commit) / "src/app.py").read_text().startswith("<<<<<<<")


def test_one_sides_rename_of_a_folder_does_not_move_the_others_files(bench: Bench) -> None:
    from dataclasses import replace

    place = replace(bench.place, workstream="a", branch="ws/a")
    worktree = bench.prepare(place=place)
    (worktree / "src").rename(worktree / "lib")
    renamed = bench.capture(place=place).candidate.commit
    merged = bench.merge(renamed, work(bench, "b", "src/new.py", "new\n"))
    assert "src/new.py" in bench.files(merged.candidate.commit)


def test_attributes_in_the_tree_run_no_merge_driver(bench: Bench) -> None:
    from dataclasses import replace

    place = replace(bench.place, workstream="a", branch="ws/a")
    worktree = bench.prepare(place=place)
    (worktree / ".gitattributes").write_text("* merge=evil diff=evil\n")
    (worktree / "src/app.py").write_text("mine\n")
    first = bench.capture(place=place).candidate.commit
    assert isinstance(bench.merge(first, work(bench, "b", "src/app.py", "theirs\n")), Conflicted)


def test_changes_between_commits_are_told(bench: Bench) -> None:
    commit = work(bench, "a", "a.txt", "a")
    (change,) = asyncio.run(bench.project.changes(bench.base, commit))
    assert (change.path, change.new_mode) == ("a.txt", "100644")


def test_the_branch_moves_to_what_was_judged_once_and_again(bench: Bench) -> None:
    branch(bench)
    branch(bench)
    merged = bench.merge(bench.base, work(bench, "a", "a.txt", "a")).candidate
    verdict = bench.verdict(bench.base, merged.commit, merged.tree)
    asyncio.run(bench.project.advance(verdict))
    asyncio.run(bench.project.advance(verdict))
    assert head(bench) == merged.commit
    bench.again()
    asyncio.run(bench.project.advance(verdict))


def test_the_branch_moves_to_no_other_tree_or_parent_than_the_verdicts(bench: Bench) -> None:
    branch(bench)
    first = bench.merge(bench.base, work(bench, "a", "a.txt", "a")).candidate
    other = bench.merge(bench.base, work(bench, "b", "b.txt", "b")).candidate
    with pytest.raises(TreeWithoutVerdict):
        asyncio.run(bench.project.advance(bench.verdict(bench.base, first.commit, other.tree)))
    with pytest.raises(TreeWithoutVerdict):
        asyncio.run(bench.project.advance(bench.verdict(other.commit, first.commit, first.tree)))
    assert head(bench) == bench.base


def test_a_branch_that_is_elsewhere_is_not_moved(bench: Bench) -> None:
    branch(bench)
    first = bench.merge(bench.base, work(bench, "a", "a.txt", "a")).candidate
    other = bench.merge(bench.base, work(bench, "b", "b.txt", "b")).candidate
    asyncio.run(bench.project.advance(bench.verdict(bench.base, first.commit, first.tree)))
    with pytest.raises(BranchMoved) as refused:
        asyncio.run(bench.project.advance(bench.verdict(bench.base, other.commit, other.tree)))
    assert refused.value.found == first.commit
    with pytest.raises(BranchMoved):
        asyncio.run(bench.project.advance(bench.verdict(bench.base, other.commit, other.tree, "penstock/none")))


def test_publishing_writes_one_branch_of_the_users_repository_and_nothing_else(bench: Bench) -> None:
    git(bench.user, "config", "receive.autogc", "true")
    trace = bench.root / "hook-ran"
    for hook in ("pre-receive", "update", "post-receive", "post-update", "reference-transaction"):
        path = bench.user / ".git/hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {trace}\n")
        path.chmod(0o755)
    (bench.user / "src/app.py").write_text("dirty\n")
    (bench.user / "untracked").write_text("u")
    before = hashes(bench.user)
    bench.fetch()
    merged = bench.merge(bench.base, work(bench, "a", "a.txt", "a")).candidate
    said = asyncio.run(bench.project.publish(BRANCH, merged.commit, bench.base))
    assert said.pushed
    assert asyncio.run(bench.project.publish(BRANCH, merged.commit, bench.base)) == said
    bench.remove(bench.preserve())
    assert git(bench.user, "rev-parse", BRANCH) == merged.commit
    after = hashes(bench.user)
    new = {path for path in after if after[path] != before.get(path)}
    allowed = {f".git/refs/heads/{BRANCH}", f".git/logs/refs/heads/{BRANCH}"}
    assert {path for path in new if not path.startswith(".git/objects/")} <= allowed
    assert f".git/refs/heads/{BRANCH}" in new
    assert {path: before[path] for path in before} == {path: after.get(path) for path in before}
    assert not trace.exists()


def hashes(root: Path) -> dict[str, str]:
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            facts = (path.stat().st_mode, hashlib.sha256(path.read_bytes()).hexdigest())
            found[str(path.relative_to(root))] = str(facts)
    return found


@pytest.mark.parametrize("where", ["main", "linked"])
def test_a_branch_that_is_checked_out_waits(bench: Bench, where: str) -> None:
    git(bench.user, "branch", BRANCH)
    if where == "main":
        git(bench.user, "checkout", "--quiet", BRANCH)
    else:
        git(bench.user, "worktree", "add", "--quiet", str(bench.root / "my tree"), BRANCH)
    merged = bench.merge(bench.base, work(bench, "a", "a.txt", "a")).candidate
    said = asyncio.run(bench.project.publish(BRANCH, merged.commit, bench.base))
    assert not said.pushed
    assert "switch --detach" in said.sentence
    assert git(bench.user, "rev-parse", BRANCH) == bench.base
    assert asyncio.run(bench.project.publish(BRANCH, bench.base, bench.base)).pushed


def test_a_branch_with_other_commits_is_not_overwritten(bench: Bench) -> None:
    git(bench.user, "checkout", "--quiet", "-b", BRANCH)
    git(bench.user, "commit", "--quiet", "--allow-empty", "-m", "mine")
    mine = git(bench.user, "rev-parse", "HEAD")
    git(bench.user, "checkout", "--quiet", "main")
    merged = bench.merge(bench.base, work(bench, "a", "a.txt", "a")).candidate
    said = asyncio.run(bench.project.publish(BRANCH, merged.commit, bench.base))
    assert not said.pushed
    assert "not overwritten" in said.sentence
    assert git(bench.user, "rev-parse", BRANCH) == mine


def test_a_branch_that_leaves_no_room_for_ours_is_named_with_the_command_that_makes_room(bench: Bench) -> None:
    git(bench.user, "branch", "penstock")
    merged = bench.merge(bench.base, work(bench, "a", "a.txt", "a")).candidate
    said = asyncio.run(bench.project.publish(BRANCH, merged.commit, bench.base))
    assert not said.pushed
    subprocess.run(["sh", "-c", said.sentence.split("`")[1]], check=True)
    assert asyncio.run(bench.project.publish(BRANCH, merged.commit, bench.base)).pushed
    assert git(bench.user, "rev-parse", "penstock-mine") == bench.base


def test_a_branch_of_the_users_is_not_moved_by_another_name_of_it(bench: Bench) -> None:
    git(bench.user, "switch", "--quiet", "--detach")
    git(bench.user, "symbolic-ref", f"refs/heads/{BRANCH}", "refs/heads/main")
    merged = bench.merge(bench.base, work(bench, "a", "a.txt", "a")).candidate
    said = asyncio.run(bench.project.publish(BRANCH, merged.commit, bench.base))
    assert not said.pushed
    assert "only means refs/heads/main" in said.sentence
    subprocess.run(["sh", "-c", said.sentence.split("`")[1]], check=True)
    assert asyncio.run(bench.project.publish(BRANCH, merged.commit, bench.base)).pushed
    assert git(bench.user, "rev-parse", "main") == bench.base
    assert git(bench.user, "rev-parse", BRANCH) == merged.commit


def test_a_repository_that_takes_no_push_is_quoted(bench: Bench) -> None:
    git(bench.user, "config", "transfer.hideRefs", "refs/heads/penstock")
    merged = bench.merge(bench.base, work(bench, "a", "a.txt", "a")).candidate
    said = asyncio.run(bench.project.publish(BRANCH, merged.commit, bench.base))
    assert not said.pushed
    assert "could not be pushed" in said.sentence


def look(bench: Bench, commit: str, overlay=None, leave=None) -> dict[str, str]:
    async def inside() -> dict[str, str]:
        async with bench.project.checkout("r1", commit, overlay=overlay) as folder:
            files = {
                str(path.relative_to(folder)): path.read_text()
                for path in folder.rglob("*")
                if path.is_file() and path != folder / ".git"
            }
            assert overlay or git(folder, "status", "--porcelain", "--ignored") == ""
            if leave is not None:
                leave(folder)
            return files

    return asyncio.run(inside())


def test_a_checkout_shows_nothing_of_an_earlier_one(bench: Bench) -> None:
    candidate = work(bench, "a", "a.txt", "a")
    expected = {".gitignore", "docs/read me.md", "src/app.py"}

    def litter(folder: Path) -> None:
        (folder / "src/app.py").write_text("changed\n")
        (folder / "cache.log").write_text("ignored")
        (folder / "left").mkdir()
        (folder / "left/over").write_text("x")
        git(folder / "src", "init", "--quiet")
        (folder / "nest").mkdir()
        git(folder / "nest", "init", "--quiet")
        (folder / ".git").unlink()
        (folder / ".git").write_text("gitdir: /elsewhere\n")
        (folder / "docs/read me.md").chmod(0o000)

    assert set(look(bench, candidate, leave=litter)) == {*expected, "a.txt"}
    after = look(bench, bench.base)
    assert set(after) == expected
    assert after["src/app.py"] == "one\n"
    slots = bench.settings.slots("r1")
    assert sorted(path.name for path in slots.iterdir()) == ["1", "1.git", "1.guard"]
    bench.again()
    assert set(look(bench, bench.base)) == expected
    asyncio.run(bench.project.drop_checkouts("r1"))
    assert not slots.exists()


def test_an_index_that_a_check_has_written_is_not_believed(bench: Bench) -> None:
    def lie(folder: Path) -> None:
        (index,) = bench.settings.indexes.glob("r1-clean*")
        index.write_bytes(b"DIRC lies")
        (folder / "src/app.py").write_text("changed\n")

    look(bench, bench.base, leave=lie)
    assert look(bench, bench.base)["src/app.py"] == "one\n"


def test_checkouts_at_once_get_folders_of_their_own(bench: Bench) -> None:
    async def both() -> tuple[Path, Path]:
        async with bench.project.checkout("r1", bench.base) as one, bench.project.checkout("r1", bench.base) as two:
            return one, two

    one, two = asyncio.run(both())
    assert one != two


def test_an_overlay_takes_some_paths_from_another_commit(bench: Bench) -> None:
    from dataclasses import replace

    place = replace(bench.place, workstream="a", branch="ws/a")
    worktree = bench.prepare(place=place)
    (worktree / "src/app.py").write_text("two\n")
    (worktree / "docs/read me.md").write_text("weakened\n")
    (worktree / "docs/new.md").write_text("new\n")
    candidate = bench.capture(place=place).candidate.commit
    files = look(bench, candidate, overlay=(bench.base, ["docs/"]))
    assert (files["src/app.py"], files["docs/read me.md"]) == ("two\n", "text\n")
    assert "docs/new.md" not in files, "what the pattern holds only here could judge in the others' place"
    named = look(bench, candidate, overlay=(bench.base, ["docs/new.md", "docs/read me.md"]))
    assert (named["docs/new.md"], named["docs/read me.md"]) == ("new\n", "text\n")
    assert look(bench, candidate, overlay=(bench.base, ["none/"]))["docs/read me.md"] == "weakened\n"
    assert look(bench, bench.base)["src/app.py"] == "one\n"


def test_an_overlay_takes_away_what_a_pattern_holds_here_only_also_by_long_hashes(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.user.mkdir()
    git(bench.user, "init", "--quiet", "--object-format=sha256")
    (bench.user / "test_a.py").write_text("a")
    git(bench.user, "add", ".")
    git(bench.user, "commit", "--quiet", "-m", "first")
    bench.fetch()
    (bench.prepare() / "test_new.py").write_text("new")
    candidate = bench.capture("test_new.py").candidate.commit
    assert look(bench, candidate, overlay=(bench.base, ["test_*.py"])).keys() == {"test_a.py"}


def test_a_cancelled_checkout_gives_its_folder_back(bench: Bench) -> None:
    async def cancel() -> None:
        async def hold() -> None:
            async with bench.project.checkout("r1", bench.base):
                raise AssertionError("it was cancelled before")

        task = asyncio.create_task(hold())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    look(bench, bench.base)
    assert (bench.settings.slots("r1") / "2").exists() is False


def test_a_workstreams_whole_path_takes_at_most_thirteen_git_processes(bench: Bench) -> None:
    branch(bench)
    before = bench.project.processes
    worktree = bench.prepare()
    (worktree / "src/app.py").write_text("two\n")
    (worktree / "new.py").write_text("new\n")
    found = bench.capture()
    look(bench, found.candidate.commit)
    merged = bench.merge(bench.base, found.candidate.commit).candidate
    asyncio.run(bench.project.advance(bench.verdict(bench.base, merged.commit, merged.tree)))
    bench.remove(bench.preserve())
    assert bench.project.processes - before <= 13
    assert head(bench) == merged.commit
    assert list(bench.worktree.parent.iterdir()) == []
