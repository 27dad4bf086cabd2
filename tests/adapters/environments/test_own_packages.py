"""What of a checkout is its own package, for Python and for Node, whatever a stranger wrote into its files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.adapters.environments import node, python
from penstock.adapters.environments.trees import named
from penstock.ports import STRAY

PACKAGE = "pack/__init__.py"


def checkout(root: Path, *modules: str, **files: str) -> Path:
    folder = root / "checkout"
    folder.mkdir(exist_ok=True)
    for name, content in {**dict.fromkeys(modules, ""), **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def roots(folder: Path) -> list[str]:
    return [root.relative_to(folder).as_posix() for root in python.package_roots(folder)]


@pytest.mark.parametrize(
    ("pyproject", "modules", "expected"),
    [
        ("", (f"src/{PACKAGE}",), ["src"]),
        ("", (PACKAGE, "tests/test_a.py"), ["."]),
        ("", ("src/single.py",), ["src"]),
        ("", ("src/__init__.py", "src/a.py"), ["."]),
        ("", ("scripts/run.sh",), []),
        ('[tool.setuptools.packages.find]\nwhere = ["lib"]', (f"lib/{PACKAGE}",), ["lib"]),
        ('[tool.setuptools.package-dir]\n"" = "lib"', (f"lib/{PACKAGE}",), ["lib"]),
        ('[tool.hatch.build.targets.wheel]\npackages = ["lib/pack"]', (f"lib/{PACKAGE}",), ["lib"]),
        ('[[tool.poetry.packages]]\ninclude = "pack"\nfrom = "lib"', (f"lib/{PACKAGE}",), ["lib"]),
        ('[tool.maturin]\npython-source = "python"', (f"python/{PACKAGE}",), ["python"]),
        ('[tool.pdm.build]\npackage-dir = "lib"', (f"lib/{PACKAGE}",), ["lib"]),
        (
            '[tool.uv.workspace]\nmembers = ["packages/*"]',
            (f"src/{PACKAGE}", "packages/one/pyproject.toml", "packages/one/src/one/__init__.py"),
            ["src", "packages/one/src"],
        ),
        ('[tool.setuptools.packages.find]\nwhere = ["../../..", "/etc", "no/such", 3]', (f"src/{PACKAGE}",), []),
        ('[tool.uv.workspace]\nmembers = ["../*", "/etc/*", "a**", 3]', (PACKAGE,), ["."]),
        ("tool = 3", (PACKAGE,), ["."]),
        ("[[[", (PACKAGE,), ["."]),
    ],
)
def test_the_roots_are_where_the_project_says_or_where_projects_have_them(
    tmp_path: Path, pyproject: str, modules: tuple[str, ...], expected: list[str]
) -> None:
    assert roots(checkout(tmp_path, *modules, **{"pyproject.toml": pyproject})) == expected


def test_the_older_file_is_read_too(tmp_path: Path) -> None:
    text = "[options]\npackage_dir =\n    = lib\n"
    assert roots(checkout(tmp_path, f"lib/{PACKAGE}", **{"setup.cfg": text})) == ["lib"]
    assert roots(checkout(tmp_path, **{"setup.cfg": "no [ini"})) == []


def test_what_is_no_python_project_has_no_roots(tmp_path: Path) -> None:
    folder = checkout(tmp_path, PACKAGE)
    assert roots(folder) == []
    assert list(python.proofs(folder)) == []


def test_a_root_that_is_a_link_out_of_the_checkout_is_none(tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "pack").mkdir(parents=True)
    (tmp_path / "elsewhere" / "pack" / "__init__.py").touch()
    folder = checkout(tmp_path, **{"pyproject.toml": ""})
    (folder / "src").symlink_to(tmp_path / "elsewhere")
    assert roots(folder) == []


def prove(folder: Path, command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{Path(shutil.which('node') or '/usr/bin/node').parent}:/usr/bin:/bin"
    return subprocess.run(
        ["sh", "-c", command], check=False, cwd=folder, env={"PATH": path, **environ}, capture_output=True, text=True
    )


def test_the_proof_for_python_sees_past_the_present_folder(tmp_path: Path) -> None:
    folder = checkout(tmp_path, PACKAGE, "json/__init__.py", **{"pyproject.toml": ""})
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(folder, elsewhere)
    (proof,) = python.proofs(folder)
    assert prove(folder, proof.command, PYTHONPATH=str(folder)).returncode == 0
    strayed = prove(folder, proof.command, PYTHONPATH=f"{elsewhere}:{folder}")
    assert (strayed.returncode, f"pack is imported from {elsewhere}" in strayed.stdout) == (STRAY, True)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not on this machine")
def test_the_proof_for_node_follows_links(tmp_path: Path) -> None:
    package = {"name": "top", "workspaces": ["packages/*"], "dependencies": {"near": "file:near", "far": "^1"}}
    folder = checkout(
        tmp_path,
        "near/index.js",
        **{"package.json": json.dumps(package), "packages/one/package.json": '{"name": "@scope/one"}'},
    )
    (proof,) = node.proofs(folder)
    nothing = prove(folder, proof.command)
    assert (nothing.returncode, nothing.stdout) == (0, "")
    (folder / "node_modules" / "@scope").mkdir(parents=True)
    (folder / "node_modules" / "@scope" / "one").symlink_to("../../packages/one")
    (folder / "node_modules" / "near").symlink_to("../near")
    assert prove(folder, proof.command).returncode == 0
    (tmp_path / "elsewhere").mkdir()
    (folder / "node_modules" / "top").symlink_to(tmp_path / "elsewhere")
    strayed = prove(folder, proof.command)
    assert (strayed.returncode, f"top is required from {tmp_path}/elsewhere" in strayed.stdout) == (STRAY, True)


@pytest.mark.parametrize(
    "text", ["[", "[]", "3", '{"name": 3, "workspaces": 4, "dependencies": []}', '{"name": "a\\u0000b"}', "[" * 100_000]
)
def test_a_package_that_is_none_has_nothing_to_prove(tmp_path: Path, text: str) -> None:
    assert list(node.proofs(checkout(tmp_path, **{"package.json": text}))) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", '[tool.uv.workspace]\nmembers = ["."]\n'),
        ("pyproject.toml", f'[tool.setuptools.packages.find]\nwhere = ["{"x" * 300}"]\n'),
        ("pyproject.toml", f'[tool.uv.workspace]\nmembers = ["{"x" * 300}/*", "[", "a**b", "src/*/*/*/*/*/*/*/*"]\n'),
        ("package.json", '{"name": "own", "workspaces": ["./", "", ".", "**", "src/**/x"]}'),
        ("package.json", '{"name": "own", "dependencies": {"a": "file:a\\u0000b", "b": "file:src/loop"}}'),
        ("package.json", f'{{"name": "own", "dependencies": {{"a": "file:{"y" * 5000}"}}}}'),
    ],
)
def test_whatever_is_not_as_expected_is_left_out(tmp_path: Path, name: str, text: str) -> None:
    folder = checkout(tmp_path, "src/own/__init__.py", **{name: text})
    for number in range(9):
        (folder / f"src/l{number}").symlink_to(".")
    (folder / "src/loop").symlink_to("loop")
    assert len([*python.proofs(folder), *node.proofs(folder)]) <= 2


def test_patterns_name_what_lies_below_real_folders(tmp_path: Path) -> None:
    folder = checkout(tmp_path, "a/one/x", "a/.two/x", "b/deep/er/x", "a/file")
    (folder / "a/link").symlink_to("../b")

    def found(pattern: str) -> list[str]:
        return [path.relative_to(folder).as_posix() for path in named(folder, pattern)]

    assert found("a/*") == ["a/.two", "a/file", "a/link", "a/one"]
    assert found("a/*/x") == ["a/.two/x", "a/one/x"]
    assert found("./a/o[mn]e") == found("a//one/") == ["a/one"]
    assert found("b/**") == ["b", "b/deep", "b/deep/er"]
    assert found("**/x") == ["a/.two/x", "a/one/x", "b/deep/er/x"]
    assert found("/etc") == found("../x") == found("") == found("none/*") == []
