"""Runs of projects with an environment: judged on the right tree, made once, refused with a reason."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from environment_runs import COMMON, PYTHON_PROJECT, agents_begun, environments, run, states, virtual_environment
from whole_runs import bundle, git, new_repository

from penstock.domain.errors import UserError

pytestmark = pytest.mark.slow

ABOUT = "python3 -c 'import importlib.metadata as about; about.version(\"pack\")'"
IN_CHECKOUT = "python3 -c 'import pack; assert pack.VALUE == 2, pack.__file__'"


def sets_value(name: str = "ws-a", value: str = "VALUE = 2\n", **more: object) -> dict[str, object]:
    """A workstream that changes the project's package."""
    write = {"write": {"path": "src/pack/__init__.py", "content": value}}
    return bundle(name, ["src/pack/__init__.py"], [[write]], **more)


def path_with(environment: Path) -> str:
    """The PATH of a user whose environment stands first."""
    return f"{environment}/bin:{os.environ['PATH']}"


def setup(*commands: str, inputs: str = "'requirements.txt'", outputs: str = "'.venv'") -> str:
    """A `[setup]` section."""
    return f"[setup]\ncommands = {json.dumps(commands)}\ninputs = [{inputs}]\noutputs = [{outputs}]\n"


def checks(*commands: str) -> str:
    """A `[checks]` section."""
    return "[checks]\n" + "".join(f"number{at} = {json.dumps(one)}\n" for at, one in enumerate(commands))


VENV = f"{shlex.quote(sys.executable)} -m venv --without-pip .venv"
INSTALL = "for folder in .venv/lib/python*/site-packages; do cp requirements.txt $folder/needed.py; done"


def test_an_editable_install_in_the_users_environment_is_not_what_is_judged(tmp_path: Path) -> None:
    settings = COMMON + checks(IN_CHECKOUT)
    project = new_repository(tmp_path / "project", {**PYTHON_PROJECT, "penstock.toml": settings}, [sets_value()])
    mine = virtual_environment(tmp_path / "mine", pack__pth=f"{project}/src\n")
    ended = run(project, tmp_path / "home", PATH=path_with(mine))
    assert ended.run["status"] == "completed", ended.run["sentence"]
    assert git(project, "show", "penstock/one:src/pack/__init__.py") == "VALUE = 2"
    said = next(ended.home.glob("projects/*/runs/one/ws-a/*/proof-python/stdout.log")).read_text()
    assert said.startswith("pack is imported from")
    assert "/clean/one/" in said


def test_a_project_that_is_imported_from_elsewhere_ends_the_run_with_where_and_what_to_do(tmp_path: Path) -> None:
    settings = COMMON + checks("true")
    project = new_repository(tmp_path / "project", {**PYTHON_PROJECT, "penstock.toml": settings}, [sets_value()])
    pushy = f"import sys; sys.path.insert(0, {str(project / 'src')!r})\n"
    mine = virtual_environment(tmp_path / "mine", pushy__pth=pushy)
    ended = run(project, tmp_path / "home", PATH=path_with(mine))
    assert (ended.run["status"], ended.run["reason"]) == ("paused", "environment")
    assert f"pack is imported from {project}/src/pack/__init__.py" in ended.run["sentence"]
    assert "uninstall the project" in ended.run["sentence"]
    shutil.rmtree(mine)
    mended = run(project, tmp_path / "home", resume=True)
    assert mended.run["status"] == "completed", mended.run


def test_set_up_is_made_once_and_given_to_agents_and_checks(tmp_path: Path) -> None:
    count = tmp_path / "count"
    settings = COMMON + setup(f"echo made >> {count}", VENV, INSTALL) + checks("python3 -c 'import needed'")
    looks = {"run": ["sh", "-c", "python3 -c 'import needed' && test -L .venv && ! test -e .venv/pyvenv.cfg.new"]}
    plans = [
        bundle(name, [f"{name}.txt"], [[looks, {"write": {"path": f"{name}.txt", "content": "x"}}]])
        for name in ("ws-a", "ws-b", "ws-c")
    ]
    files = {"requirements.txt": "HERE = 1\n", "penstock.toml": settings}
    project = new_repository(tmp_path / "project", files, plans)
    ended = run(project, tmp_path / "home")
    assert ended.run["status"] == "completed", ended.run["sentence"]
    assert count.read_text() == "made\n"
    assert len(environments(tmp_path / "home")) == 1
    kept = git(project, "ls-tree", "-r", "--name-only", "penstock/one").split()
    assert ".venv" not in kept
    assert {"ws-a.txt", "ws-b.txt", "ws-c.txt"} <= {*kept}
    again = run(project, tmp_path / "home", "two")
    assert (again.run["status"], count.read_text()) == ("completed", "made\n")


def test_a_changed_input_gets_an_environment_of_its_own(tmp_path: Path) -> None:
    check = "python3 -c 'import needed; assert needed.HERE == int(open(\\\"want\\\").read())'"
    settings = COMMON + setup(VENV, INSTALL) + checks(check)
    write = [
        {"write": {"path": name, "content": text}} for name, text in (("requirements.txt", "HERE = 2\n"), ("want", "2"))
    ]
    files = {"requirements.txt": "HERE = 1\n", "want": "1", "penstock.toml": settings}
    project = new_repository(tmp_path / "project", files, [bundle("ws-a", ["requirements.txt", "want"], [write])])
    ended = run(project, tmp_path / "home")
    assert ended.run["status"] == "completed", ended.run["sentence"]
    assert len(environments(tmp_path / "home")) == 2


def test_a_base_whose_set_up_fails_ends_the_run_before_an_agent_begins(tmp_path: Path) -> None:
    count = tmp_path / "count"
    broken = f"echo tried >> {count}; echo no such thing as left-pad >&2; exit 4"
    settings = COMMON + setup(broken, outputs="") + checks("true")
    plans = [bundle(name, [f"{name}.txt"], [["nothing"]]) for name in ("ws-a", "ws-b")]
    project = new_repository(tmp_path / "project", {"requirements.txt": "", "penstock.toml": settings}, plans)
    ended = run(project, tmp_path / "home")
    assert (ended.run["status"], ended.run["reason"]) == ("paused", "environment")
    assert "no such thing as left-pad >&2; exit 4` ended with exit code 4" in ended.run["sentence"]
    assert "\nno such thing as left-pad\n" in ended.run["sentence"]
    assert count.read_text() == "tried\n"  # though two workstreams asked for it
    assert agents_begun(ended) == 0
    assert environments(tmp_path / "home") == []


def test_a_candidate_whose_set_up_fails_goes_to_fix(tmp_path: Path) -> None:
    settings = COMMON + setup(VENV, "grep HERE requirements.txt", INSTALL) + checks("python3 -c 'import needed'")
    turns = [[{"write": {"path": "requirements.txt", "content": text}}] for text in ("NONSENSE\n", "HERE = 3\n")]
    files = {"requirements.txt": "HERE = 1\n", "penstock.toml": settings}
    project = new_repository(tmp_path / "project", files, [bundle("ws-a", ["requirements.txt"], turns)])
    ended = run(project, tmp_path / "home")
    assert ended.run["status"] == "completed", ended.run["sentence"]
    assert [one["step"] for one in ended.attempts if one["status"] == "failed"] == ["static"]
    assert git(project, "show", "penstock/one:requirements.txt") == "HERE = 3"


def test_an_agent_that_replaces_the_link_or_writes_behind_it_changes_nothing_that_is_judged(tmp_path: Path) -> None:
    count = tmp_path / "count"
    settings = COMMON + setup(f"echo made >> {count}", VENV, INSTALL)
    settings += checks("python3 -c 'import needed; assert needed.HERE == 1'")
    spoil = (
        "chmod -R u+w .venv/lib; for one in .venv/lib/python*/site-packages; do echo HERE = 6 > $one/needed.py; done"
    )
    evil = f"{spoil}; rm .venv; mkdir .venv; touch .venv/x"
    turn = [{"run": ["sh", "-c", evil]}, {"write": {"path": "a.txt", "content": "x"}}]
    files = {"requirements.txt": "HERE = 1\n", ".gitignore": ".venv\n", "penstock.toml": settings}
    project = new_repository(tmp_path / "project", files, [bundle("ws-a", ["a.txt"], [turn])])
    ended = run(project, tmp_path / "home")
    assert ended.run["status"] == "completed", ended.run["sentence"]
    assert count.read_text() == "made\nmade\n"  # what it wrote into was seen and made anew
    assert git(project, "ls-tree", "-r", "--name-only", "penstock/one").count(".venv") == 0


def test_a_tree_that_brings_what_set_up_makes_is_red(tmp_path: Path) -> None:
    settings = COMMON + setup(VENV, INSTALL) + checks("true")
    smuggled = [{"write": {"path": ".venv/bin/python3", "content": "#!/bin/sh\n"}}]
    turns = [
        [{"run": ["rm", ".venv"]}, *smuggled],
        [{"run": ["rm", "-r", ".venv"]}, {"write": {"path": "b", "content": "b"}}],
    ]
    files = {"requirements.txt": "HERE = 1\n", "penstock.toml": settings}
    project = new_repository(tmp_path / "project", files, [bundle("ws-a", [".venv/bin/python3", "b"], turns)])
    ended = run(project, tmp_path / "home")
    assert ended.run["status"] == "completed", ended.run["sentence"]
    red = [one for one in ended.attempts if one["status"] == "failed"]
    assert [one["step"] for one in red] == ["static"]


def test_the_users_files_are_copied_without_keys_and_get_into_no_tree(tmp_path: Path) -> None:
    settings = COMMON + checks("! test -e .env")
    keep = {
        "run": ["sh", "-c", "cat .env > seen.txt; cat conf/local.ini >> seen.txt; echo changed >> .env; ls > all.txt"]
    }
    files = {".worktreeinclude": "# mine\n.env\n*.ini\n", "penstock.toml": settings, "conf/kept": ""}
    project = new_repository(tmp_path / "project", files, [bundle("ws-a", ["seen.txt", "all.txt"], [[keep]])])
    secret = "not-a-shape-but-a-known-value"
    (project / ".env").write_text(f"KEY={secret}\nDB_PASSWORD=local\nOTHER=sk-{'x' * 30}\n")
    (project / "conf/local.ini").write_text("[local]\n")
    ended = run(project, tmp_path / "home", PROVIDER_API_KEY=secret)
    assert ended.run["status"] == "completed", ended.run["sentence"]
    assert (
        git(project, "show", "penstock/one:seen.txt") == "KEY=[redacted]\nDB_PASSWORD=local\nOTHER=[redacted]\n[local]"
    )
    names = git(project, "ls-tree", "-r", "--name-only", "penstock/one").split()
    assert ".env" not in names
    assert "conf/local.ini" not in names
    assert [one["event_type"] for one in ended.events if one["event_type"] == "scope_violation"] == []
    (kept,) = ended.home.glob("projects/*/runs/one/ws-a/edit-*/changed_copies/.env")
    assert kept.read_text().endswith("changed\n")


NPM = shutil.which("npm")


@pytest.mark.skipif(NPM is None, reason="npm is not on this machine")
def test_node_modules_are_made_once_and_the_projects_own_packages_are_the_checkouts(tmp_path: Path) -> None:
    count = tmp_path / "count"
    lock = {
        "name": "top",
        "version": "1.0.0",
        "lockfileVersion": 3,
        "packages": {
            "": {"name": "top", "version": "1.0.0", "dependencies": {"local": "file:local"}},
            "local": {"version": "1.0.0"},
            "node_modules/local": {"resolved": "local", "link": True},
        },
    }
    settings = COMMON + setup(
        f"echo made >> {count}",
        "npm ci --offline",
        inputs="'package.json', 'package-lock.json'",
        outputs="'node_modules'",
    )
    settings += checks("node -e 'process.exit(require(\"local\") === 2 ? 0 : 1)'")
    files = {
        "package.json": json.dumps({"name": "top", "version": "1.0.0", "dependencies": {"local": "file:local"}}),
        "package-lock.json": json.dumps(lock),
        "local/package.json": json.dumps({"name": "local", "version": "1.0.0", "main": "index.js"}),
        "local/index.js": "module.exports = 1\n",
        "penstock.toml": settings,
    }
    turn = [{"write": {"path": "local/index.js", "content": "module.exports = 2\n"}}]
    project = new_repository(tmp_path / "project", files, [bundle("ws-a", ["local/index.js"], [turn])])
    (project / "node_modules").mkdir()
    (project / "node_modules/local").symlink_to("../local")
    ended = run(project, tmp_path / "home")
    assert ended.run["status"] == "completed", ended.run["sentence"]
    assert count.read_text() == "made\n"
    names = git(project, "ls-tree", "-r", "--name-only", "penstock/one")
    assert "node_modules" not in names
    said = next(ended.home.glob("projects/*/runs/one/ws-a/*/proof-node/stdout.log")).read_text()
    assert "local is required from" in said
    assert "/clean/one/" in said


def test_real_pip_makes_an_editable_install_whose_project_is_still_the_checkouts(tmp_path: Path) -> None:
    commands = (f"{shlex.quote(sys.executable)} -m venv .venv", ".venv/bin/python -m pip install --no-index -q -e .")
    settings = COMMON + setup(*commands, inputs="'pyproject.toml'") + checks(IN_CHECKOUT, ABOUT)
    project = new_repository(tmp_path / "project", {**PYTHON_PROJECT, "penstock.toml": settings}, [sets_value()])
    ended = run(project, tmp_path / "home")
    assert ended.run["status"] == "completed", ended.run["sentence"]
    (made,) = environments(tmp_path / "home")
    assert sorted(path.name for path in made.iterdir()) == [".venv"]


def test_a_workstream_without_any_check_is_refused_with_the_reason(tmp_path: Path) -> None:
    project = new_repository(tmp_path / "project", {"penstock.toml": COMMON}, [sets_value()])
    with pytest.raises(UserError) as refused:
        run(project, tmp_path / "home")
    assert "allow_unchecked" in str(refused.value) or "check" in str(refused.value)
    assert not list((tmp_path / "home").glob("projects/*/runs/*"))
    (project / "penstock.toml").write_text(f"allow_unchecked = true\n{COMMON}")
    git(project, "commit", "--quiet", "--all", "--message=unchecked")
    ended = run(project, tmp_path / "home")
    assert (ended.run["status"], states(ended)) == ("completed", {"ws-a": "done"})


_OWNER = """
import os, sys
from pathlib import Path
from environment_runs import run
folder = Path(sys.argv[1])
(folder / "owner").write_text(str(os.getpid()))
run(folder / "project", folder / "home")
"""


def test_an_owner_killed_while_an_agent_works_leaves_nothing_of_the_environment_in_the_work(tmp_path: Path) -> None:
    kill = f"touch {tmp_path}/killed; test -L .venv && kill -9 $(cat {tmp_path}/owner) && sleep 60"
    once = {"run": ["sh", "-c", f"test -e {tmp_path}/killed || {{ {kill}; }}"]}
    writes = {"write": {"path": "a.txt", "content": "x"}}
    settings = COMMON + setup(VENV, INSTALL) + checks("python3 -c 'import needed'")
    files = {"requirements.txt": "HERE = 1\n", "penstock.toml": settings}
    project = new_repository(tmp_path / "project", files, [bundle("ws-a", ["a.txt"], [[once, writes]])])
    search = f"{Path(__file__).parent}:{Path(__file__).resolve().parents[2]}/src"
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": search}
    owner = subprocess.run([sys.executable, "-c", _OWNER, str(tmp_path)], env=environ, check=False, capture_output=True)
    assert owner.returncode == -signal.SIGKILL, owner.stderr
    ended = run(project, tmp_path / "home", resume=True)
    assert ended.run["status"] == "completed", ended.run["sentence"]
    assert git(project, "diff", "--name-only", "main", "penstock/one") == "a.txt"
    assert len(environments(tmp_path / "home")) == 1
