"""Repositories and wishes that can't be worked on: a clear sentence, what to do, the right class, nothing changed."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from whole_runs import bundle, changed, fingerprint, git, new_repository, penstock_for, write

from penstock.cli.entry import enter
from penstock.cli.terminal import Terminal
from penstock.domain.errors import PenstockError, UserError, WorldError
from penstock.submission import Submission

PLAN = [bundle("ws-one", ["src/"], [[{"write": {"path": "src/one.txt", "content": "one\n"}}]])]
FILES = {"src/seed.txt": "seed\n", "good/seed.txt": "seed\n"}


def _sound(folder: Path) -> Path:
    return new_repository(folder / "project", FILES, PLAN)


def _no_repository(folder: Path) -> Path:
    write(folder / "project", FILES)
    return folder / "project"


def _lost_git_folder(folder: Path) -> Path:
    write(folder / "project", {**FILES, ".git": f"gitdir: {folder}/nowhere\n"})
    return folder / "project"


def _empty(folder: Path) -> Path:
    write(folder / "project", FILES)
    git(folder / "project", "init", "--quiet", "--initial-branch=main")
    return folder / "project"


def _shallow(folder: Path) -> Path:
    whole = new_repository(folder / "whole", FILES, PLAN)
    git(whole, "commit", "--quiet", "--allow-empty", "--message=second")
    git(folder, "clone", "--quiet", "--depth=1", f"file://{whole}", str(folder / "project"))
    return folder / "project"


def _partial(folder: Path) -> Path:
    whole = new_repository(folder / "whole", FILES, PLAN)
    git(whole, "config", "uploadpack.allowFilter", "true")
    git(folder, "clone", "--quiet", "--filter=blob:none", f"file://{whole}", str(folder / "project"))
    return folder / "project"


def _with_submodule(folder: Path) -> Path:
    other = new_repository(folder / "other", FILES)
    project = _sound(folder)
    git(project, "submodule", "--quiet", "add", str(other), "parts/other")
    git(project, "commit", "--quiet", "--message=with a submodule")
    return project


def _with_large_files(folder: Path) -> Path:
    attributes = "*.bin filter=lfs diff=lfs merge=lfs -text\n"
    return new_repository(folder / "project", {**FILES, "assets/.gitattributes": attributes}, PLAN)


def _with_a_filter_of_its_own(folder: Path) -> Path:
    project = _sound(folder)
    write(project, {".git/info/attributes": "*.bin filter=mine\n"})
    return project


def _damaged(folder: Path) -> Path:
    project = _sound(folder)
    tree = git(project, "rev-parse", "HEAD:src")
    path = project / ".git/objects" / tree[:2] / tree[2:]
    path.chmod(0o644)
    path.write_bytes(b"no object")
    return project


@dataclass(frozen=True, kw_only=True)
class Case:
    """A repository or a wish, and how it is refused."""

    name: str
    make: Callable[[Path], Path]
    kind: type[PenstockError]
    words: tuple[str, ...]
    hint: str
    environ: Mapping[str, str] = field(default_factory=dict)
    trusted: bool = True


CASES = (
    Case(
        name="no repository",
        make=_no_repository,
        kind=UserError,
        words=("project is not in a git repository",),
        hint="git init",
    ),
    Case(
        name="a git folder that is lost",
        make=_lost_git_folder,
        kind=UserError,
        words=("a project is a git repository", "is none"),
        hint="git init",
    ),
    Case(name="no commit", make=_empty, kind=UserError, words=("work starts from a commit",), hint="first commit"),
    Case(name="shallow", make=_shallow, kind=UserError, words=("is a shallow clone",), hint="--unshallow"),
    Case(name="partial", make=_partial, kind=UserError, words=("is a partial clone",), hint="--refetch"),
    Case(
        name="submodules",
        make=_with_submodule,
        kind=UserError,
        words=("submodules can't be worked on", "parts/other"),
        hint="without them",
    ),
    Case(
        name="large files",
        make=_with_large_files,
        kind=WorldError,
        words=("git filter (as of Git LFS)", "assets/.gitattributes"),
        hint="no filter",
    ),
    Case(
        name="a filter outside the tree",
        make=_with_a_filter_of_its_own,
        kind=WorldError,
        words=("git filter", "info/attributes"),
        hint="filter",
    ),
    Case(name="damaged", make=_damaged, kind=WorldError, words=("git can't read all of",), hint="git fsck"),
    Case(
        name="an unknown base branch",
        make=_sound,
        environ={"PENSTOCK_BASE_BRANCH": "nowhere"},
        kind=UserError,
        words=("the base branch 'nowhere' was asked for", "the repository has main"),
        hint="base_branch",
    ),
    Case(
        name="not trusted",
        make=_sound,
        trusted=False,
        kind=UserError,
        words=("would run commands that you have not agreed to", "test -d good"),
        hint="penstock trust",
    ),
)
EACH = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


@EACH
def test_a_run_is_refused_with_a_sentence_and_a_hint_and_nothing_has_changed(case: Case, tmp_path: Path) -> None:
    project = case.make(tmp_path)
    before = fingerprint(project)
    refused, runs = asyncio.run(_submitted(case, project, tmp_path / "home"))
    assert isinstance(refused, case.kind), refused
    for words in case.words:
        assert words in refused.sentence
    assert case.hint in (refused.hint or "")
    assert runs == []
    assert changed(before, fingerprint(project)) == set()


async def _submitted(case: Case, project: Path, home: Path) -> tuple[PenstockError | None, list[object]]:
    """How a run was refused, and the runs that are stored all the same."""
    penstock = penstock_for(project, home, **case.environ)
    try:
        try:
            if case.trusted:
                penstock.projects.trust_here(penstock.projects.current())
            await penstock.service.submit(Submission())
        except PenstockError as error:
            return error, list(penstock.parts.views.runs())
        return None, list(penstock.parts.views.runs())
    finally:
        await penstock.close()


@pytest.mark.parametrize("case", [case for case in CASES if case.trusted], ids=lambda case: case.name)
def test_the_command_ends_with_the_code_of_its_class(case: Case, tmp_path: Path) -> None:
    project, home = case.make(tmp_path), tmp_path / "home"
    if (project / ".git").exists():
        penstock = penstock_for(project, home)
        penstock.projects.trust_here(penstock.projects.current())
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "PENSTOCK_HOME": str(home), **case.environ}
    out, err = io.StringIO(), io.StringIO()
    before = fingerprint(project)
    code = enter(["run"], environ=environ, folder=project, terminal=Terminal(out=out, err=err))
    assert code == {UserError: 2, WorldError: 3}[case.kind]
    assert out.getvalue() == ""
    assert err.getvalue().startswith("error: ")
    assert case.words[0] in err.getvalue()
    assert "\nhint: " in err.getvalue()
    assert "Traceback" not in err.getvalue()
    assert changed(before, fingerprint(project)) == set()
