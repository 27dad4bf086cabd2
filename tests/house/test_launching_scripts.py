"""Scripts that go on with the clone's own packages, from any Python: what they do, and what they say without any."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BARE = [sys.executable, "-S"]
"""A Python without any package."""


def start(
    script: Path, *arguments: str, python: list[str] = BARE, **variables: str
) -> subprocess.CompletedProcess[str]:
    kept = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(
        [*python, str(script), *arguments], env=kept, capture_output=True, text=True, check=False, timeout=100
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone, as far as scripts go: nothing is installed in it."""
    (tmp_path / "scripts").mkdir()
    for name in ("manage.py", *(f"scripts/{name}.py" for name in ("launch", "environment", "init_db", "seed_phases"))):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("script", ["manage.py", "scripts/init_db.py", "scripts/seed_phases.py"])
def test_a_fresh_clone_is_told_what_to_run(script: str, clone: Path) -> None:
    refused = start(clone / script, "token-report")
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "hint: run ./setup.sh" in refused.stderr


def test_the_python_of_the_clones_own_environment_takes_over_with_its_variables(clone: Path) -> None:
    python = clone / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$PENSTOCK_HOME|$DATABASE_URL|$@"\n')
    python.chmod(0o755)
    (clone / ".env").write_text("# a remark\nPENSTOCK_HOME=/a place\nDATABASE_URL=$(touch planted)\nrm -rf x=1\n")
    told = start(clone / "manage.py", "token-report", "--json", DATABASE_URL="mine")
    assert told.stdout == f"/a place|mine|{clone / 'manage.py'} token-report --json\n"
    assert not (clone / "planted").exists()


def test_both_ways_in_read_the_same_of_the_users_variables(clone: Path) -> None:
    """As it stands there: a key may end in `=`, and the file may have the line ends of Windows."""
    shutil.copy(ROOT / "run.sh", clone / "run.sh")
    (clone / "scripts/environment.sh").write_text("#!/bin/sh\n")
    (clone / "scripts/environment.sh").chmod(0o755)
    lines = ["ONE_KEY=c2VjcmV0=", "TWO_KEY=a=b==", "THREE=", "FOUR", "FIVE= two\x0cwords ", "SIX=last="]
    (clone / ".env").write_bytes("\r\n".join(lines).encode())
    names = ["ONE_KEY", "TWO_KEY", "THREE", "FOUR", "FIVE", "SIX"]
    for program in ("python", "penstock"):
        place = clone / ".venv/bin" / program
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("#!/bin/sh\nprintf '<%s>' " + " ".join(f'"${{{name}-unset}}"' for name in names))
        place.chmod(0o755)
    by_script = start(clone / "manage.py", "x")
    by_shell = start(clone / "run.sh", "x", python=[])
    assert by_script.stdout == "<c2VjcmV0=><a=b==><><unset>< two\x0cwords ><last=>"
    assert (by_shell.stdout, by_shell.stderr) == (by_script.stdout, "")


@pytest.mark.slow
def test_database_prompts_and_phases_are_made_again_and_again(tmp_path: Path) -> None:
    surroundings = {
        "HOME": str(tmp_path),
        "PENSTOCK_HOME": str(tmp_path / "state"),
        "PYTHONIOENCODING": "cp1252",
        "PYTHONPATH": str(ROOT / "src"),
    }
    said = []
    for _ in range(2):
        for script in ("init_db", "seed_prompts", "seed_phases"):
            told = start(ROOT / "scripts" / f"{script}.py", python=[sys.executable], **surroundings)
            assert (told.returncode, told.stderr) == (0, "")
            said.append(told.stdout)
    assert "the database is made" in said[0]
    assert "pm: version" in said[1]
    assert "phase qa_phase: stored" in said[2]
    assert ["there" in text for text in said[3:]] == [True, True, True]


@pytest.mark.slow
def test_a_script_fails_in_the_words_of_a_command(tmp_path: Path) -> None:
    surroundings = {"HOME": str(tmp_path), "PENSTOCK_HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "src")}
    (tmp_path / "penstock.db").write_text("this is no database, whatever its name says")
    told = start(ROOT / "scripts" / "init_db.py", python=[sys.executable], **surroundings)
    assert told.returncode in (2, 3)
    assert told.stderr.startswith("error: ")
    assert "Traceback" not in told.stderr
