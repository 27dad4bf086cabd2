"""The recordings that the package brings: whose they are, what none may hold, and a server that answers from them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from curled import Curl, curled
from epic_bench import EPICS, ROOT, lay_sample

from penstock.epics.recordings import name_of, shipped
from penstock.gateway.recordings.files import RecordingFolder
from penstock.gateway.recordings.folding import unfolded
from penstock.planning.artifacts.catalogue import model_of
from penstock.planning.prompting import stable_part
from penstock.planning.seeds import shipped_phases, shipped_prompts
from sandbox_support import GIT, SOURCE

RECORDINGS = ROOT / "src" / "penstock" / "demo" / "recordings"
NAMES = sorted(one.name for one in RECORDINGS.iterdir() if one.is_dir())
SEEDS = (
    "Add health check endpoint to orchestrator API",
    "Add a /metrics endpoint to the orchestrator API that returns basic stats",
)
WAY = ["arch_phase", "ba_phase", "dev_phase", "qa_phase", "commit_phase", "complete"]
SECONDS = 60
PATHS_OF_MACHINES = re.compile(
    r"(?<![\w.<])(?:/(?:home|root|Users|tmp|var|private|opt|work|mnt|srv)/|~/|[A-Za-z]:\\\\)"
)
KEYS = re.compile(r"sk-[A-Za-z0-9]|(?i:bearer |x-api-key|authorization|api_key)")


def environ(folder: Path) -> dict[str, str]:
    """A user without any key, for whom recordings answer."""
    own = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "PENSTOCK_HOME": str(folder / "state")}
    return {**own, "PENSTOCK_UPSTREAM": "replay", "PYTHONDONTWRITEBYTECODE": "1", **SOURCE, **GIT}


def trusted(folder: Path) -> Path:
    """The sample project in a folder, trusted by a user who has a home there."""
    (folder / "home").mkdir()
    lay_sample(folder / "mill", environ(folder))
    command = [sys.executable, "-m", "penstock", "trust"]
    subprocess.run(command, cwd=folder / "mill", env=environ(folder), capture_output=True, check=True)
    return folder


def calls_of(folder: RecordingFolder) -> list[PurePosixPath]:
    """The places of all recorded calls."""
    calls = folder.root / "calls"
    return [PurePosixPath(file.relative_to(calls).as_posix()) for file in calls.rglob("*.json")]


def asked_roles(folder: RecordingFolder) -> Iterator[tuple[str, str]]:
    """The phase of each call that a role made, and the words that it was set up with."""
    for place in calls_of(folder):
        call = folder.read_call(place)
        system = unfolded(call["request"], folder.get)["system"]
        if not isinstance(system, str):
            yield call["key"]["phase"], "".join(block["text"] for block in system)


@contextmanager
def strictly(folder: Path, name: str) -> Iterator[Curl]:
    """A server that plays one recording, and refuses what is asked otherwise than it was."""
    config = trusted(folder) / "home" / ".config" / "penstock" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'[gateway]\nrecording = "shipped:{name}"\nreplay_mode = "strict"\n')
    with curled(folder / "mill", environ(folder)) as running:
        yield running


def asked_by_the_standard_library(method: str, url: str, body: object = None) -> tuple[int, dict[str, object]]:
    """What a client says that is a few lines of Python."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data=data, headers={"Content-Type": "application/json"}, method=method)
    with build_opener(ProxyHandler({})).open(request, timeout=SECONDS) as answer:
        return answer.status, json.load(answer)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Curl]:
    """A server that needs no key."""
    folder = trusted(tmp_path_factory.mktemp("replayed"))
    with curled(folder / "mill", environ(folder)) as running:
        yield running


def test_each_belongs_to_an_epic_of_the_sandbox_and_each_epic_has_one() -> None:
    epics = [file.read_text("utf-8").strip() for file in EPICS.glob("*/epic.txt")]
    assert shipped() == {name_of(epic): epic for epic in epics}
    assert sorted(shipped()) == NAMES
    assert set(SEEDS) < set(epics)


@pytest.mark.parametrize("name", NAMES)
def test_each_call_and_each_block_can_be_read(name: str) -> None:
    folder = RecordingFolder(RECORDINGS / name)
    folder.check()
    places = calls_of(folder)
    assert {folder.read_call(place)["key"]["phase"] for place in places} == {"pm_phase", *WAY[:-1]}
    for call in map(folder.read_call, places):
        assert unfolded(call["request"], folder.get)
        assert unfolded(call["answer"], folder.get)["content"]
        assert call["tokens"]["input"] > 0
    for block in (folder.root / "blocks").iterdir():
        folder.get(block.stem)


@pytest.mark.parametrize("found", ["in /home/ann/x", '"/tmp/x"', "~/.config", r"C:\\\\Users"])
def test_a_path_of_a_machine_would_be_found(found: str) -> None:
    assert PATHS_OF_MACHINES.search(found)


@pytest.mark.parametrize("name", NAMES)
def test_none_holds_a_path_of_a_machine_or_a_key(name: str) -> None:
    for file in (RECORDINGS / name).rglob("*"):
        if file.is_file():
            said = file.read_text("utf-8")
            assert not PATHS_OF_MACHINES.findall(said), file
            assert not KEYS.findall(said), file
            assert str(Path.home()) not in said, file


@pytest.mark.parametrize("name", NAMES)
def test_each_was_asked_with_the_words_of_todays_roles(name: str) -> None:
    """What roles say is not compared in a replay; where this fails, `scripts/record_epics.py` is due."""
    at = datetime.now(UTC)
    prompts = {prompt.role: prompt for prompt in shipped_prompts(at)}
    asked = list(asked_roles(RecordingFolder(RECORDINGS / name)))
    for phase in shipped_phases(at):
        if phase.phase != "dev_phase":  # there an agent asks, in its own words
            words = stable_part(prompts[phase.role], model_of(phase.artifact_type))
            assert {text for place, text in asked if place == phase.phase} == {words}, phase.phase


@pytest.mark.slow
def test_the_server_says_that_recordings_answer(server: Curl) -> None:
    health = server.get("/health")
    assert (health["status"], health["upstream"]["status"]) == ("healthy", "replay")


@pytest.mark.slow
@pytest.mark.parametrize("epic", SEEDS)
def test_a_small_client_gets_its_epic(server: Curl, epic: str) -> None:
    began = time.monotonic()
    status, made = asked_by_the_standard_library("POST", f"{server.url}/pipelines", {"epic_description": epic})
    assert status == 201
    pipeline = f"{server.url}/pipelines/{made['pipeline_id']}"
    assert asked_by_the_standard_library("POST", f"{pipeline}/advance")[0] == 200
    _, artifacts = asked_by_the_standard_library("GET", f"{pipeline}/artifacts")
    assert artifacts["epic"]["title"] is not None  # type: ignore[index] # an object, as this test says
    assert time.monotonic() - began < SECONDS


@pytest.mark.slow
@pytest.mark.parametrize("epic", SEEDS)
def test_the_script_that_tries_a_server_passes(server: Curl, epic: str) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "test_self_hosted.py"), "--url", server.url, "--epic", epic]
    clean = {"PATH": os.environ["PATH"], "NO_PROXY": "*"}
    done = subprocess.run(command, env=clean, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("passed")


@pytest.mark.slow
def test_all_phases_are_answered(server: Curl) -> None:
    pipeline = server.created(SEEDS[0])
    assert server.advanced(pipeline) == WAY
    bill = server.get(f"/metrics/tokens?pipeline={pipeline}")
    assert {row["key"] for row in bill["by_phase"]} == {"pm_phase", *WAY[:-1]}
    assert server.get(f"/pipelines/{pipeline}/artifacts")["commit_result"]["branch"] == f"penstock/{pipeline}"


@pytest.mark.slow
def test_another_epic_is_answered_with_those_that_there_are(server: Curl) -> None:
    pipeline = server.created("Paint it blue")
    refused = server.ask("POST", f"/pipelines/{pipeline}/advance", status=503)
    assert refused["error"] == "no_upstream"
    assert all(repr(epic) in refused["message"] for epic in shipped().values())
    assert "PENSTOCK_UPSTREAM" in refused["details"]["hint"]
    assert server.get(f"/pipelines/{pipeline}")["state"] == "pm_phase"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_each_answers_to_its_end_what_is_asked_today(tmp_path: Path, name: str) -> None:
    """A request that differs from the recorded one is refused; then `scripts/record_epics.py` is due."""
    with strictly(tmp_path, name) as server:
        assert server.advanced(server.created(shipped()[name]))[-1] == "complete"


@pytest.mark.slow
def test_played_strictly_it_answers_no_other_epic(tmp_path: Path) -> None:
    with strictly(tmp_path, name_of(SEEDS[0])) as server:
        pipeline = server.created(SEEDS[1])
        refused = server.ask("POST", f"/pipelines/{pipeline}/advance", status=503)
        assert "differs from what was recorded" in refused["message"]
        assert "record the epic again" in refused["details"]["hint"]
