"""The house: what a fresh clone must hold so that its scripts start, its pins are safe and its pages lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

import penstock

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted({ROOT / "setup.sh", ROOT / "run.sh", ROOT / ".ci" / "run", *ROOT.glob("scripts/*.sh")})
PINNED = [ROOT / name for name in ("requirements.txt", "requirements-build.txt", "requirements-dev.txt")]
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/PHASE_PLAN.md"]


def versions(path: Path) -> dict[str, str]:
    """The pinned names of a requirements file with their versions."""
    return dict(
        re.findall(r"^([a-z0-9.\-]+)(?:\[[a-z0-9, ]+\])?==(\S+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    )


def requirements(path: Path) -> list[str]:
    """One requirement each, its continued lines joined, comments left out."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_may_be_executed(script: Path) -> None:
    assert os.access(script, os.X_OK)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_bash_can_read_a_script(script: Path) -> None:
    read = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")


@pytest.mark.parametrize("pins", PINNED, ids=lambda path: path.name)
def test_every_requirement_is_one_version_with_a_hash(pins: Path) -> None:
    pinned = re.compile(r"[a-z0-9.\-]+(\[[a-z0-9, ]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}")
    loose = [line for line in requirements(pins) if not pinned.match(line)]
    assert requirements(pins)
    assert loose == []


@pytest.mark.parametrize("pins", PINNED, ids=lambda path: path.name)
def test_pins_name_no_index_and_no_place_of_a_machine(pins: Path) -> None:
    foreign = re.compile(r"^.*(?:://|--index|--extra-index|--find-links|/home/|/root/).*$", re.MULTILINE)
    assert foreign.findall(pins.read_text(encoding="utf-8")) == []


def test_development_and_use_get_the_same_versions() -> None:
    used, built, developed = (versions(path) for path in PINNED)
    assert used.items() <= developed.items()
    assert built.items() <= developed.items()


def test_every_folder_at_the_top_is_explained() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        pytest.skip("not a git repository: an unpacked sdist has no list of its folders")
    folders = {name.split("/")[0] for name in listed.stdout.split("\0") if "/" in name}
    explained = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = {folder for folder in folders if re.search(rf"(?<![\w./-]){re.escape(folder)}/", explained)}
    assert sorted(folders - named) == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_links_to_what_exists(page: str) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", (ROOT / page).read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert local
    assert [target for target in local if not ((ROOT / page).parent / target).exists()] == []


def test_the_changelog_knows_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(penstock.__version__)}\b", changelog, flags=re.MULTILINE)


def test_a_decision_is_short_and_says_what_would_change_it() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    texts = {path.name: path.read_text(encoding="utf-8") for path in decisions}
    assert texts
    assert [name for name, text in texts.items() if len(text.splitlines()) > 25] == []
    assert [name for name, text in texts.items() if "What would change our mind" not in text] == []


def test_every_test_file_has_a_name_of_its_own() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py"]
    assert sorted(names) == sorted(set(names))
