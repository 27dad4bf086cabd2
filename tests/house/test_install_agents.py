"""The installer of agents: what it puts where, what it leaves alone, what it refuses. An npm that reaches no network
stands in for the real one; the real agents are installed by what runs them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

INSTALLER = Path(__file__).resolve().parents[2] / "scripts" / "install_agents.sh"
VERSIONS = {"claude": "2.1.329", "codex": "0.169.0", "opencode": "1.18.33"}

# It lays down a program for the package that it is asked for, as big as a native one is not, and notes the call.
NPM = """#!/bin/sh
echo "$*" >>"$(dirname "$0")/calls"
while [ $# -gt 0 ]; do
  case "$1" in
    --prefix) prefix=$2 ;;
    *@[0-9]*) package=$1 ;;
  esac
  shift
done
name=$(echo "$package" | sed -e 's/-ai@.*//' -e 's/@[0-9.]*$//' -e 's/.*\\///' -e 's/-code$//')
for kind in $name-baseline $name; do
  mkdir -p "$prefix/node_modules/$kind/bin"
  program="$prefix/node_modules/$kind/bin/$name"
  echo '#!/bin/sh' >"$program"
  echo "echo \\"$name ${VERSION:-${package##*@}} of $kind\\"; exit" >>"$program"
  head -c 1100000 /dev/zero | tr '\\0' '#' >>"$program"
  chmod +x "$program"
done
"""


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder of programs with the npm that stands in."""
    folder = tmp_path / "tools"
    folder.mkdir()
    npm = folder / "npm"
    npm.write_text(NPM)
    npm.chmod(0o755)
    return folder


def run(tools: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The installer, with no more than the system's own programs besides."""
    plain = {"PATH": f"{tools}:/usr/bin:/bin", "HOME": str(tools.parent)}
    command = [str(INSTALLER), *words]
    return subprocess.run(command, env={**plain, **environ}, capture_output=True, text=True, check=False)


def calls(tools: Path) -> list[str]:
    """What npm was asked for."""
    file = tools / "calls"
    return [line.split()[-1] for line in file.read_text().splitlines()] if file.exists() else []


def said(program: Path) -> str:
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()


def test_each_agent_is_a_program_of_the_pinned_version_in_one_folder(tools: Path, tmp_path: Path) -> None:
    ended = run(tools, "--to", str(tmp_path / "agents"), *VERSIONS)

    assert ended.returncode == 0, ended.stderr
    assert {path.name for path in (tmp_path / "agents" / "bin").iterdir()} == set(VERSIONS)
    for name, version in VERSIONS.items():
        assert said(tmp_path / "agents" / "bin" / name) == f"{name} {version} of {name}"


def test_a_second_call_asks_for_nothing(tools: Path, tmp_path: Path) -> None:
    for _ in range(2):
        ended = run(tools, "--to", str(tmp_path / "agents"), "codex")
        assert ended.returncode == 0
    assert calls(tools) == ["@openai/codex@0.169.0"]
    assert "is there" in ended.stderr


def test_what_an_interrupted_call_left_is_begun_anew(tools: Path, tmp_path: Path) -> None:
    left = tmp_path / "agents" / "codex-0.169.0" / "node_modules"
    left.mkdir(parents=True)
    (left / "half").write_text("")

    assert run(tools, "--to", str(tmp_path / "agents"), "codex").returncode == 0
    assert not (left / "half").exists()


def test_the_folder_is_the_one_that_the_environment_names(tools: Path, tmp_path: Path) -> None:
    run(tools, "codex", PENSTOCK_AGENTS=str(tmp_path / "one"))
    run(tools, "codex", PENSTOCK_HOME=str(tmp_path / "two"))
    run(tools, "codex", XDG_STATE_HOME=str(tmp_path / "three"))
    run(tools, "codex")
    for folder in ("one", "two/agents", "three/penstock/agents", ".local/state/penstock/agents"):
        assert (tmp_path / folder / "bin" / "codex").exists(), folder


def test_a_check_tells_versions_and_what_is_missing_and_installs_nothing(tools: Path, tmp_path: Path) -> None:
    folder = str(tmp_path / "agents")
    run(tools, "--to", folder, "codex")
    whole = run(tools, "--to", folder, "--check", "codex")
    half = run(tools, "--to", folder, "--check", "codex", "claude")

    assert (whole.returncode, whole.stdout.split()) == (0, ["codex", "0.169.0", f"{folder}/bin/codex"])
    assert half.returncode == 1
    assert "missing" in half.stdout
    assert len(calls(tools)) == 1


def test_an_agent_that_says_another_version_is_not_taken(tools: Path, tmp_path: Path) -> None:
    ended = run(tools, "--to", str(tmp_path / "agents"), "codex", VERSION="9.9.9")

    assert ended.returncode == 1
    assert "says no version 0.169.0" in ended.stderr
    assert not (tmp_path / "agents" / "bin" / "codex").exists()


def test_one_that_fails_does_not_keep_the_others_from_coming(tools: Path, tmp_path: Path) -> None:
    npm = tools / "npm"
    npm.write_text(NPM.replace("while", 'case "$*" in *codex*) exit 7 ;; esac\nwhile', 1))

    ended = run(tools, "--to", str(tmp_path / "agents"), "codex", "claude")

    assert ended.returncode == 1
    assert {path.name for path in (tmp_path / "agents" / "bin").iterdir()} == {"claude"}


def test_wrong_words_and_missing_programs_are_told(tools: Path, tmp_path: Path) -> None:
    assert run(tools, "gemini").returncode == 2
    assert run(tools, "--to").returncode == 2
    assert run(tools, "--help").stdout.startswith("Installs pinned")
    python = run(tools, "--to", str(tmp_path / "agents"), "aider", AIDER_PYTHON="/nonexistent/python")
    assert (python.returncode, "hint: name another one" in python.stderr) == (3, True)

    (tools / "npm").unlink()
    for name in ("bash", "cat", "find", "flock", "mkdir", "rm"):
        program = shutil.which(name)
        if program is not None:
            (tools / name).symlink_to(program)
    missing = run(tools, "--to", str(tmp_path / "agents"), "codex", PATH=str(tools))
    assert (missing.returncode, "hint: install Node.js" in missing.stderr) == (3, True)


def test_nothing_of_the_callers_python_leaks_into_what_is_installed(tools: Path, tmp_path: Path) -> None:
    ended = run(tools, "--to", str(tmp_path / "agents"), "codex", PYTHONHOME="/nonexistent", PYTHONPATH=os.devnull)
    assert ended.returncode == 0
