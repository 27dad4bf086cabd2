"""Which set-up `init` proposes for which project, and that what it writes can be read again."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from penstock.config.sections import SetupSettings
from penstock.initial.setups import propose_setup
from penstock.initial.texts import settings_text


def written(path: Path, **files: str) -> SetupSettings:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(content)
    section = tomllib.loads(settings_text((), propose_setup(path))).get("setup", {})
    return SetupSettings(**{key: tuple(value) for key, value in section.items()})


VENV = "python3 -m venv .venv"
PIP = ".venv/bin/python -m pip install"
EXTRAS = '[project]\nname = "x"\n[project.optional-dependencies]\ndocs = []\ntest = []\ndev = []\n'


@pytest.mark.parametrize(
    ("files", "commands", "outputs"),
    [
        ({}, (), ()),
        ({"pyproject.toml": "[tool.ruff]"}, (), ()),
        ({"requirements.txt": ""}, (VENV, f"{PIP} -r requirements.txt"), (".venv",)),
        ({"pyproject.toml": EXTRAS}, (VENV, f"{PIP} -e '.[dev,test]'"), (".venv",)),
        ({"setup.py": "", "requirements-dev.txt": ""}, (VENV, f"{PIP} -r requirements-dev.txt -e ."), (".venv",)),
        ({"uv.lock": "", "pyproject.toml": EXTRAS}, ("uv sync --frozen",), (".venv",)),
        ({"package.json": "{}", "package-lock.json": "{}"}, ("npm ci",), ("node_modules",)),
        (
            {"package.json": "{}", "pnpm-lock.yaml": "", "pnpm-workspace.yaml": "packages:\n  - 'apps/*'\n  - ../no\n"},
            ("pnpm install --frozen-lockfile",),
            ("node_modules", "apps/*/node_modules"),
        ),
        ({"Cargo.toml": "", "Cargo.lock": ""}, ("cargo fetch --locked",), ()),
        ({"go.mod": "", "go.sum": ""}, ("go mod download",), ()),
        (
            {"requirements.txt": "", "package-lock.json": ""},
            (VENV, f"{PIP} -r requirements.txt", "npm ci"),
            (".venv", "node_modules"),
        ),
    ],
)
def test_a_lockfile_or_a_list_of_requirements_names_the_set_up(
    tmp_path: Path, files: dict[str, str], commands: tuple[str, ...], outputs: tuple[str, ...]
) -> None:
    found = written(tmp_path, **files)
    assert (found.commands, found.outputs) == (commands, outputs)
    assert {*found.inputs} == {name for name in files if commands} | (
        {"apps/*/package.json"} if "pnpm-lock.yaml" in files else set()
    )


def test_what_requirements_include_decides_too(tmp_path: Path) -> None:
    text = "-r base.txt\n-c limits/all.txt\n-r ../outside.txt\n-r missing.txt\n"
    found = written(tmp_path, **{"requirements.txt": text, "base.txt": "", "limits/all.txt": ""})
    assert found.inputs == ("requirements.txt", "base.txt", "limits/all.txt")


def test_what_is_included_is_named_as_settings_name_it(tmp_path: Path) -> None:
    text = "-r ./base.txt\n--constraint=limits//all.txt  # pinned\n --requirement more.txt\n-r .git/config\n"
    files = dict.fromkeys(("base.txt", "limits/all.txt", "more.txt", ".git/config"), "")
    found = written(tmp_path, **{"requirements.txt": text, **files})
    assert found.inputs == ("requirements.txt", "base.txt", "limits/all.txt", "more.txt")
