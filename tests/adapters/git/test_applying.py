"""Governed apply: a deliverable is applied exactly as it was judged, or nothing in the worktree has changed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from git_bench import Bench, git
from hostile_patches import (
    CONFLICT,
    EXECUTABLES,
    FILES,
    LINKS,
    PLAIN,
    REFUSED,
    TEXT,
    binary,
    changes,
    creates,
    deletes,
    git_header,
    moves,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.adapters.git.runner import DiskFull
from penstock.domain.deliverable import ApplyRules, Deliverable, FileContent, FileSet, Patch
from penstock.domain.errors import Bug
from penstock.domain.plan import Scope
from penstock.ports import Applied, DeliverableRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES = ApplyRules(scope=Scope(files=("src/",)))


class Applying:
    """A worktree of a project with everything that a patch could trip over."""

    def __init__(self, root: Path, **changed: object) -> None:
        self.bench = Bench(root, **changed)
        self.bench.make_user(FILES)
        user = self.bench.user
        for path in EXECUTABLES:
            (user / path).chmod(0o755)
        for path, target in LINKS.items():
            (user / path).symlink_to(target)
        git(user, "add", ".")
        git(user, "commit", "--quiet", "-m", "second")
        self.bench.fetch()
        self.prepare()

    @property
    def worktree(self) -> Path:
        return self.bench.worktree

    def prepare(self) -> None:
        self.bench.prepare()

    def apply(self, deliverable: Deliverable | str | bytes, rules: ApplyRules = RULES) -> Applied:
        if isinstance(deliverable, str):
            deliverable = deliverable.encode("utf-8", "surrogatepass")
        if isinstance(deliverable, bytes):
            deliverable = Patch(text=deliverable)
        return asyncio.run(self.bench.project.apply(self.worktree, deliverable, rules))

    def refused(self, deliverable: Deliverable | str | bytes, rules: ApplyRules = RULES) -> str:
        """The reason, after a look that nothing has changed."""
        before, outside = self.look(), self.outside()
        with pytest.raises(DeliverableRefused) as refused:
            self.apply(deliverable, rules)
        assert self.look() == before
        assert self.outside() == outside
        assert refused.value.violations
        return str(refused.value)

    def look(self) -> dict[str, tuple[object, ...]]:
        """Every file and folder of the worktree, with all that a writer would move."""
        found = {}
        for path in sorted([self.worktree, *self.worktree.rglob("*")]):
            status = path.lstat()
            facts = (status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            found[os.fsdecode(bytes(path))] = facts
        return found

    def outside(self) -> set[str]:
        """The names of everything beside the worktree but git's objects; an index would be left behind here too."""
        left_out = ("/objects/", str(self.worktree))
        names = {str(path) for path in self.bench.root.rglob("*")}
        return {name for name in names if not any(part in f"{name}/" for part in left_out)}

    def tree(self) -> str:
        """The tree that a capture finds."""
        return self.bench.capture(*RULES.scope.patterns).candidate.tree


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Applying:
    """One worktree for all that changes nothing in it."""
    return Applying(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def fresh(shared: Applying) -> Iterator[Applying]:
    """The same, brought back to its start after use."""
    yield shared
    shared.prepare()


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_patch_is_refused_and_nothing_has_changed(shared: Applying, name: str) -> None:
    patch, reason = REFUSED[name]
    assert reason in shared.refused(patch)


def test_what_was_refused_left_the_tree_as_it_was(shared: Applying) -> None:
    start = git(shared.bench.own, "rev-parse", f"{shared.bench.base}^{{tree}}")
    shared.refused(REFUSED["a hook"][0])
    assert shared.tree() == start


ACCEPTED = {
    "a change": (PLAIN, {"src/app.py": TEXT.replace("line 5\n", "changed\n")}),
    "a new file": (creates("src/new/deep/a.py", "a = 1\n"), {"src/new/deep/a.py": "a = 1\n"}),
    "a file without a line end": (creates("src/new.py", "a = 1"), {"src/new.py": "a = 1"}),
    "without git's header": (
        "--- a/src/app.py\t2026-01-01\n+++ b/src/app.py\t2026-01-02\n@@ -1,2 +1,3 @@\n line 1\n+more\n line 2\n",
        {"src/app.py": TEXT.replace("line 1\n", "line 1\nmore\n", 1)},
    ),
    "a name in quotes": (
        git_header("x").replace("a/x b/x", '"a/src/\\303\\274n\\303\\257.py" "b/src/\\303\\274n\\303\\257.py"')
        + '--- "a/src/\\303\\274n\\303\\257.py"\n+++ "b/src/\\303\\274n\\303\\257.py"\n@@ -1 +1 @@\n-one\n+two\n',
        {"src/ünï.py": "two\n"},
    ),
    "a name with a space": (
        "--- a/src/two words.py\n+++ b/src/two words.py\n@@ -1 +1 @@\n-one\n+two\n",
        {"src/two words.py": "two\n"},
    ),
    "CRLF on CRLF": (
        "--- a/src/windows.txt\n+++ b/src/windows.txt\n@@ -1,3 +1,3 @@\n one\r\n-two\r\n+zwei\r\n three\r\n",
        {"src/windows.txt": "one\r\nzwei\r\nthree\r\n"},
    ),
    "a change to an executable": (
        "--- a/src/run.sh\n+++ b/src/run.sh\n@@ -1,2 +1,2 @@\n #!/bin/sh\n-echo run\n+echo ran\n",
        {"src/run.sh": "#!/bin/sh\necho ran\n"},
    ),
    "a deletion": (deletes("src/app.py", TEXT), {"src/app.py": None}),
    "a rename within the scope": (
        moves("src/app.py", "src/moved.py"),
        {"src/app.py": None, "src/moved.py": TEXT},
    ),
    "an empty line for empty context": (
        "--- a/src/app.py\n+++ b/src/app.py\n@@ -30 +30,2 @@\n line 30\n+\n",
        {"src/app.py": TEXT + "\n"},
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_good_patch_is_applied_exactly(fresh: Applying, name: str) -> None:
    patch, wanted = ACCEPTED[name]
    applied = fresh.apply(patch)
    assert set(applied.paths) == wanted.keys()
    for path, content in wanted.items():
        file = fresh.worktree / path
        assert (file.read_bytes() if file.exists() else None) == (None if content is None else content.encode())
    assert fresh.tree() == applied.tree
    assert (fresh.worktree / "src/run.sh").stat().st_mode & 0o111


def test_files_are_written_with_the_mode_that_they_have_and_deleted(fresh: Applying) -> None:
    files = (
        FileContent(path="src/run.sh", content=b"#!/bin/sh\necho ran\n"),
        FileContent(path="src/new/a.py", content=b"a = 1\n"),
        FileContent(path="src/app.py", content=None),
        FileContent(path="src/empty.py", content=b""),
    )
    applied = fresh.apply(FileSet(files=files))
    assert applied.paths == ("src/app.py", "src/empty.py", "src/new/a.py", "src/run.sh")
    assert (fresh.worktree / "src/run.sh").stat().st_mode & 0o777 == 0o755
    assert (fresh.worktree / "src/new/a.py").stat().st_mode & 0o111 == 0
    assert not (fresh.worktree / "src/app.py").exists()
    assert fresh.tree() == applied.tree


def test_what_changes_nothing_is_applied_and_names_no_path(shared: Applying) -> None:
    before = shared.look()
    applied = shared.apply(FileSet(files=(FileContent(path="src/app.py", content=TEXT.encode()),)))
    assert applied.paths == ()
    assert shared.look() == before


FILE_SETS: dict[str, tuple[tuple[tuple[str, bytes | None], ...], str]] = {
    "climbs": ((("../evil.py", b"x\n"),), "climbs"),
    "absolute": ((("/etc/passwd", b"x\n"),), "absolute"),
    "a drive": ((("C:/evil.py", b"x\n"),), "drive"),
    "a home": ((("~/evil.py", b"x\n"),), "home folder"),
    "git's folder": ((("src/.Git/config", b"x\n"),), "`.git` folder"),
    "git's folder with a dot": ((("src/.git./config", b"x\n"),), "`.git` folder"),
    "git's folder as a stream": ((("src/.git::$INDEX_ALLOCATION/x", b"x\n"),), "`.git` folder"),
    "an empty segment": ((("src//a.py", b"x\n"),), "empty segment"),
    "here": ((("./src/a.py", b"x\n"),), "empty segment or `.`"),
    "a folder": ((("src/", b"x\n"),), "empty segment"),
    "a NUL": ((("src/a\0b", b"x\n"),), "NUL"),
    "a line end": ((("src/a\nb", b"x\n"),), "can't be typed"),
    "a lone surrogate": ((("src/a\ud800.py", b"x\n"),), "can't be typed"),
    "a backslash": ((("src\\a.py", b"x\n"),), "backslash"),
    "given twice": ((("src/a.py", b"x\n"), ("src/a.py", b"y\n")), "given 2 times"),
    "twins": ((("src/A.py", b"x\n"), ("src/a.py", b"y\n")), "twin"),
    "a twin of what is there": ((("src/App.py", b"x\n"),), "twin"),
    "a twin of a folder that is there": ((("SRC/x.py", b"x\n"),), "out of scope"),
    "out of scope": ((("other/kept.py", b"x\n"),), "out of scope"),
    "protected": ((("src/pytest.ini", b"x\n"),), "protected"),
    "a symlink overwritten": ((("src/link", b"x\n"),), "symlink"),
    "through a symlink": ((("src/outside/evil.py", b"x\n"),), ""),
    "a file as a folder": ((("src/app.py/x.py", b"x\n"),), ""),
    "a folder as a file": ((("src", b"x\n"),), ""),
    "a file and below it": ((("src/x", b"x\n"), ("src/x/y", b"x\n")), ""),
    "deletes what is not there": ((("src/none.py", None),), "is not there"),
    "deletes a folder": ((("src", None),), "is not there"),
    "conflict markers": ((("src/a.py", CONFLICT.encode()),), "conflict marker"),
    "left out": ((("src/app.py", b"line 1\n# ... existing code ...\nline 30\n"),), "left out"),
    "fenced": ((("src/a.py", b"```python\nx = 1\n```\n"),), "code fence"),
    "cut off in a fence": ((("src/a.md", b"# Title\n\n```sh\nls\n"),), "cut off"),
    "binary": ((("src/a.py", b"\0\1"),), "binary"),
    "huge": ((("src/a.py", b"x" * (1 << 20) + b"\n"),), "too large"),
    "huge in all": (tuple((f"src/{number}.py", b"x\n" * (1 << 18)) for number in range(17)), "too large"),
    "too many": (tuple((f"src/{number}.py", b"x\n") for number in range(501)), "at most 500"),
}


@pytest.mark.parametrize("name", FILE_SETS)
def test_hostile_files_are_refused_and_nothing_has_changed(shared: Applying, name: str) -> None:
    files, reason = FILE_SETS[name]
    files = tuple(FileContent(path=path, content=content) for path, content in files)
    assert reason in shared.refused(FileSet(files=files))


@pytest.mark.parametrize("whole", ["src/", "**"])
def test_the_widest_scope_opens_neither_git_nor_links_nor_what_is_protected(shared: Applying, whole: str) -> None:
    rules = ApplyRules(scope=Scope(files=(whole,)))
    for name in ("a hook", "a new symlink", "a new submodule", "attributes", "a test's surroundings", "absolute"):
        shared.refused(REFUSED[name][0], rules)


def test_attributes_are_refused_though_the_scope_names_them(shared: Applying) -> None:
    rules = ApplyRules(scope=Scope(files=("src/.gitattributes",)))
    reason = shared.refused(creates("src/.gitattributes", "*.py text\n"), rules)
    assert "tells git how to read" in reason


def test_binary_content_is_taken_only_where_it_is_allowed(fresh: Applying) -> None:
    rules = ApplyRules(scope=RULES.scope, allow_binary=True)
    assert "are the most" in fresh.refused(binary("src/new.bin", b"\0\1\2", size=1 << 30), rules)
    assert "delta" in fresh.refused(binary("src/new.bin", b"\0\1\2", "delta"), rules)
    applied = fresh.apply(binary("src/new.bin", b"\0\1\2"), rules)
    assert applied.paths == ("src/new.bin",)
    assert (fresh.worktree / "src/new.bin").read_bytes() == b"\0\1\2"


def test_what_git_ignores_is_not_written_over(fresh: Applying) -> None:
    rules = ApplyRules(scope=Scope(files=("src/app.py",), create=("src/trace.log", "build/", "out.log/")))
    (fresh.worktree / "src/trace.log").write_text("mine\n")
    assert "already exists" in fresh.refused(creates("src/trace.log"), rules)
    (fresh.worktree / "out.log").symlink_to("other")
    assert "'out.log' is no folder" in fresh.refused(creates("out.log/x.py"), rules)
    assert "'out.log' is no folder" in fresh.refused(one_file("out.log/x.py"), rules)
    (fresh.worktree / "build/sub").mkdir(parents=True)
    assert "lies there already" in fresh.refused(one_file("build/sub"), rules)


def one_file(path: str, content: bytes = b"new\n") -> FileSet:
    return FileSet(files=(FileContent(path=path, content=content),))


def test_a_folder_that_nobody_prepared_is_our_own_mistake(shared: Applying, tmp_path: Path) -> None:
    with pytest.raises(Bug):
        asyncio.run(shared.bench.project.apply(tmp_path, Patch(text=PLAIN.encode()), RULES))


def test_after_a_restart_the_worktree_is_known_from_its_record(tmp_path: Path) -> None:
    desk = Applying(tmp_path)
    (desk.worktree / "src/more.py").write_text("more = 1\n")
    desk.bench.again()
    applied = desk.apply(PLAIN)
    assert applied.paths == ("src/app.py",)
    assert "src/more.py" in git(desk.bench.own, "ls-tree", "-r", "--name-only", applied.tree).split("\n")


def test_line_ends_that_git_would_change_are_refused_and_taken_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.make_user({".gitattributes": "* text eol=lf\n", "src/a.py": "a = 1\n"})
    bench.fetch()
    bench.prepare()
    files = FileSet(
        files=(
            FileContent(path="src/a.py", content=b"a = 2\r\n"),
            FileContent(path="src/deep/b.py", content=b"b = 2\r\n"),
        )
    )
    with pytest.raises(DeliverableRefused, match="line ends"):
        asyncio.run(bench.project.apply(bench.worktree, files, RULES))
    assert (bench.worktree / "src/a.py").read_bytes() == b"a = 1\n"
    assert not (bench.worktree / "src/deep").exists()
    assert bench.capture("src/").changes == ()


def test_a_full_disk_in_the_middle_leaves_the_old_tree(tmp_path: Path) -> None:
    desk = Applying(tmp_path)
    start = git(desk.bench.own, "rev-parse", f"{desk.bench.base}^{{tree}}")

    class Full:
        """The disk is full when the files are being written, and no longer when they are put back."""

        def __call__(self, name: str) -> None:
            if name == "exchange made":
                raise DiskFull("No space left on device")

    object.__setattr__(desk.bench.settings, "effect", Full())
    with pytest.raises(DiskFull):
        desk.apply(changes() + creates("src/deep/new.py") + deletes("src/two words.py", "one\n"))
    object.__setattr__(desk.bench.settings, "effect", lambda _name: None)
    assert not (desk.worktree / "src/deep").exists()
    assert (desk.worktree / "src/two words.py").read_text() == "one\n"
    assert desk.tree() == start


OWNER = """
import os, signal, sys
from contextlib import suppress
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import asyncio
from test_applying import RULES, changes, creates, deletes
from git_bench import Bench
from penstock.domain.deliverable import Patch
seen = 0
def effect(name):
    global seen
    seen += 1
    if seen == int(sys.argv[3]):
        for listing in Path("/proc/self/task").glob("*/children"):
            for child in listing.read_text().split():
                os.kill(int(child), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
bench = Bench(Path(sys.argv[2]), effect=effect)
patch = changes() + creates("src/deep/new.py") + deletes("src/two words.py", "one\\n")
applied = asyncio.run(bench.project.apply(bench.worktree, Patch(text=patch.encode()), RULES))
print(seen, applied.tree)
"""


@pytest.mark.slow
@pytest.mark.crash
def test_a_kill_anywhere_is_repaired_by_the_next_prepare(tmp_path: Path) -> None:
    def owner(desk: Applying, kill_at: int) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-c", OWNER, str(Path(__file__).parent), str(desk.bench.root), str(kill_at)]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    desk = Applying(tmp_path)
    start = git(desk.bench.own, "rev-parse", f"{desk.bench.base}^{{tree}}")
    done = owner(desk, 0)
    assert done.returncode == 0, done.stderr
    effects, tree = done.stdout.split()
    every = int(os.environ.get("PENSTOCK_CRASH_STEP", "3"))
    for point in range(1, int(effects) + 1, every):
        desk.bench.again()
        asyncio.run(desk.bench.project.clear_stale_locks())
        desk.prepare()
        assert desk.tree() == start
        desk.prepare()
        assert owner(desk, point).returncode == -signal.SIGKILL
    desk.bench.again()
    asyncio.run(desk.bench.project.clear_stale_locks())
    desk.prepare()
    assert desk.apply(changes() + creates("src/deep/new.py") + deletes("src/two words.py", "one\n")).tree == tree


LINES = st.lists(st.sampled_from(["a", "b", "", "  c", "+d", "-- e", "@@ -1 +1 @@", "diff --git a/x b/x"]), max_size=12)
ENDS = st.sampled_from(["", "\n"])
CONTENTS = st.one_of(st.none(), st.builds(lambda lines, end: "\n".join(lines) + end, LINES, ENDS))
TREES = st.fixed_dictionaries({f"src/{name}": CONTENTS for name in ("a.py", "b c.py", "ü.py", "deep/d.py")})


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(old=TREES, new=TREES, options=st.sampled_from([(), ("-M",), ("-U0",), ("-U1",), ("--no-prefix",)]))
def test_what_git_writes_as_a_patch_is_applied_to_the_very_same_tree(
    shared: Applying, old: dict[str, str | None], new: dict[str, str | None], options: tuple[str, ...]
) -> None:
    user = shared.bench.user
    commits = []
    for tree in (old, new):
        git(user, "checkout", "--quiet", "--detach", shared.bench.base)
        for path, content in tree.items():
            if content is not None:
                (user / path).parent.mkdir(exist_ok=True)
                (user / path).write_bytes(content.encode())
        git(user, "add", ".")
        git(user, "commit", "--quiet", "--allow-empty", "-m", "tree")
        commits.append(git(user, "rev-parse", "HEAD"))
    git(user, "branch", "--force", "start", commits[0])
    git(user, "checkout", "--quiet", "main")
    shared.bench.fetch("start")
    shared.bench.prepare(commits[0])
    words = ["git", "-C", str(user), "diff", *options, *commits]
    patch = subprocess.run(words, capture_output=True, check=True).stdout
    try:
        if not patch:
            assert "empty" in shared.refused(patch)
        elif {"-U0", "--no-prefix"} & {*options}:
            with suppress(DeliverableRefused):  # git wants context, and names with a prefix
                shared.apply(patch)
        else:
            applied = shared.apply(patch)
            assert applied.tree == git(user, "rev-parse", f"{commits[1]}^{{tree}}")
    finally:
        shared.bench.fetch("main")
        shared.prepare()
