"""Nothing in a worktree is lost: prepared, preserved, removed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest
from git_bench import Bench, git

from deep_folders import dig
from ordinary_user import as_ordinary_user
from penstock.adapters.git import folders
from penstock.adapters.git.capture import WorktreeUnreadable
from penstock.adapters.git.looking import GitWorktrees
from penstock.adapters.git.runner import FilesRefused
from penstock.adapters.git.worktrees import ContentNotKept


def test_preparing_again_keeps_what_was_there_first(bench: Bench) -> None:
    worktree = bench.prepare()
    (worktree / "src/app.py").write_text("two\n")
    (worktree / "notes.txt").write_text("mine\n")
    (worktree / "trace.log").write_text("ignored\n")
    (worktree / "empty/inner").mkdir(parents=True)
    bench.prepare()
    kept = bench.files("refs/penstock/r1/w1/1")
    assert (kept["src/app.py"], kept["notes.txt"], kept["trace.log"]) == ("two", "mine", "ignored")
    assert sorted(path.name for path in worktree.iterdir()) == [".git", ".gitignore", "docs", "src"]
    assert (worktree / "src/app.py").read_text() == "one\n"
    assert git(worktree, "status", "--porcelain", "--ignored") == ""


def test_preparing_after_a_restart_keeps_it_too(bench: Bench) -> None:
    worktree = bench.prepare()
    (worktree / "notes.txt").write_text("mine\n")
    bench.again()
    bench.prepare()
    assert bench.files("refs/penstock/r1/w1/1")["notes.txt"] == "mine"
    assert not (worktree / "notes.txt").exists()


def test_preparing_removes_nested_repositories_that_git_passes_over(bench: Bench) -> None:
    worktree = bench.prepare()
    git(worktree / "src", "init", "--quiet")
    bench.capture()
    bench.prepare()
    assert not (worktree / "src/.git").exists()
    assert bench.capture().changes == ()


def test_a_preparation_that_was_cut_short_is_nobodys_work(bench: Bench) -> None:
    class Killed(BaseException):
        pass

    def kill(effect: str) -> None:
        if effect == "git read-tree done":
            raise Killed

    dying = Bench(bench.root, effect=kill)
    dying.base = bench.base
    with pytest.raises(Killed):
        dying.prepare()
    bench.prepare()
    assert bench.capture().changes == ()
    assert not (bench.settings.home / "kept").exists()
    assert bench.capture().ref.endswith("/1")


def test_no_instant_of_linking_leaves_a_file_of_ours_in_the_worktree(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []

    def look(source: Path, target: Path) -> Path:
        seen.append(sorted(path.name for path in bench.worktree.iterdir() if path.name.startswith(".git.")))
        assert source.exists()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", look)
        with pytest.raises(KeyboardInterrupt):
            bench.prepare()
    assert seen == [[]]
    bench.again()
    bench.prepare()
    assert sorted(path.name for path in bench.worktree.parent.iterdir()) == [bench.worktree.name]


def test_preserving_what_a_capture_took_makes_no_second_snapshot(bench: Bench) -> None:
    worktree = bench.prepare()
    (worktree / "src/app.py").write_text("two\n")
    found = bench.capture()
    kept = bench.preserve()
    assert (kept.commit, kept.ref) == (found.candidate.commit, found.ref)
    bench.again()
    assert bench.preserve() == kept


def test_preserving_keeps_what_came_after_the_capture(bench: Bench) -> None:
    worktree = bench.prepare()
    found = bench.capture()
    (worktree / "late.log").write_text("late")
    kept = bench.preserve()
    assert kept.ref.endswith("/2")
    assert bench.files(kept.commit)["late.log"] == "late"
    assert git(bench.own, "rev-parse", f"{kept.commit}^") == found.candidate.commit
    assert bench.preserve() == kept


def test_preserving_an_untouched_worktree_names_its_start(bench: Bench) -> None:
    bench.prepare()
    assert bench.preserve().commit == bench.base


def test_preserving_nothing_is_no_error(bench: Bench) -> None:
    kept = bench.preserve()
    assert (kept.commit, kept.ref, kept.moved_to) == (None, None, None)
    bench.remove(kept)


def test_nested_repositories_are_preserved_with_their_history_ignored_ones_too(bench: Bench) -> None:
    worktree = bench.prepare()
    for path in ("lib/x", "build/y"):
        (worktree / path).mkdir(parents=True)
        git(worktree / path, "init", "--quiet")
        (worktree / path / "f").write_text(path)
        git(worktree / path, "add", ".")
        git(worktree / path, "commit", "--quiet", "-m", "inner")
    (worktree / "bare.git").mkdir()
    git(worktree / "bare.git", "init", "--quiet", "--bare")
    kept = bench.preserve()
    files = bench.files(kept.commit)
    assert files[".penstock/nested/lib/x/f"] == "lib/x"
    assert files[".penstock/nested/build/y/f"] == "build/y"
    assert ".penstock/nested/lib/x/dot-git/refs/heads/main" in files
    assert "bare.git/HEAD" in files
    assert bench.preserve() == kept
    bench.remove(kept)
    assert not worktree.exists()


def test_what_git_ignores_or_passes_over_is_kept_byte_for_byte(empty_bench: Bench) -> None:
    attributes = "* text eol=lf ident\n*.log working-tree-encoding=UTF-16\n"
    empty_bench.make_user({".gitattributes": attributes, ".gitignore": "*.log\n*.raw\n", "src/app.py": "x\n"})
    empty_bench.fetch()
    worktree = empty_bench.prepare()
    content = bytes(range(256)) + b"\r\n$Id: 1 $\r\n"
    nested = worktree / "lib/inner"
    nested.mkdir(parents=True)
    git(nested, "init", "--quiet")
    paths = ("plain.raw", "encoded.log", "lib/inner/code.c", "lib/inner/.git/objects/pack.bin")
    for path in paths:
        (worktree / path).write_bytes(content)
    preserved = empty_bench.preserve()
    for path in ("plain.raw", "encoded.log", "code.c", "dot-git/objects/pack.bin"):
        where = path if path in paths else f".penstock/nested/lib/inner/{path}"
        kept = subprocess.check_output(["git", "-C", empty_bench.own, "cat-file", "blob", f"{preserved.ref}:{where}"])
        assert kept == content
    assert not list((empty_bench.settings.home / "staging").iterdir())


def test_a_pipe_or_socket_makes_the_folder_be_moved_aside(bench: Bench) -> None:
    worktree = bench.prepare()
    os.mkfifo(worktree / "pipe")
    (worktree / "work.txt").write_text("work")
    kept = bench.preserve()
    assert kept.commit is None
    assert kept.moved_to == bench.settings.home / "kept/r1/w1-1"
    assert (kept.moved_to / "work.txt").read_text() == "work"
    note = json.loads((bench.settings.home / "kept/r1/w1-1.json").read_text())
    assert (note["workstream"], note["reason"], note["kept_at"]) == (
        "w1",
        "git can't hold pipe",
        "2026-05-04T12:00:00+00:00",
    )
    assert (bench.settings.home / "kept/r1/w1-1.git/HEAD").exists()
    bench.remove(kept)
    bench.prepare()
    with socket.socket(socket.AF_UNIX) as server:
        before = Path.cwd()
        os.chdir(worktree)
        try:
            server.bind("s")
        finally:
            os.chdir(before)
    assert bench.preserve().moved_to == bench.settings.home / "kept/r1/w1-2"


@pytest.mark.parametrize("name", [".gitignore", ".gitattributes", ".gitmodules"])
def test_a_pipe_that_git_would_wait_for_is_the_agents_failure_at_once(tmp_path: Path, name: str) -> None:
    bench = Bench(tmp_path, time_limit=20.0)
    bench.make_user()
    bench.fetch()
    worktree = bench.prepare()
    (worktree / "src/app.py").write_text("two\n")
    os.mkfifo(worktree / "src" / name)
    with pytest.raises(WorktreeUnreadable, match=f"src/{name} is no file"):
        bench.capture("src/")
    assert bench.preserve().moved_to


@pytest.mark.slow
def test_what_takes_git_too_long_is_the_agents_failure_and_moved_aside(bench: Bench) -> None:
    worktree = bench.prepare()
    object.__setattr__(bench.settings, "time_limit", 1.0)
    (worktree / "src/large").touch()
    os.truncate(worktree / "src/large", 1 << 42)
    with pytest.raises(WorktreeUnreadable, match="did not end within 1 seconds"):
        bench.capture("src/")
    assert bench.preserve().moved_to


def test_more_ignored_content_than_the_limit_is_moved_aside(tmp_path: Path) -> None:
    bench = Bench(tmp_path, snapshot_ignored_mb=1)
    bench.make_user()
    bench.fetch()
    worktree = bench.prepare()
    (worktree / "big.log").write_bytes(b"x" * (1 << 20))
    assert bench.preserve().commit is not None
    (worktree / "more.log").write_bytes(b"x")
    kept = bench.preserve()
    assert kept.moved_to is not None
    assert (kept.moved_to / "more.log").exists()
    assert not worktree.exists()


def test_a_folder_that_nobody_knows_is_moved_aside(bench: Bench) -> None:
    bench.worktree.mkdir(parents=True)
    (bench.worktree / "mine").write_text("x")
    bench.prepare()
    assert (bench.settings.home / "kept/r1/w1-1/mine").exists()


def test_what_changed_after_it_was_kept_is_not_removed(bench: Bench) -> None:
    worktree = bench.prepare()
    kept = bench.preserve()
    (worktree / "src/app.py").write_text("two\n")
    with pytest.raises(ContentNotKept):
        bench.remove(kept)
    bench.remove(bench.preserve())
    assert not worktree.exists()


def test_removal_in_another_process_keeps_what_it_finds(bench: Bench) -> None:
    worktree = bench.prepare()
    kept = bench.preserve()
    (worktree / "late.txt").write_text("late")
    bench.again()
    bench.remove(kept)
    assert not worktree.exists()
    assert any("late.txt" in bench.files(ref) for ref, _ in _snapshots(bench))


def test_removing_leaves_nothing_of_the_worktree_behind(bench: Bench) -> None:
    bench.prepare()
    bench.capture()
    bench.remove(bench.preserve())
    assert list(bench.worktree.parent.iterdir()) == []
    assert list(bench.private.parent.iterdir()) == []
    assert list(bench.settings.indexes.iterdir()) == []
    assert GitWorktrees(bench.settings).places() == ()


def test_closed_folders_can_be_removed_by_an_ordinary_user() -> None:
    as_ordinary_user(
        "from penstock.adapters.git import folders",
        "root = folder / 'tree'\n"
        "(root / 'a/b').mkdir(parents=True); (root / 'a/b/f').write_text('x')\n"
        "(root / 'a/b').chmod(0o555); (root / 'a').chmod(0); root.chmod(0o555)\n"
        "assert folders.survey(root).files == ('a/b/f',)\n"
        "(root / 'a/b').chmod(0); (root / 'a').chmod(0o555)\n"
        "folders.discard(root)\n"
        "assert os.listdir(folder) == []\n",
    )


@pytest.mark.parametrize(
    "closing",
    [
        "(worktree / '.git').unlink(); worktree.chmod(0o555)",
        "(bench.private / 'config').write_text('#'); bench.private.chmod(0o555)",
        "(bench.private / 'HEAD').unlink(); bench.private.chmod(0)",
        "(bench.private / 'refs/heads/x').write_text('1'); (bench.private / 'refs/heads').chmod(0o500)",
        "(bench.private / 'info/x').mkdir(); (bench.private / 'info').chmod(0o100)",
        "(bench.private / 'objects/info/alternates').unlink(); (bench.private / 'objects').chmod(0)",
    ],
)
def test_folders_that_an_agent_closed_are_opened_mended_and_moved(closing: str) -> None:
    as_ordinary_user(
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from git_bench import Bench\nimport concurrent.futures.thread",
        "bench = Bench(folder); bench.make_user(); bench.fetch(); worktree = bench.prepare()\n"
        "(worktree / 'src/app.py').write_text('two\\n')\n"
        f"{closing}\n"
        "found = bench.capture('src/')\n"
        "assert found.tampering\n"
        "assert [change.path for change in found.changes] == ['src/app.py']\n"
        "bench.remove(bench.preserve(), recycle=True)\n"
        "worktree = bench.prepare()\n"
        f"{closing}\n"
        "os.mkfifo(worktree / 'pipe') if os.access(worktree, os.W_OK) else (worktree / 'src/app.py').write_text('3')\n"
        "bench.preserve()\n"
        "assert bench.prepare()\n",
    )


def test_writing_never_goes_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    (tmp_path / "link").symlink_to("mine")
    assert folders.read(tmp_path / "link") is None
    folders.write(tmp_path / "link", b"new")
    assert (tmp_path / "mine").read_text() == "x"


def test_the_patch_holds_the_changes_and_nested_content(bench: Bench) -> None:
    import asyncio

    worktree = bench.prepare()
    (worktree / "src/app.py").write_text("two\n")
    (worktree / "lib").mkdir()
    git(worktree / "lib", "init", "--quiet")
    (worktree / "lib/f").write_text("nested line\n")
    found = bench.capture()
    target = bench.root / "out/of scope.patch"
    asyncio.run(bench.project.patch(found, bench.base, target))
    text = target.read_text()
    assert "-one\n+two\n" in text
    assert "+nested line" in text


def test_snapshots_are_listed_oldest_first(bench: Bench) -> None:
    worktree = bench.prepare()
    commits = []
    for number in range(11):
        (worktree / "src/app.py").write_text(f"{number}\n")
        commits.append(bench.capture().candidate.commit)
    assert [commit for _, commit in _snapshots(bench)] == commits


def _snapshots(bench: Bench) -> tuple[tuple[str, str], ...]:
    import asyncio

    return asyncio.run(bench.project.snapshots("r1", "w1"))


@pytest.mark.slow
def test_deep_folders_are_content_like_any_other(bench: Bench) -> None:
    worktree = bench.prepare()
    dig(worktree / "src", "d", 1100)
    git(worktree / "docs", "init", "--quiet")
    dig(worktree / "docs", "d", 1100)
    (bench.private / "strange").mkdir()
    dig(bench.private / "strange", "d", 1100)
    found = bench.capture("src/")
    assert {change.path.rsplit("/", 1)[-1] for change in found.changes} >= {"bottom", "docs"}
    assert len(found.tampering) == 1
    (bench.own / "strange").mkdir()
    dig(bench.own / "strange", "d", 1100)
    preserved = bench.preserve()
    assert preserved.ref
    bench.remove(preserved)
    assert not worktree.exists()


def test_a_path_that_is_too_long_is_the_agents_failure_and_moved_aside(bench: Bench) -> None:
    worktree = bench.prepare()
    dig(worktree / "src", "d" * 200, 40)
    with pytest.raises(WorktreeUnreadable, match="too long a path") as failed:
        bench.capture("src/")
    assert len(failed.value.sentence) < 500
    preserved = bench.preserve()
    assert (preserved.moved_to / "src" / ("d" * 200)).is_dir()
    bench.prepare()
    assert bench.capture().changes == ()
    folders.remove(preserved.moved_to)  # pytest could not


def test_losing_the_worktree_folder_is_survived(bench: Bench) -> None:
    worktree = bench.prepare()
    found = bench.capture()
    shutil.rmtree(worktree)
    assert bench.preserve().commit is None
    bench.prepare(found.candidate.commit)
    assert bench.capture().changes == ()


@pytest.mark.parametrize("name", [".gitmodules", "a\\.git"])
def test_a_nested_repository_with_a_name_that_git_refuses_is_moved_aside(bench: Bench, name: str) -> None:
    worktree = bench.prepare()
    (worktree / "src/inner").mkdir()
    git(worktree / "src/inner", "init", "--quiet")
    (worktree / "src/inner" / name).symlink_to("anywhere")
    found = bench.capture()
    assert found.left_out == ("src/inner",)
    assert git(bench.own, "rev-parse", found.ref) == found.candidate.commit
    preserved = bench.preserve()
    assert (preserved.moved_to / "src/inner" / name).is_symlink()
    assert not worktree.exists()


def test_too_big_a_nested_repository_stays_out_of_the_snapshot_and_is_moved_aside(tmp_path: Path) -> None:
    bench = Bench(tmp_path, snapshot_ignored_mb=0)
    bench.make_user()
    bench.fetch()
    worktree = bench.prepare()
    (worktree / "lib").mkdir()
    git(worktree / "lib", "init", "--quiet")
    found = bench.capture()
    assert found.left_out == ("lib",)
    assert git(bench.own, "rev-parse", found.ref) == found.candidate.commit
    kept = bench.preserve()
    assert kept.moved_to is not None
    assert (kept.moved_to / "lib/.git/HEAD").exists()


def test_a_full_or_closed_file_system_is_the_worlds_fault(bench: Bench) -> None:
    bench.prepare()
    bench.settings.worktree_root.joinpath("r2").write_text("a file in the way")
    from dataclasses import replace

    with pytest.raises(FilesRefused):
        bench.prepare(place=replace(bench.place, run="r2"))


def test_a_worktree_on_another_file_system_is_moved_aside_beside_itself(tmp_path: Path) -> None:
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == tmp_path.stat().st_dev or not os.access(elsewhere, os.W_OK):
        pytest.skip("there is only one file system here")
    with tempfile.TemporaryDirectory(dir=elsewhere) as root:
        bench = Bench(tmp_path, worktree_root=Path(root))
        bench.make_user()
        bench.fetch()
        os.mkfifo(bench.prepare() / "pipe")
        kept = bench.preserve()
        assert kept.moved_to is not None
        assert kept.moved_to.parent == Path(root) / "r1"
        assert (kept.moved_to / "src/app.py").exists()
        assert GitWorktrees(bench.settings).places() == ()
        note = bench.settings.home / f"kept/r1/{kept.moved_to.name}.json"
        assert json.loads(note.read_text())["path"] == str(kept.moved_to)
