"""What `init` writes: the commented settings file and the sample bundle."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from penstock.initial.proposals import Proposal
from penstock.initial.setups import SetupProposal


def sample_text() -> str:
    """A bundle that runs anywhere: the scripted agent writes one file."""
    page = "hello-penstock.md"
    bundle = {
        "id": "ws-hello",
        "openspec_change": "HELLO-1",
        "gate": 1,
        "files_scope": [page],
        "files_create": [page],
        "tasks": [f"Say hello in {page}"],
        "acceptance_tests": [{"run": f"grep -q Hello {page}"}],
        "tool": "scripted",
        "metadata": {
            "notes": "A sample. `tool` names the agent: put your own there, and leave `scripted` out.",
            "scripted": [[{"write": {"path": page, "content": "Hello from Penstock.\n"}}]],
        },
    }
    return json.dumps(bundle, indent=2) + "\n"


def settings_text(proposals: Iterable[Proposal], setups: Sequence[SetupProposal] = ()) -> str:
    """The commented settings file."""
    checks = [f"{one.name} = {json.dumps(one.command)}  # {one.evidence}" for one in proposals]
    none = [
        '# tests = "python3 -m pytest -q"',
        "# Without any check, each workstream needs an acceptance command of its own.",
    ]
    return _TEXT + "\n".join(checks or none) + "\n" + _setup_text(setups)


def _setup_text(setups: Sequence[SetupProposal]) -> str:
    if not setups:
        return _NO_SETUP
    lines = [f"{name} = {_listed(name, setups)}" for name in ("commands", "inputs", "outputs")]
    evidence = ", ".join(one.evidence for one in setups)
    return f"{_SETUP}# {evidence}\n[setup]\n" + "\n".join(lines) + "\n"


def _listed(name: str, setups: Sequence[SetupProposal]) -> str:
    values = dict.fromkeys(value for one in setups for value in getattr(one, name))
    return json.dumps(list(values), ensure_ascii=False)


_TEXT = """\
# Penstock's settings of this project. A run takes them from the commit that it starts from.
# `penstock config show` prints every setting with its value and who gave it.

# The agent of workstreams that name none: an [agents.NAME] of your own configuration
# (~/.config/penstock/config.toml), or a tool profile of type "ai".
# agent = "my-agent"

# The branch that runs start from. Not set: found out from the repository.
# base_branch = "main"

# Where the workstream bundles are.
# workstreams_dir = "workstreams"

# What waits for a person: "review" for every workstream, "gate" for every gate after the first.
# approvals = ["review"]

# What every change must pass, judged by exit code. Commands run in a shell at the top of a checkout, without the
# virtual environment that you have activated and without your keys. A table of commands is a group, such as
# [checks.unit]: it is asked only of workstreams whose test_gates name it (GATE_UNIT).
[checks]
"""

_SETUP = """
# What a checkout needs before it can be built and tested. It is made once per content of the inputs, in a clean
# checkout, and what it makes (the outputs) is given to worktrees and checkouts, where nobody may write it. A file that
# the commands read and that is not among the inputs is taken from the commit that the environment was made for first.
"""
_NO_SETUP = f"""{_SETUP}# [setup]
# commands = ["python3 -m venv .venv", ".venv/bin/python -m pip install -r requirements.txt"]
# inputs = ["requirements.txt"]
# outputs = [".venv"]
"""
