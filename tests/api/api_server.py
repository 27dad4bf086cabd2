"""A real server on a loopback port, over a real store, for a user's project."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import uvicorn

from penstock.api.app import create_app
from penstock.api.serving import listen
from penstock.bootstrap import Penstock, build
from penstock.config.server import ServerSettings

GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_NAME": "User" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "user@example.invalid" for role in ("AUTHOR", "COMMITTER")},
}
SETTINGS = '[checks]\nwords = "! grep -rq BROKEN src"\n[executor]\nmin_free_gb = 0.0\n'
EPIC = {
    "epic_id": "EPIC-1",
    "title": "Health check",
    "goal": "Operators see whether the service is well.",
    "success_criteria": ["GET /health answers 200"],
    "stories": [
        {
            "id": "STORY-1",
            "title": "Answer",
            "user_story": "As an operator I want to ask.",
            "acceptance_criteria": ["It answers"],
            "estimate_hours": 2,
            "priority": "high",
        }
    ],
    "total_estimate_hours": 2,
}


def bundle(name: str) -> dict[str, object]:
    """A workstream whose scripted agent writes one file."""
    path = f"src/{name}.txt"
    return {
        "id": name,
        "openspec_change": "OS-1",
        "gate": 1,
        "files_scope": [path],
        "tasks": [f"Write {name}"],
        "acceptance_tests": [f"test -f {path}"],
        "tool": "scripted",
        "metadata": {"scripted": [[{"write": {"path": path, "content": "good\n"}}]] * 4},
    }


@dataclass(frozen=True, kw_only=True)
class Place:
    """A user's project and home."""

    project: Path
    home: Path

    def environ(self, **more: str) -> dict[str, str]:
        """What a process of the user is started with."""
        own = {"PATH": os.environ["PATH"], "HOME": str(self.home), "PENSTOCK_HOME": str(self.home / "state")}
        return {**own, **GIT, "PENSTOCK_CONFINE": "off", **more}

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.project, env=self.environ(), check=True, capture_output=True)

    def penstock(self, **more: str) -> Penstock:
        """Penstock as a process of the user would have it."""
        return build(folder=self.project, environ=self.environ(**more))


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that runs, and a client of it."""

    client: httpx2.Client
    url: str
    penstock: Penstock

    def get(self, path: str, status: int = 200, **more: Any) -> Any:
        return self._said(self.client.get(path, **more), status)

    def post(self, path: str, body: object = None, status: int = 200, **more: Any) -> Any:
        return self._said(self.client.post(path, json=body, **more), status)

    def put(self, path: str, body: object = None, status: int = 200, **more: Any) -> Any:
        return self._said(self.client.put(path, json=body, **more), status)

    def pipeline(self, words: str = "Add health check endpoint to orchestrator API") -> str:
        """A new pipeline's id."""
        return str(self.post("/pipelines", {"epic_description": words}, 201)["pipeline_id"])

    def _said(self, answer: httpx2.Response, status: int) -> Any:
        assert answer.status_code == status, answer.text
        found = answer.json()
        if status >= 400:
            assert all(found[name] for name in ("error", "message", "detail", "request_id")), found
            assert found["request_id"] == answer.headers["x-request-id"]
        return found


@contextmanager
def serving(penstock: Penstock, settings: ServerSettings) -> Iterator[Server]:
    """A server on a free port, in a thread of its own, until the end of the block; what it opened is closed then."""
    penstock.parts.database  # noqa: B018 - opened here, as the command does
    listening = listen("127.0.0.1", 0)
    app = create_app(penstock, settings)
    config = uvicorn.Config(app, log_config=None, ws="none", lifespan="on", timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": list(listening.sockets)})
    thread.start()
    url = f"http://127.0.0.1:{listening.port}"
    try:
        with httpx2.Client(base_url=url, timeout=60) as client:
            yield Server(client=client, url=url, penstock=penstock)
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
        asyncio.run(penstock.close())


def made_place(folder: Path, bundles: Mapping[str, object]) -> Place:
    """A project with one commit."""
    place = Place(project=folder / "project", home=folder / "home")
    (place.project / "workstreams").mkdir(parents=True)
    (place.project / "src").mkdir()
    place.home.mkdir()
    (place.project / "src" / "seed.txt").write_text("seed\n")
    (place.project / "penstock.toml").write_text(SETTINGS)
    for name, one in bundles.items():
        (place.project / "workstreams" / f"{name}.json").write_text(json.dumps(one))
    place.git("init", "--quiet", "--initial-branch=main")
    place.git("add", "--all")
    place.git("commit", "--quiet", "--message=begin")
    return place
