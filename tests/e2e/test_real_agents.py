"""aider, Claude Code, Codex and opencode for real, through `penstock run`, against a scripted model server.

Each is skipped where it is not installed (`scripts/install_agents.sh`). AGENTS_ROUNDS says how often each project is
solved in a row: `make agents` does it ten times.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_bench import AGENTS, PLANTED, Bench, bench_in, ended, kill, missing, recorded, wait_until

from model_server import Fault, FaultKind
from sandbox_support import PROJECTS

pytestmark = [pytest.mark.slow, pytest.mark.agents, pytest.mark.timeout(400)]
ROUNDS = int(os.environ.get("AGENTS_ROUNDS", "1"))
IN_CI = [("aider", "python-bug"), ("claude", "python-bug")]
QUICK = ("claude", "model")
"""What CI tries more of than that it solves a project."""
TRIED = [(agent, name) for agent in AGENTS for name in PROJECTS] if ROUNDS > 1 else IN_CI


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    agent, name = request.param
    if why := missing(agent):
        pytest.skip(why)
    yield from bench_in(tmp_path, agent, name)


def each(*agents: str) -> pytest.MarkDecorator:
    """The same for several agents, on the smallest project."""
    tried = agents if ROUNDS > 1 else tuple(agent for agent in agents if agent in QUICK)
    return pytest.mark.parametrize("bench", [(agent, "python-bug") for agent in tried], indirect=True, ids=tried)


@pytest.mark.parametrize("_round", range(1, ROUNDS + 1))
@pytest.mark.parametrize("bench", TRIED, indirect=True, ids="-".join)
def test_a_sandbox_project_is_solved_with_a_fix_round_and_every_token_is_on_the_bill(bench: Bench, _round: int) -> None:
    done = bench.penstock("run")
    assert done.returncode == 0, done.stdout + done.stderr
    view = bench.view()
    (workstream,) = view["workstreams"]
    assert (view["status"], workstream["status"], workstream["outcome"]) == ("completed", "done", "merged")
    assert workstream["attempts"]["edit"] == 1
    assert workstream["attempts"]["fix"] == 1
    rows = bench.usage(view["run_id"])
    assert recorded(rows) == ended(bench.models.issued)
    assert {row["status"] for row in rows} == {"ok"}
    assert all(row["cost_usd"] is not None and not row["estimated"] for row in rows)
    assert {row["role_name"] for row in rows} == {"edit", "fix"}
    assert view["usage"]["calls"] == len(rows) == len(bench.models.issued)


@pytest.mark.parametrize("bench", [("aider", "python-bug")], indirect=True, ids=["aider"])
def test_a_project_that_says_whom_aider_is_to_call_is_not_heard(bench: Bench) -> None:
    elsewhere = '{"api_base": "http://127.0.0.1:9/v1", "api_key": "another"}'
    own = f'[{{"name": "aider/extra_params", "extra_params": {elsewhere}}}]'
    (bench.project / ".aider.model.settings.yml").write_text(own)
    (bench.project / ".aider.conf.yml").write_text('alias: ["openai/scripted-model:anthropic/another"]\n')
    for words in (("add", "--all"), ("commit", "-qm", "Say whom aider is to call")):
        subprocess.run(["git", *words], cwd=bench.project, env=bench.environ, check=True)
    done = bench.penstock("run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert recorded(bench.usage(bench.view()["run_id"])) == ended(bench.models.issued)


@each(*AGENTS)
def test_an_owner_that_is_killed_leaves_no_process_and_its_run_goes_on(bench: Bench) -> None:
    bench.models.fault(Fault(kind=FaultKind.HANG, times=1))
    owner = bench.start("run")
    bench.models.wait_for_held(1)
    assert list(bench.of_attempts())
    kill(owner)
    assert wait_until(lambda: not list(bench.of_attempts()), seconds=5)
    bench.models.release()
    done = bench.penstock("run", "--resume")
    assert done.returncode == 0, done.stdout + done.stderr
    view = bench.view()
    assert view["status"] == "completed"
    rows = bench.usage(view["run_id"])
    lost = [row for row in rows if row["status"] == "lost"]
    assert len(lost) == 1
    assert lost[0]["estimated"]
    assert lost[0]["attempt"] == "edit-1"
    assert recorded(rows) == ended(bench.models.issued)
    assert len({row["id"] for row in rows}) == len(rows)


@each(*AGENTS, "model")
def test_no_process_of_an_agent_and_nothing_that_is_written_holds_the_providers_key(bench: Bench) -> None:
    bench.configure(gateway="record = true")
    bench.models.fault(Fault(kind=FaultKind.HANG, times=1))
    owner = bench.start("run")
    bench.models.wait_for_held(1)
    seen = list(bench.of_attempts())
    assert seen or bench.agent == "model"
    for process in (*seen, Path(f"/proc/{owner.pid}")):
        for name in ("environ", "cmdline"):
            assert PLANTED.encode() not in (process / name).read_bytes(), f"{process}/{name}"
    bench.models.release()
    owner.wait(timeout=120)
    assert bench.view()["status"] == "completed", (bench.folder / "started.log").read_text()
    keys = {one.key for one in bench.models.issued}
    assert keys == {PLANTED}
    for file in (bench.folder / "state").rglob("*"):
        if file.is_file() and not file.is_symlink():
            assert PLANTED.encode() not in file.read_bytes(), file


@each(*AGENTS)
def test_a_cap_that_the_next_call_would_cross_stops_the_agent_and_ends_the_run(bench: Bench) -> None:
    bench.models.fault(Fault(kind=FaultKind.HANG, times=1, after=1))
    first = bench.penstock("run", "--max-tokens", "1")
    assert first.returncode == 1, first.stdout + first.stderr
    view = bench.view()
    assert (view["status"], view["reason"]) == ("failed", "budget_exhausted")
    assert bench.models.issued == ()
    (row,) = [row for row in bench.usage(view["run_id"]) if row["status"] == "refused"][:1]
    assert row["input_tokens"] == 0
    assert not list(bench.of_attempts())


@each(*AGENTS, "model")
def test_a_recorded_run_is_played_again_without_key_and_network_to_the_same_trees(bench: Bench) -> None:
    if subprocess.run(["unshare", "--map-root-user", "--net", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody cut a process off from the network")
    bench.configure(gateway="record = true")
    assert bench.penstock("run").returncode == 0
    asked = len(bench.models.requests)
    done = bench.cut_off("replay", "latest", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["is_equal"]
    assert [one["attempt"] for one in told["comparisons"]] == ["edit-1", "fix-1", "branch"]
    assert all(one["tree"] == one["tree_now"] != "" for one in told["comparisons"])
    assert len(bench.models.requests) == asked
    rows = bench.usage(told["replay_id"])
    assert rows
    assert sum(row["cost_usd"] for row in rows) == 0
