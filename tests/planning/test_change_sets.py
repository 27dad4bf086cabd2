"""What a run has really made, as the artifact of its phase: read from the tree, valid whatever lies there."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from penstock.adapters.memory import MemoryProject
from penstock.planning import change_sets
from penstock.planning.artifacts import validated
from penstock.planning.change_sets import change_set_of

OLD = {"src/app.py": "import os\n", "requirements.txt": "httpx==1\n", "gone.py": "x", "same.py": "y\n"}


def made(files: dict[str, str], old: dict[str, str] = OLD) -> dict[str, Any]:
    project = MemoryProject(files=old)
    commit = project._commit(files, (project.base,), "second").commit
    payload = asyncio.run(
        change_set_of(project, project.base, commit, redact=lambda text: text.replace("s3cret", "[redacted]"))
    )
    model, remarks = validated("proposed_change_set", payload)
    assert not remarks
    assert model.model_dump(mode="json", exclude_unset=True)["files"] == payload["files"]
    return payload


def test_new_and_changed_files_are_in_it_with_what_they_define() -> None:
    text = "import json\nfrom app.x import y\n\nclass Count:\n    def inner(self): ...\n\nasync def count(): ...\n"
    found = made({"src/app.py": text, "same.py": "y\n"})
    assert found["files"] == [
        {
            "path": "src/app.py",
            "content": text,
            "imports": ["json", "app.x"],
            "classes": ["Count"],
            "functions": ["count"],
        }
    ]
    assert found["test_files"] == found["migration_scripts"] == []


def test_tests_and_migrations_are_told_apart_by_their_path() -> None:
    found = made({"tests/test_a.py": "a", "web/a.spec.ts": "b", "db/migrations/0001_a.sql": "c", "src/latest.py": "d"})
    assert [one["path"] for one in found["test_files"]] == ["tests/test_a.py", "web/a.spec.ts"]
    assert [one["path"] for one in found["migration_scripts"]] == ["db/migrations/0001_a.sql"]
    assert [one["path"] for one in found["files"]] == ["src/latest.py"]


def test_dependencies_are_those_that_were_added() -> None:
    pyproject = '[project]\nname = "a"\ndependencies = ["fastapi>=1"]\n'
    package = '{"dependencies": {"left": "1.0"}, "devDependencies": {"jest": "29"}}'
    requirements = "# tools\nhttpx==1\nrich==2  # nice\n-r other.txt\n"
    found = made({"requirements.txt": requirements, "pyproject.toml": pyproject, "web/package.json": package})
    assert found["dependencies"] == ["fastapi>=1", "jest@29", "left@1.0", "rich==2"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[project"),
        ("package.json", "[" * 100_000),
        ("package.json", "[1]"),
        ("pyproject.toml", "project = 1"),
    ],
)
def test_a_file_of_requirements_that_is_none_names_nothing(name: str, text: str) -> None:
    assert made({name: text})["dependencies"] == []


def test_secrets_are_not_in_it() -> None:
    assert made({"a.py": "key = 's3cret'\n"})["files"][0]["content"] == "key = '[redacted]'\n"


def test_binary_and_large_files_are_named_only() -> None:
    found = made({"a.bin": "a\0b", "b.txt": "x" * 300_000})
    assert [one["content"] for one in found["files"]] == ["[3 bytes, binary]", "[300000 bytes, too large to be shown]"]


@pytest.mark.parametrize("path", ["a\nb.py", "nul.py", "a:b.py", "x" * 1001 + ".py", " a/b", "end./x"])
def test_a_path_that_no_artifact_may_have_is_left_out(path: str) -> None:
    found = made({path: "a"})
    assert found["files"] == []


def test_source_with_syntax_errors_defines_nothing() -> None:
    assert made({"a.py": "def ("})["files"][0]["functions"] == []


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_sets, "MOST_FILES", 5)
    monkeypatch.setattr(change_sets, "LARGEST_SUM", 2500)
    found = made({f"f{number}.txt": "x" * 1000 for number in range(9)}, {})
    assert [len(one["content"]) for one in found["files"]] == [1000, 1000, 35, 35, 35]
