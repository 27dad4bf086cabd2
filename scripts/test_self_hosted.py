"""Takes an epic through its first phase over HTTP, on a server that runs already, and looks at what comes of it.

    python scripts/test_self_hosted.py [--url http://localhost:8000] [--key KEY] [--epic TEXT] [--id EPIC] [--all]

It needs nothing but Python. Exit codes: 0 all was as promised, 1 something was not, 3 no server answers.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

EPIC = "Add a /metrics endpoint to the orchestrator API that returns basic stats"
SECONDS = 60
PHASE_SECONDS = 24 * 3600
"""The answer to an advance comes when the phase is performed: the dev phase takes as long as its agents do."""
ENDED = ("complete", "failed")


class NotAsPromised(Exception):
    """What was looked at is otherwise."""


class Server:
    """The server, asked with JSON."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Content-Type": "application/json", **({"X-API-Key": key} if key else {})}

    def advance(self, pipeline: str) -> Any:
        """Perform the present phase, however long that takes."""
        return self.ask("POST", f"/pipelines/{pipeline}/advance", seconds=PHASE_SECONDS)

    def ask(self, method: str, path: str, body: object = None, *, seconds: float | None = None) -> Any:
        """The JSON of an answer; NotAsPromised with the server's own words where it refuses."""
        data = None if body is None else json.dumps(body).encode()
        address = f"{self.url}{path}"
        request = Request(address, data=data, headers=self._headers, method=method)  # noqa: S310 - the user names the server
        try:
            with urlopen(request, timeout=seconds or SECONDS) as answer:  # noqa: S310 - as above
                return json.load(answer)
        except HTTPError as refused:
            words = refused.read(2000).decode("utf-8", "replace")
            raise NotAsPromised(f"{method} {path} was answered with {refused.code}: {words}") from None


def must(holds: object, sentence: str) -> None:
    """One thing that must hold."""
    if not holds:
        raise NotAsPromised(sentence)


def say(step: str, result: object) -> None:
    """One line; a console that can't show a character gets another one."""
    line = f"{step:<12}{result}"
    encoding = sys.stdout.encoding or "ascii"
    print(line.encode(encoding, "replace").decode(encoding), flush=True)


def flow(server: Server, wish: dict[str, str], *, whole: bool) -> None:
    """Health, create, advance, artifacts, title, usage: the way that the server promises."""
    health = server.ask("GET", "/health")
    say("server", f"{server.url} is {health.get('status')}, version {health.get('version')}")
    pipeline = server.ask("POST", "/pipelines", wish)["pipeline_id"]
    say("created", pipeline)
    began = time.monotonic()
    moved = server.advance(pipeline)
    say("advanced", f"{moved['previous_phase']} -> {moved['current_phase']} in {time.monotonic() - began:.1f} s")
    artifacts = server.ask("GET", f"/pipelines/{pipeline}/artifacts")
    must("epic" in artifacts, f"there is no epic among the artifacts: {sorted(artifacts)}")
    title = artifacts["epic"].get("title")
    must(title, "the epic has no title")
    say("epic", f"{title} ({len(artifacts['epic'].get('stories') or [])} stories)")
    usage = server.ask("GET", f"/metrics/tokens?pipeline={pipeline}")
    must(usage["total_tokens"] > 0, "no token was recorded")
    must(any(entry["key"] == "pm" for entry in usage["by_role"]), "no usage is recorded for the role pm")
    say("usage", f"{usage['total_input_tokens']} tokens read, {usage['total_output_tokens']} written")
    if whole:
        go_on(server, pipeline)


def go_on(server: Server, pipeline: str) -> None:
    """All phases that are left."""
    while (now := server.ask("GET", f"/pipelines/{pipeline}"))["state"] not in ENDED:
        moved = server.advance(pipeline)
        say("advanced", f"{moved['previous_phase']} -> {moved['current_phase'] or moved['state']}")
    must(now["state"] == "complete", f"the pipeline has failed: {now.get('sentence')}")
    usage = server.ask("GET", f"/metrics/tokens?pipeline={pipeline}")
    say("complete", f"{usage['total_tokens']} tokens in all")


def main() -> int:
    """Parse, go the way, and say how it ended."""
    port = os.environ.get("API_PORT") or "8000"
    parser = argparse.ArgumentParser(description="Take an epic through its first phase, over HTTP.")
    parser.add_argument("--url", default=f"http://localhost:{port}", help="where the server is")
    parser.add_argument("--key", default=os.environ.get("API_KEYS", "").split(",")[0], help="default: API_KEYS' first")
    parser.add_argument("--epic", default=EPIC, help="the wish in words")
    parser.add_argument("--id", default="", help="the epic's own id")
    parser.add_argument("--all", action="store_true", help="perform all phases, not pm alone")
    asked = parser.parse_args()
    wish = {"epic_description": asked.epic, **({"epic_id": asked.id} if asked.id else {})}
    began = time.monotonic()
    try:
        flow(Server(asked.url, asked.key.strip()), wish, whole=asked.all)
    except NotAsPromised as failure:
        say("failed", failure)
        return 1
    except (URLError, TimeoutError, ConnectionError) as failure:
        say("failed", f"{asked.url} does not answer: {getattr(failure, 'reason', failure)}")
        say("hint", "start the server with ./run.sh, or name another one with --url")
        return 3
    except (ValueError, KeyError, TypeError, AttributeError) as failure:
        say("failed", f"an answer has another form than promised: {failure!r}")
        return 1
    say("passed", f"after {time.monotonic() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
