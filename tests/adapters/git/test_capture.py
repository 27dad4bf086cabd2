"""What a capture holds, whatever an agent did with its files."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import replace

import pytest
from git_bench import AT, PLACE, Bench, git

from penstock.adapters.git.capture import WorktreeUnreadable
from penstock.adapters.git.litter import collapse
from penstock.adapters.git.looking import GitWorktrees
from penstock.domain.changes import Change, Stamp


def by_path(found) -> dict[str, Change]:
    return {change.path: change for change in found.changes}


def test_a_prepared_worktree_has_the_start_and_is_clean_for_the_agent(bench: Bench) -> None:
    worktree = bench.prepare()
    assert (worktree / "src/app.py").read_text() == "one\n"
    assert git(worktree, "status", "--porcelain") == ""
    assert git(worktree, "rev-parse", "HEAD") == bench.base
    assert git(worktree, "branch", "--show-current") == "ws/w1-r1"
    assert git(worktree, "remote") == ""


def test_an_untouched_worktree_has_no_changes_and_no_tampering(bench: Bench) -> None:
    bench.prepare()
    found = bench.capture()
    assert (found.changes, found.tampering, found.litter, found.left_out) == ((), (), (), ())
    assert found.ref == "refs/penstock/r1/w1/1"
    assert git(bench.own, "rev-parse", found.ref) == found.candidate.commit


def test_tracked_untracked_and_deleted_files_are_changes(bench: Bench) -> None:
    worktree = bench.prepare()
    (worktree / "src/app.py").write_text("two\n")
    (worktree / "src/new.py").write_text("new\n")
    (worktree / "docs/read me.md").unlink()
    found = bench.capture()
    changes = by_path(found)
    assert set(changes) == {"src/app.py", "src/new.py", "docs/read me.md"}
    assert changes["src/new.py"].is_created
    assert changes["docs/read me.md"].is_deleted
    assert bench.files(found.candidate.commit)["src/app.py"] == "two"


def test_a_change_of_the_same_size_and_time_is_seen(bench: Bench) -> None:
    worktree = bench.prepare()
    before = (worktree / "src/app.py").stat()
    (worktree / "src/app.py").write_text("eno\n")
    os.utime(worktree / "src/app.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert set(by_path(bench.capture())) == {"src/app.py"}


def test_a_repeated_capture_gives_the_same_commit_and_ref(bench: Bench) -> None:
    worktree = bench.prepare()
    (worktree / "src/app.py").write_text("two\n")
    first = bench.capture()
    again = bench.capture()
    bench.again()
    after_restart = bench.capture()
    assert first == again == after_restart


def test_author_committer_and_date_come_from_project_and_stamp(bench: Bench) -> None:
    bench.prepare()
    commit = bench.capture(message="Do it\n\nPenstock-Attempt: w1/edit/1").candidate.commit
    said = git(bench.own, "show", "-s", "--format=%an %ae|%cn %ce|%aI|%B", commit)
    assert said == (
        "Ada ada@example.org|Penstock penstock@localhost|2026-05-04T12:00:00+00:00|Do it\n\nPenstock-Attempt: w1/edit/1"
    )


def test_a_capture_on_another_parent_keeps_the_base_for_its_changes(bench: Bench) -> None:
    worktree = bench.prepare()
    (worktree / "src/app.py").write_text("two\n")
    first = bench.capture().candidate.commit
    bench.prepare(first)
    (worktree / "src/more.py").write_text("more\n")
    second = bench.capture(parent=first)
    assert set(by_path(second)) == {"src/app.py", "src/more.py"}
    assert git(bench.own, "rev-parse", f"{second.candidate.commit}^") == first


def test_an_ignored_file_is_litter_unless_it_is_declared(bench: Bench) -> None:
    worktree = bench.prepare()
    (worktree / "trace.log").write_text("x")
    (worktree / "build").mkdir()
    (worktree / "build/out[1].txt").write_text("wanted")
    (worktree / "build/outx.txt").write_text("litter")
    found = bench.capture("build/out[1].txt", "src/*.py")
    assert set(by_path(found)) == {"build/out[1].txt"}
    assert found.litter == ("build/outx.txt", "trace.log")
    assert set(by_path(bench.capture("build/", parent=found.candidate.commit))) == {
        "build/out[1].txt",
        "build/outx.txt",
    }


def test_much_litter_is_said_by_its_folder() -> None:
    many = [f"node_modules/p/{number}.js" for number in range(30)]
    assert collapse([*many, "a.log"], [*many, "a.log", "src/x.py"]) == ("a.log", "node_modules/")
    assert collapse(many, [*many, "node_modules/kept.js"]) == ("node_modules/p/",)


def test_litter_is_bounded() -> None:
    many = [f"{number}.log" for number in range(3000)]
    assert len(collapse(many, many)) == 1000


def test_links_modes_and_names_are_told(bench: Bench) -> None:
    worktree = bench.prepare()
    (worktree / "link").symlink_to("/etc/passwd")
    (worktree / "dangling").symlink_to("no where\n")
    (worktree / "src/app.py").chmod(0o755)
    outside = bench.root / "outside.txt"
    outside.write_text("secret")
    os.link(outside, worktree / "hard.txt")
    (worktree / ".gitattributes").write_text("*.x filter=evil\n")
    changes = by_path(bench.capture())
    assert changes["link"].link_target == "/etc/passwd"
    assert changes["dangling"].link_target == "no where\n"
    assert (changes["src/app.py"].old_mode, changes["src/app.py"].new_mode) == ("100644", "100755")
    assert changes["hard.txt"].hard_links == 2
    assert changes["src/app.py"].hard_links == 1
    assert changes[".gitattributes"].text == "*.x filter=evil\n"
    assert changes["link"].text is None


def test_odd_names_survive(bench: Bench) -> None:
    worktree = bench.prepare()
    odd = [
        "two\nlines",
        'a "quote"',
        "tab\there",
        "-dash",
        ":(top)magic",
        "*star",
        "\udcff\udcfe.bin",
        "ünï.txt",
        "back\\slash",
        " s ",
    ]
    for name in odd:
        (worktree / name).write_text(name.encode("utf-8", "surrogateescape").hex())
    (worktree / "\udcfalink").symlink_to("\udcfbtarget")
    changes = by_path(bench.capture())
    assert set(changes) == {*odd, "\udcfalink"}
    assert changes["\udcfalink"].link_target == "\udcfbtarget"


def test_declared_ignored_odd_names_are_taken_literally(bench: Bench) -> None:
    worktree = bench.prepare()
    (worktree / "*.log").write_text("star")
    (worktree / "\udcff.log").write_text("bytes")
    (worktree / "other.log").write_text("no")
    found = bench.capture("\udcff.log")
    assert set(by_path(found)) == {"\udcff.log"}
    assert found.litter == ("*.log", "other.log")


def test_twins_of_case_and_composition_are_separate_changes(bench: Bench) -> None:
    worktree = bench.prepare()
    for name in ("src/App.py", "src/APP.py", "n\u00e9.txt", "ne\u0301.txt"):
        (worktree / name).write_text(name)
    assert set(by_path(bench.capture())) == {"src/App.py", "src/APP.py", "n\u00e9.txt", "ne\u0301.txt"}


def test_a_file_may_become_a_folder_and_back(bench: Bench) -> None:
    worktree = bench.prepare()
    (worktree / "src/app.py").unlink()
    (worktree / "src/app.py").mkdir()
    (worktree / "src/app.py/inner").write_text("x")
    shutil.rmtree(worktree / "docs")
    (worktree / "docs").write_text("now a file")
    found = bench.capture()
    assert set(by_path(found)) == {"src/app.py", "src/app.py/inner", "docs", "docs/read me.md"}
    bench.prepare()
    assert (worktree / "docs/read me.md").read_text() == "text\n"
    assert (worktree / "src/app.py").read_text() == "one\n"


def test_a_folder_replaced_by_a_link_leaves_what_it_points_to_alone(bench: Bench) -> None:
    worktree = bench.prepare()
    outside = bench.root / "outside"
    outside.mkdir()
    (outside / "app.py").write_text("mine\n")
    shutil.rmtree(worktree / "src")
    (worktree / "src").symlink_to(outside)
    assert by_path(bench.capture())["src"].link_target == str(outside)
    bench.prepare()
    assert (outside / "app.py").read_text() == "mine\n"
    assert [path.name for path in outside.iterdir()] == ["app.py"]
    assert (worktree / "src/app.py").read_text() == "one\n"
    assert not (worktree / "src").is_symlink()


def test_a_nested_repository_is_kept_beside_and_refused_by_its_mode(bench: Bench) -> None:
    worktree = bench.prepare()
    (worktree / "src/ok.py").write_text("ok\n")
    nested = worktree / "lib/inner"
    nested.mkdir(parents=True)
    git(nested, "init", "--quiet")
    (nested / "code.c").write_text("int x;\n")
    (nested / ".gitignore").write_text("*\n")
    (nested / ".gitattributes").write_text("* text eol=lf\n")
    (nested / "raw.bin").write_bytes(b"a\r\nb\r\n")
    git(nested, "add", "-f", "code.c")
    git(nested, "commit", "--quiet", "-m", "inner")
    found = bench.capture()
    assert by_path(found)["lib/inner"].new_mode == "160000"
    assert found.left_out == ("lib/inner",)
    candidate, whole = bench.files(found.candidate.commit), bench.files(found.ref)
    assert "src/ok.py" in candidate
    assert not [path for path in candidate if path.startswith(("lib", ".penstock"))]
    side = ".penstock/nested/lib/inner/"
    assert whole[f"{side}code.c"] == "int x;"
    assert whole[f"{side}dot-git/HEAD"] == "ref: refs/heads/main"
    assert f"{side}.gitignore" in whole
    assert whole[f"{side}raw.bin"] == "a\r\nb"  # the helper strips the end
    assert git(bench.own, "rev-parse", f"{found.ref}^") == found.candidate.commit
    assert bench.capture() == found
    assert (nested / "code.c").exists()


def test_a_nested_repository_without_commits_or_over_tracked_files_is_caught(bench: Bench) -> None:
    worktree = bench.prepare()
    git(worktree / "src", "init", "--quiet")
    (worktree / "src/app.py").write_text("hidden\n")
    (worktree / "fake").mkdir()
    (worktree / "fake/.git").write_text("nonsense")
    found = bench.capture()
    assert {path for path, change in by_path(found).items() if change.new_mode == "160000"} == {"src", "fake"}
    assert bench.files(found.ref)[".penstock/nested/src/app.py"] == "hidden"
    assert bench.files(found.candidate.commit)["src/app.py"] == "one"


def test_names_that_some_systems_take_for_git_are_caught(bench: Bench) -> None:
    worktree = bench.prepare()
    (worktree / "src/.GIT").mkdir()
    (worktree / "src/.GIT/config").write_text("[core]\n")
    (worktree / "git~1").write_text("x")
    (worktree / "src/app.py").write_text("two\n")
    found = bench.capture()
    changes = by_path(found)
    assert changes["src/.GIT"].new_mode == "160000"
    assert changes["git~1"].new_mode == "160000"
    assert changes["src/app.py"].new_mode == "100644"
    assert bench.files(found.ref)[".penstock/nested/src/dot-GIT/config"] == "[core]"


def test_a_nested_repository_under_an_ignored_folder_is_litter(bench: Bench) -> None:
    worktree = bench.prepare()
    nested = worktree / "build/dep"
    nested.mkdir(parents=True)
    git(nested, "init", "--quiet")
    found = bench.capture()
    assert (found.changes, found.left_out) == ((), ())
    assert found.litter == ("build/dep/",)


def test_a_submodule_added_by_the_agent_is_caught(bench: Bench) -> None:
    worktree = bench.prepare()
    git(worktree, "submodule", "--quiet", "add", str(bench.user), "sub")
    found = bench.capture()
    changes = by_path(found)
    assert changes["sub"].new_mode == "160000"
    assert changes[".gitmodules"].is_created
    assert ".git/config" in bench.rules(found)
    assert any(path.startswith(".git/modules/sub/") for path in bench.rules(found))
    assert bench.files(found.ref)[".penstock/nested/sub/src/app.py"] == "one"


def test_closed_folders_and_pipes_hide_nothing(bench: Bench) -> None:
    worktree = bench.prepare()
    (worktree / "closed").mkdir()
    (worktree / "closed/file").write_text("x")
    (worktree / "closed/file").chmod(0)
    (worktree / "closed").chmod(0)
    os.mkfifo(worktree / "pipe")
    found = bench.capture()
    assert set(by_path(found)) == {"closed/file"}
    assert found.litter == ("pipe",)


def test_what_is_staged_and_not_on_disk_is_told(bench: Bench) -> None:
    worktree = bench.prepare()
    (worktree / "hidden.py").write_text("secret\n")
    (worktree / "src/app.py").write_text("draft\n")
    git(worktree, "add", "--all")
    (worktree / "hidden.py").unlink()
    (worktree / "src/app.py").write_text("final\n")
    found = bench.capture()
    assert {(violation.path, violation.rule) for violation in found.tampering} == {("hidden.py", "staged only")}
    assert set(by_path(found)) == {"src/app.py"}


def test_an_unreadable_index_of_the_agent_is_told(bench: Bench) -> None:
    bench.prepare()
    (bench.private / "index").write_bytes(b"DIRC nonsense")
    assert bench.rules(bench.capture()) == {".git/index"}


def test_files_too_large_to_be_read_are_told_and_not_read(bench: Bench) -> None:
    bench.prepare()
    names = ("index", "config", "HEAD", "packed-refs", "refs/heads/other")
    for path in (bench.worktree / ".git", *(bench.private / name for name in names), bench.own / "packed-refs"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
        os.truncate(path, 1 << 42)
    rules = bench.rules(bench.capture())
    assert {".git", ".git/index", ".git/config", ".git/HEAD", "refs/heads/other", "repo.git/packed-refs"} <= rules


def test_an_agent_that_commits_on_its_own_branch_breaks_no_rule(bench: Bench) -> None:
    worktree = bench.prepare()
    (worktree / "src/app.py").write_text("two\n")
    git(worktree, "commit", "--quiet", "--all", "-m", "mine")
    git(worktree, "gc", "--quiet")
    mine = git(worktree, "rev-parse", "HEAD")
    found = bench.capture()
    assert found.tampering == ()
    assert set(by_path(found)) == {"src/app.py"}
    assert git(bench.own, "cat-file", "-t", mine, check=False) == ""


def test_a_worktree_that_is_gone_or_replaced_is_the_agents_failure(bench: Bench) -> None:
    worktree = bench.prepare()
    shutil.rmtree(worktree)
    with pytest.raises(WorktreeUnreadable):
        bench.capture()
    worktree.symlink_to(bench.user)
    with pytest.raises(WorktreeUnreadable):
        bench.capture()
    bench.prepare()
    assert (bench.user / ".git").is_dir()
    assert not worktree.is_symlink()


def test_an_encoding_that_git_can_not_convert_fails_the_attempt_and_loses_nothing(bench: Bench) -> None:
    worktree = bench.prepare()
    (worktree / ".gitattributes").write_text("*.py working-tree-encoding=UTF-16\n")
    (worktree / "src/app.py").write_bytes(b"\xff\xff\xffx")
    with pytest.raises(WorktreeUnreadable):
        bench.capture()
    kept = bench.preserve()
    assert kept.moved_to is not None
    assert (kept.moved_to / "src/app.py").read_bytes() == b"\xff\xff\xffx"


def test_a_stale_lock_of_an_index_stops_nobody(bench: Bench) -> None:
    worktree = bench.prepare()
    for index in bench.settings.indexes.iterdir():
        index.with_name(f"{index.name}.lock").touch()
    (bench.private / "index.lock").touch()
    (worktree / "src/app.py").write_text("two\n")
    assert set(by_path(bench.capture())) == {"src/app.py"}


def test_an_index_of_ours_that_was_written_is_not_believed(bench: Bench) -> None:
    worktree = bench.prepare()
    index = next(bench.settings.indexes.iterdir())
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_DIR": str(bench.own),
        "GIT_WORK_TREE": str(worktree),
        "GIT_INDEX_FILE": str(index),
    }
    import subprocess

    subprocess.run(
        ["git", "update-index", "--assume-unchanged", "src/app.py"], cwd=worktree, env=environment, check=True
    )
    (worktree / "src/app.py").write_text("hidden\n")
    assert set(by_path(bench.capture())) == {"src/app.py"}


def test_eight_places_at_once_keep_apart(bench: Bench) -> None:
    places = [replace(PLACE, workstream=f"w{number}", branch=f"ws/w{number}") for number in range(8)]

    async def work(place):
        worktree = await bench.project.prepare(place, bench.base)
        (worktree / f"{place.workstream}.txt").write_text(place.workstream)
        return await bench.project.capture(
            place, base=bench.base, parent=bench.base, declared=(), stamp=Stamp(message=place.workstream, at=AT)
        )

    async def everybody():
        return await asyncio.gather(*(work(place) for place in places))

    for place, found in zip(places, asyncio.run(everybody()), strict=True):
        assert set(by_path(found)) == {f"{place.workstream}.txt"}
        assert found.tampering == ()
    first = GitWorktrees(bench.settings).places()[0]
    assert (first.run, first.workstream) == ("r1", "w0")


@pytest.mark.parametrize(
    ("attributes", "content"),
    [
        ("*.txt text", b"one\r\ntwo\r\n"),
        ("*.txt eol=crlf", b"one\r\ntwo\r\n"),
        ("*.txt eol=crlf", b"one\r\ntwo\n"),
        ("*.txt ident", b"$Id: 0123456789 $\nuntouched\n"),
    ],
)
def test_who_works_beside_files_that_were_never_normalised_has_not_changed_them(
    empty_bench: Bench, attributes: str, content: bytes
) -> None:
    empty_bench.make_user()
    for name in ("left", "touched", "opened", "run"):
        (empty_bench.user / f"{name}.txt").write_bytes(content)
    git(empty_bench.user, "add", ".")
    git(empty_bench.user, "commit", "--quiet", "-m", "as they are")
    (empty_bench.user / ".gitattributes").write_text(f"{attributes}\n")
    git(empty_bench.user, "add", ".gitattributes")
    git(empty_bench.user, "commit", "--quiet", "-m", "attributes")
    empty_bench.fetch()
    worktree = empty_bench.prepare()
    (worktree / "src/app.py").write_text("two\n")
    (worktree / "touched.txt").write_bytes(content + b"three\n")
    (worktree / "opened.txt").write_bytes((worktree / "opened.txt").read_bytes())
    (worktree / "run.txt").chmod(0o755)
    for message in ("first", "again"):
        found = empty_bench.capture("src/", message=message)
        assert {change.path for change in found.changes} == {"src/app.py", "touched.txt", "run.txt"}
    commit = found.candidate.commit
    blobs = {git(empty_bench.own, "rev-parse", f"{commit}:{name}.txt") for name in ("left", "opened", "run")}
    assert blobs == {git(empty_bench.user, "rev-parse", "HEAD:left.txt")}
    empty_bench.again()
    assert empty_bench.capture("src/", message="later").candidate.tree == found.candidate.tree
