"""Setting up says clearly what is missing, does nothing twice, and refuses what it does not know."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("environment", ROOT / "scripts" / "environment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


environment = load()


def copy_of_inputs(folder: Path) -> Path:
    for name in environment.INPUTS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def start(script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / script), *arguments],
        env={"PATH": os.environ["PATH"], **variables}, cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def old_python(tmp_path: Path) -> Path:
    """Stands for any Python that is too old: it fails the question for its version."""
    python = tmp_path / "python-of-old"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    return python


@pytest.mark.parametrize("script", ["setup.sh", "run.sh"])
def test_a_python_that_is_too_old_is_refused_with_a_way_out(script: str, old_python: Path) -> None:
    refused = start(script, *(["demo"] if script == "run.sh" else []), PYTHON=str(old_python))
    assert refused.returncode == 3
    assert str(old_python) in refused.stderr
    assert "3.11" in refused.stderr
    assert "hint: " in refused.stderr
    assert refused.stdout == ""


def test_a_machine_without_python_is_told_what_to_install(tmp_path: Path) -> None:
    for name in ("bash", "dirname", "git", "readlink", "env"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    refused = start("setup.sh", PATH=str(tmp_path))
    assert refused.returncode == 3
    assert "there is no python3 that starts" in refused.stderr
    assert "install the package python3.11" in refused.stderr


def test_a_machine_without_git_is_told_so(tmp_path: Path) -> None:
    for name in ("bash", "dirname", "python3", "readlink", "env"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    refused = start("setup.sh", PATH=str(tmp_path))
    assert refused.returncode == 3
    assert "git is needed" in refused.stderr


def test_a_python_without_venv_is_told_what_to_install(tmp_path: Path) -> None:
    python = tmp_path / "python-without-venv"
    python.write_text(f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    refused = start("setup.sh", PYTHON=str(python))
    assert refused.returncode == 3
    assert f"python{sys.version_info[0]}.{sys.version_info[1]}-venv" in refused.stderr


def test_an_unknown_word_for_setup_is_wrong_use() -> None:
    refused = start("setup.sh", "--fast")
    assert refused.returncode == 2
    assert "--fast" in refused.stderr


@pytest.mark.parametrize("name", environment.INPUTS)
def test_any_changed_input_asks_for_a_new_installation(name: str, tmp_path: Path) -> None:
    root = copy_of_inputs(tmp_path)
    before = environment.fingerprint(root, "3.11")
    (root / name).write_bytes((root / name).read_bytes() + b"\n# more\n")
    assert environment.fingerprint(root, "3.11") != before


def test_another_python_or_another_place_asks_for_a_new_installation(tmp_path: Path) -> None:
    here, there = copy_of_inputs(tmp_path / "here"), copy_of_inputs(tmp_path / "there")
    assert environment.fingerprint(here, "3.11") == environment.fingerprint(here, "3.11")
    assert environment.fingerprint(here, "3.11") != environment.fingerprint(here, "3.12")
    assert environment.fingerprint(here, "3.11") != environment.fingerprint(there, "3.11")


@pytest.mark.parametrize(
    ("stamped", "asked", "holds"),
    [
        ("dev abc", "dev", True),
        ("dev abc", "runtime", True),
        ("runtime abc", "runtime", True),
        ("runtime abc", "dev", False),
        ("dev old", "dev", False),
        ("torn", "dev", False),
    ],
)
def test_a_stamp_holds_for_its_own_set_and_the_smaller_one(
    stamped: str, asked: str, holds: bool, tmp_path: Path
) -> None:
    (tmp_path / "stamp").write_text(stamped)
    assert environment.is_stamped(tmp_path / "stamp", asked, "abc") is holds


def test_without_a_stamp_nothing_is_taken_as_installed(tmp_path: Path) -> None:
    assert not environment.is_stamped(tmp_path / "stamp", "runtime", "abc")


def test_an_environment_that_does_not_start_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(tmp_path / "gone")
    assert environment.unfit_because(tmp_path, None) == "it has no working Python with pip"


def test_an_environment_that_was_copied_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pip").write_text("#!/elsewhere/.venv/bin/python\n")
    assert environment.was_moved(tmp_path)
    (tmp_path / "bin" / "pip").write_text(f"#!{tmp_path}/bin/python\n")
    assert not environment.was_moved(tmp_path)


def test_run_without_arguments_serves(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name, text in {"scripts/environment.sh": "exit 0", ".venv/bin/penstock": 'echo "$@"'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    shutil.copy(ROOT / "run.sh", tmp_path)
    for arguments, asked in (((), "serve\n"), (("show-run", "latest"), "show-run latest\n")):
        command = [tmp_path / "run.sh", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
        assert done.stdout == asked


def test_run_reads_the_env_file_beside_it_and_runs_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    stubs = {"scripts/environment.sh": "exit 0", ".venv/bin/penstock": 'echo "$PENSTOCK_HOME|$PIPELINE_BASE_BRANCH"'}
    for name, text in stubs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    shutil.copy(ROOT / "run.sh", tmp_path)
    (tmp_path / ".env").write_text(
        "# a remark\nPENSTOCK_HOME=/a place\nPIPELINE_BASE_BRANCH=$(touch planted)\ntouch x\n"
    )
    asked = {**os.environ, "PENSTOCK_HOME": "/mine"}
    asked.pop("PIPELINE_BASE_BRANCH", None)
    command = [tmp_path / "run.sh", "x"]
    first = subprocess.run(command, env=asked, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert first.stdout == "/mine|$(touch planted)\n"
    asked.pop("PENSTOCK_HOME")
    second = subprocess.run(command, env=asked, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert second.stdout == "/a place|$(touch planted)\n"
    assert not (tmp_path / "planted").exists()
    assert not (tmp_path / "x").exists()
