"""What `doctor` says of a machine and a project that are as needed, and of parts that are broken."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from penstock.bootstrap import build
from penstock.doctor.examination import examine
from penstock.doctor.findings import Finding, Patient, guarded

if TYPE_CHECKING:
    from penstock.adapters.processes.trial import Trial

IDENTITY = {
    "GIT_AUTHOR_NAME": "T",
    "GIT_AUTHOR_EMAIL": "t@localhost",
    "GIT_COMMITTER_NAME": "T",
    "GIT_COMMITTER_EMAIL": "t@localhost",
}


def git(project: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=project, env={**os.environ, **IDENTITY}, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    return path


def commit(project: Path, **files: str) -> None:
    for name, content in files.items():
        (project / name.replace("_dot_", ".")).write_text(content)
    git(project, "add", "-A")
    git(project, "commit", "-qm", "more", "--allow-empty")


def look(project: Path, **environ: str) -> dict[str, list[Finding]]:
    surroundings = {
        "PATH": os.environ["PATH"],
        "HOME": str(project.parent),
        "PENSTOCK_HOME": str(project.parent / "state"),
        **environ,
    }
    patient = Patient(folder=project, environ=surroundings, build=lambda: build(folder=project, environ=surroundings))
    found: dict[str, list[Finding]] = {}
    for finding in examine(patient):
        found.setdefault(finding.name, []).append(finding)
    return found


def test_a_good_project_fails_nothing_and_says_what_is_not_agreed_to(project: Path) -> None:
    commit(project, penstock_dot_toml='[checks]\ntests = "true"\n')
    found = look(project)
    assert not [one for findings in found.values() for one in findings if one.level == "fail"]
    assert {"python", "platform", "git", "state folder", "memory", "settings", "database"} <= set(found)
    assert found["confinement"]
    assert found["trust"][0].level == "warn"
    assert "main" in found["project"][0].sentence
    assert found["checks"][0].level == "ok"


def test_without_git_it_says_what_to_install(project: Path, tmp_path: Path) -> None:
    assert look(project, PATH=str(tmp_path))["git"][0].remedy == "install git 2.38 or later"


def test_an_old_git_is_not_enough(project: Path, tmp_path: Path) -> None:
    old = tmp_path / "bin" / "git"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho git version 2.30.1\n")
    old.chmod(old.stat().st_mode | stat.S_IXUSR)
    assert look(project, PATH=str(old.parent))["git"][0].level == "fail"


def test_a_state_folder_that_cannot_be_is_a_finding_and_the_rest_goes_on(project: Path, tmp_path: Path) -> None:
    commit(project)
    (tmp_path / "file").touch()
    found = look(project, PENSTOCK_HOME=str(tmp_path / "file"))
    assert found["state folder"][0].level == "fail"
    assert found["confinement"], "a look that comes after the broken one"


@pytest.mark.parametrize(("confine", "level"), [("auto", "warn"), ("off", "warn"), ("required", "fail")])
def test_a_machine_that_confines_nothing_is_a_finding_with_a_remedy(
    project: Path, tmp_path: Path, confine: str, level: str
) -> None:
    commit(project)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").symlink_to(str(shutil.which("git")))
    (found,) = look(project, PATH=str(tmp_path / "bin"), PENSTOCK_CONFINE=confine)["confinement"]
    assert found.level == level
    assert "bubblewrap" in found.sentence + found.remedy
    assert f"confine = {confine}" in found.sentence


def test_a_machine_that_confines_is_found_out_by_trying(project: Path, trial: Trial) -> None:
    commit(project)
    assert trial.fault == ""
    (found,) = look(project)["confinement"]
    assert (found.level, "tried" in found.sentence) == ("ok", True)
    (off,) = look(project, PENSTOCK_CONFINE="off")["confinement"]
    assert (off.level, off.remedy) == ("warn", "set confine = auto")


def test_broken_settings_are_a_finding(project: Path) -> None:
    commit(project, penstock_dot_toml="[executor]\nmax_paralel = 3\n")
    found = look(project)
    assert found["settings"][0].level == "fail"
    assert "max_parallel" in found["settings"][0].sentence


def test_a_database_that_is_none_is_a_finding(project: Path, tmp_path: Path) -> None:
    commit(project)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "penstock.db").write_bytes(b"not a database at all, just some text" * 50)
    found = look(project)
    assert found["database"][0].level == "fail"


def test_a_repository_without_a_commit_is_a_finding(project: Path) -> None:
    assert look(project)["project"][0].level == "fail"


def test_a_check_whose_command_is_missing_is_named(project: Path) -> None:
    commit(project, penstock_dot_toml='[checks]\ngood = "true"\nbad = "no-such-program-here --x"\n')
    found = look(project)["checks"][0]
    assert (found.level, found.sentence.split(":")[0]) == ("warn", "bad")


def test_a_check_that_needs_what_set_up_makes_is_not_missed_before_it_is_made(project: Path) -> None:
    commit(project, penstock_dot_toml='[checks]\nbad = "made-by-set-up --x"\n[setup]\ncommands = ["make it"]\n')
    found = look(project)["checks"][0]
    assert (found.level, found.sentence) == ("ok", "bad; set-up comes first")


def test_an_agent_whose_binary_is_missing_is_named(project: Path, tmp_path: Path) -> None:
    commit(project)
    folder = tmp_path / ".config" / "penstock"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('[agents.mine]\ncommand = ["no-such-agent"]\n')
    assert any("no-such-agent was not found" in one.sentence for one in look(project)["agents"])


def test_outside_a_project_it_is_no_failure(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    assert look(plain)["project"][0].level == "warn"


def test_whatever_a_look_raises_becomes_a_finding() -> None:
    def broken():
        yield Finding(name="x", level="ok", sentence="before")
        raise ZeroDivisionError("oh")

    levels = [one.level for one in guarded("x", broken)]
    assert levels == ["ok", "fail"]
