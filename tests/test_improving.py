"""What Penstock does not begin on itself, and the words in which it hands findings to an epic."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from penstock.bootstrap import build
from penstock.config.checks import ChecksSettings
from penstock.config.sections import ProjectSettings
from penstock.domain.errors import UserError
from penstock.improving import (
    CLONES,
    FLAGS,
    MOST_ISSUES,
    CloneFailed,
    NoGate,
    NotPenstock,
    Wanted,
    epic_of,
    improve,
    own_repository,
)
from sandbox_support import GIT

ROOT = Path(__file__).resolve().parents[1]
CHECKS = '[checks]\ntests = "python3 -m unittest"\n'


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository that says it is Penstock's."""
    place = tmp_path / "repository"
    place.mkdir()
    (place / "pyproject.toml").write_text('[project]\nname = "penstock"\n', encoding="utf-8")
    git(place, "init", "-q", "--initial-branch=main")
    return place


def git(place: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=place, env={"PATH": os.environ["PATH"], **GIT}, check=True, capture_output=True, text=True
    ).stdout


def committed(place: Path, settings: str) -> Path:
    (place / "penstock.toml").write_text(settings, encoding="utf-8")
    git(place, "add", "--all")
    git(place, "commit", "-qm", "settings")
    return place


def environ_of(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "PENSTOCK_HOME": str(folder / "state"), **GIT}


def refusal(wanted: Wanted, folder: Path) -> UserError:
    """Why nothing is begun; nothing is left behind either."""
    home = folder / "state"
    with pytest.raises(UserError) as refused:
        asyncio.run(improve(wanted, home=home, environ=environ_of(folder), tell=lambda _: None))
    assert not (home / CLONES).exists() or list((home / CLONES).iterdir()) == []
    return refused.value


def finding(**fields: str) -> dict[str, str]:
    return {"severity": "low", "category": "docs", "description": "A word is wrong", "location": "", **fields}


def test_another_repository_than_penstocks_is_refused(tmp_path: Path, repository: Path) -> None:
    (repository / "pyproject.toml").write_text('[project]\nname = "mill"\n', encoding="utf-8")
    assert isinstance(refusal(Wanted(epic="Mend it", repository=repository), tmp_path), NotPenstock)


def test_a_folder_that_is_no_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "penstock"\n', encoding="utf-8")
    with pytest.raises(NotPenstock, match="--repository"):
        own_repository(tmp_path)


def test_of_a_clone_that_failed_halfway_nothing_is_left(tmp_path: Path, repository: Path) -> None:
    program = tmp_path / "bin/git"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nfor last; do :; done\nmkdir -p "$last/.git/objects"\nexit 128\n', encoding="utf-8")
    program.chmod(0o755)
    environ = {**environ_of(tmp_path), "PATH": f"{program.parent}:{os.environ['PATH']}"}
    wanted = Wanted(epic="Mend it", repository=repository)
    with pytest.raises(CloneFailed):
        asyncio.run(improve(wanted, home=tmp_path / "state", environ=environ, tell=lambda _: None))
    assert list((tmp_path / "state" / CLONES).iterdir()) == []


@pytest.mark.slow
def test_a_repository_without_a_gate_is_refused(tmp_path: Path, repository: Path) -> None:
    committed(repository, 'agent = "model"\n')
    skip_where_nothing_is_confined(tmp_path)
    assert isinstance(refusal(Wanted(epic="Mend it", repository=repository), tmp_path), NoGate)
    assert git(repository, "for-each-ref", "--format=%(refname)").split() == ["refs/heads/main"]


@pytest.mark.slow
def test_where_no_finding_is_open_there_is_nothing_to_mend(tmp_path: Path, repository: Path) -> None:
    committed(repository, CHECKS)
    skip_where_nothing_is_confined(tmp_path)
    assert "no finding" in refusal(Wanted(from_issues=True, repository=repository), tmp_path).sentence


def test_nothing_that_a_model_wrote_runs_unconfined_whatever_settings_say(tmp_path: Path) -> None:
    environ = {**environ_of(tmp_path), "PENSTOCK_CONFINE": "off", "PENSTOCK_ALLOW_UNCHECKED": "true"}
    settings = build(folder=tmp_path, environ=environ, flags=FLAGS).parts.settings(
        {"penstock.toml": b"allow_unchecked = true\n"}
    )
    found = settings.node(ProjectSettings)
    assert (found.confine, found.allow_unchecked) == ("required", False)


def test_the_gate_of_this_repository_can_be_read_and_holds_checks(tmp_path: Path) -> None:
    written = (ROOT / "penstock.toml").read_bytes()
    settings = build(folder=tmp_path, environ=environ_of(tmp_path), flags=FLAGS).parts.settings(
        {"penstock.toml": written}
    )
    checks = settings.node(ChecksSettings)
    assert {"lint", "types", "tests"} <= set(checks.integrate)
    assert checks.static


def test_each_finding_is_one_bounded_line_with_its_place() -> None:
    long = finding(severity="high", category="code", description="One\ntwo " + "x" * 900, location="a.py:3")
    first, second, third = epic_of([long, finding()]).splitlines()
    assert first == "Mend these findings of earlier work on Penstock, each with a test:"
    assert second.startswith("- high (code): One two xxx")
    assert second.endswith("… (a.py:3)")
    assert len(second) < 550
    assert third == "- low (docs): A word is wrong"


def test_all_findings_of_an_epic_fit_into_it() -> None:
    assert len(epic_of([finding(description="x" * 5000, location="y" * 300)] * MOST_ISSUES)) < 50_000


def skip_where_nothing_is_confined(folder: Path) -> None:
    if fault := build(folder=folder, environ=environ_of(folder)).parts.confinement_fault:
        pytest.skip(fault)
