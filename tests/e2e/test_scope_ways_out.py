"""Every way out of a scope, through whole runs: it is refused, kept, told by path and rule, and harms nobody else."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from way_out import BASE, Way
from ways_out import GROUPS, PARALLEL
from whole_runs import (
    bundle,
    changed,
    fingerprint,
    git,
    new_repository,
    penstock_for,
    whole_run,
    write,
)

from penstock.intake.bundles import BundleValidationError
from penstock.submission import Submission

GOOD = "ws-z-good"
GOOD_FILE = "good/new.txt"


def planted(folder: Path) -> tuple[Path, Path]:
    """A program that must never run, and the file that tells if it did."""
    trap, trace = folder / "evil.sh", folder / "evil-ran"
    trap.write_text(f"#!/bin/sh\necho $0 $* >> {trace}\ncat\n")
    trap.chmod(0o755)
    return trap, trace


class Group:
    """The run of one group of ways, and what was before it."""

    def __init__(self, name: str, folder: Path, *, confined: bool) -> None:
        self.name, self.folder, self.ways = name, folder, GROUPS[name]
        self.confined = confined
        self.run_id, self.outside = f"run-{name}", folder / "outside"
        self.outside.mkdir()
        (self.outside / "mine.txt").write_text("mine\n")
        self._trap, self._trace = planted(folder)
        files = {path: content for way in self.ways for path, content in way.base.items()}
        good = bundle(GOOD, ["good/"], [[{"write": {"path": GOOD_FILE, "content": "good\n"}}]])
        bundles = [self._bundle(way) for way in self.ways]
        self.project = new_repository(folder / "project", {**BASE, **files}, [*bundles, good])
        self.before = fingerprint(self.project)
        confine = "required" if confined else "off"
        self.ended = whole_run(
            self.project, folder / "home", self.run_id, max_parallel=PARALLEL[name], PENSTOCK_CONFINE=confine
        )
        self.after = fingerprint(self.project)

    def _bundle(self, way: Way) -> dict[str, Any]:
        path, content = way.work
        script = [[{"write": {"path": path, "content": content}}, *way.does]]
        return dict(json.loads(self.told(json.dumps(bundle(way.id, way.patterns, script)))))

    def told(self, text: str) -> str:
        """A text of the table with this run's own names."""
        own = {"@EVIL@": str(self._trap), "@OUTSIDE@": str(self.outside), "@RUN@": self.run_id}
        for sign, meaning in own.items():
            text = text.replace(sign, meaning)
        return text

    @property
    def ran(self) -> str:
        """Which planted programs ran."""
        return self._trace.read_text() if self._trace.exists() else ""


Groups = Callable[[str], Group]


@pytest.fixture(scope="module", params=[False, True], ids=["unconfined", "confined"])
def groups(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Groups]:
    """The groups by name, each run when it is first asked for, without confinement and with it."""
    if request.param:
        request.getfixturevalue("trial")
    made: dict[str, Group] = {}

    def of(name: str) -> Group:
        if name not in made:
            # Below /tmp a confined agent would not even see what it is to attack.
            folder = Path(tempfile.mkdtemp(dir="/var/tmp")) if request.param else tmp_path_factory.mktemp(name)
            made[name] = Group(name, folder, confined=request.param)
        return made[name]

    yield of
    for group in made.values():
        if group.confined:
            shutil.rmtree(group.folder)


def cells() -> list[Any]:
    """The table's rows as parameters; all but the sample are slow."""
    marks = {name: () if name == "sample" else (pytest.mark.slow,) for name in GROUPS}
    return [
        pytest.param(name, way, id=f"{name}-{way.name}", marks=marks[name]) for name in GROUPS for way in GROUPS[name]
    ]


EACH_GROUP = [pytest.param(name, marks=() if name == "sample" else (pytest.mark.slow,)) for name in GROUPS]


@pytest.mark.parametrize(("name", "way"), cells())
def test_a_way_out_is_refused_told_and_kept(groups: Groups, name: str, way: Way) -> None:
    group = groups(name)
    ended = group.ended
    found, told = ended.workstream(way.id), ended.violations(way.id)
    if group.confined and way.stopped:
        assert told == [], "it came to nothing, so there is nothing to tell"
        return
    assert (found["status"], found["reason"]) == ("failed", "policy_violation"), found["sentence"]
    first = way.confined if group.confined and way.confined else (way.path, way.rule)
    for path, rule in (first, *way.also):
        wanted = group.told(path).encode("utf-8", "backslashreplace").decode()  # as a view tells half a character
        assert any(_is_same(one, wanted) and rule in words for one, words in told), told
    assert found["attempts"] == {"edit": 1}, "a violation is found before anything of it is run"
    refs = git(ended.own, "for-each-ref", "--format=%(refname)", f"refs/penstock/{group.run_id}/{way.id}").splitlines()
    assert refs
    for path, content in (way.work, *([way.kept] if way.kept else [])):
        assert git(ended.own, "show", f"{refs[-1]}:{path}") == content.strip()
    assert ended.patch(way.id).stat().st_size > 0


def _is_same(found: str, wanted: str) -> bool:
    return found == wanted or (wanted.endswith(("/", "-")) and found.startswith(wanted))


@pytest.mark.parametrize("name", EACH_GROUP)
def test_the_good_sibling_is_merged_and_nothing_else_is_on_the_branch(groups: Groups, name: str) -> None:
    group = groups(name)
    ended, good, run = group.ended, group.ended.workstream(GOOD), group.ended.run
    # One whose way out came to nothing has done only what it was asked to.
    harmless = [
        way for way in group.ways if group.confined and way.stopped and ended.workstream(way.id)["status"] == "done"
    ]
    whole = "completed" if len(harmless) == len(group.ways) else "partial"
    assert (good["status"], good["outcome"], run["status"]) == ("done", "merged", whole), (good, run["sentence"])
    branch = f"penstock/{groups(name).run_id}"
    found = git(ended.project, "diff", "--name-status", "main", branch).splitlines()
    assert found == sorted([f"A\t{GOOD_FILE}", *(f"A\t{way.work[0]}" for way in harmless)])
    assert git(ended.project, "rev-parse", branch) == git(ended.own, "rev-parse", branch) == run["head"]
    assert git(ended.project, "fsck", "--full", "--strict") == ""


@pytest.mark.parametrize("name", EACH_GROUP)
def test_the_users_repository_gains_one_branch_and_is_else_the_same_to_the_byte(groups: Groups, name: str) -> None:
    group = groups(name)
    allowed = tuple(f".git/{where}refs/heads/penstock" for where in ("", "logs/"))
    different = changed(group.before, group.after)
    assert {path for path in different if not path.startswith((".git/objects/", *allowed))} == set()
    assert {path for path in different if path in group.before} == set()
    assert f".git/refs/heads/penstock/{group.run_id}" in different


@pytest.mark.parametrize("name", EACH_GROUP)
def test_no_planted_program_ran_and_what_was_linked_to_is_as_it_was(groups: Groups, name: str) -> None:
    assert groups(name).ran == ""
    assert (groups(name).outside / "mine.txt").read_text() == "mine\n"


def test_the_planted_program_would_run_where_nobody_guards(tmp_path: Path) -> None:
    trap, trace = planted(tmp_path)
    unguarded = new_repository(tmp_path / "project", BASE)
    assert not trace.exists()
    git(unguarded, "config", "core.fsmonitor", str(trap))
    git(unguarded, "status")
    assert trace.exists()


def test_a_way_out_that_a_fix_takes_is_judged_from_the_base_too(tmp_path: Path) -> None:
    first = [{"write": {"path": "src/fix/work.txt", "content": "BROKEN\n"}}]
    second = [{"write": {"path": "src/fix/work.txt", "content": "fine\n"}}, {"delete": "other/target.txt"}]
    acceptance = ["! grep -q BROKEN src/fix/work.txt"]
    plan = bundle("ws-fix", ["src/fix/"], [first, second], acceptance_tests=[{"run": acceptance[0]}])
    project = new_repository(tmp_path / "project", BASE, [plan])
    ended = whole_run(project, tmp_path / "home", "run-fix")
    found = ended.workstream("ws-fix")
    assert (found["status"], found["reason"]) == ("failed", "policy_violation")
    assert ended.violations("ws-fix") == [
        ("other/target.txt", "out of scope: deleted, but no pattern of the scope holds it")
    ]
    assert found["attempts"] == {"edit": 1, "static": 1, "runtime": 1, "fix": 1}
    assert git(project, "for-each-ref", "refs/heads/penstock") == ""


@pytest.mark.parametrize("after", ["", 'ln -s "$OUTSIDE" "$HERE"'], ids=["removed", "replaced"])
def test_an_agent_that_takes_its_own_folder_away_fails_alone(tmp_path: Path, after: str) -> None:
    outside = tmp_path / "outside"
    write(outside, {"mine.txt": "mine\n"})
    script = f'OUTSIDE={outside}; HERE="$PWD"; rm -rf "$HERE"; {after}'
    bad = bundle("ws-bad", ["src/bad/"], [[{"run": ["sh", "-c", script]}]])
    good = bundle(GOOD, ["good/"], [[{"write": {"path": GOOD_FILE, "content": "good\n"}}]])
    project = new_repository(tmp_path / "project", BASE, [bad, good])
    ended = whole_run(project, tmp_path / "home", "run-away")
    assert (ended.run["status"], ended.workstream(GOOD)["outcome"]) == ("partial", "merged")
    assert (ended.workstream("ws-bad")["status"], ended.workstream("ws-bad")["reason"]) == ("failed", "error")
    assert [path.name for path in outside.iterdir()] == ["mine.txt"]


def test_a_child_that_would_write_after_the_end_never_writes(tmp_path: Path) -> None:
    late = {"path": "other/late.txt", "content": "late\n", "after": 1.0}
    actions = [
        {"write": {"path": "src/late/work.txt", "content": "work\n"}},
        {"spawn": late},
        {"spawn": {**late, "path": "other/later.txt", "setsid": True}},
    ]
    plan = [bundle("ws-late", ["src/late/"], [actions])]
    project = new_repository(tmp_path / "project", BASE, plan)
    ended = whole_run(project, tmp_path / "home", "run-late")
    assert ended.run["status"] == "completed"
    assert git(project, "diff", "--name-status", "main", "penstock/run-late") == "A\tsrc/late/work.txt"
    assert not _alive(tmp_path)


def _alive(folder: Path) -> list[str]:
    """Processes that still belong to a run in this folder."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            content = environ.read_bytes()
        except OSError:
            continue
        if b"PENSTOCK_ATTEMPT=" in content and f"HOME={folder}/home\0".encode() in content:
            found.append(environ.parent.name)
    return found


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("../outside.txt", "climbs with `..`"),
        ("src/../../outside.txt", "climbs with `..`"),
        ("src\\..\\..\\outside.txt", "climbs with `..`"),
        ("/etc/passwd", "is absolute"),
        ("~/notes.txt", "starts in a home folder"),
        ("C:\\notes.txt", "names a drive"),
        (".git/config", "enters the `.git` folder"),
        ("src/.GIT/config", "enters the `.git` folder"),
    ],
)
@pytest.mark.parametrize("key", ["files_scope", "files_create"])
def test_a_scope_that_leads_out_is_refused_before_anything_is_stored(
    tmp_path: Path, key: str, pattern: str, fault: str
) -> None:
    plan = bundle("ws-out", ["src/"], [["nothing"]], **{key: [pattern]})
    project = new_repository(tmp_path / "project", BASE, [plan])
    before = fingerprint(project)

    async def submit() -> None:
        penstock = penstock_for(project, tmp_path / "home")
        try:
            penstock.projects.trust_here(penstock.projects.current())
            with pytest.raises(BundleValidationError) as raised:
                await penstock.service.submit(Submission())
            assert fault in str(raised.value)
            assert penstock.parts.views.runs() == []
        finally:
            await penstock.close()

    asyncio.run(submit())
    assert changed(before, fingerprint(project)) == set()
