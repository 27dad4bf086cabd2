"""The script that takes an epic over HTTP: what it says of a server that is away, refuses, or answers otherwise."""

from __future__ import annotations

import json
import runpy
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "test_self_hosted.py"
USAGE = {
    "total_tokens": 30,
    "total_input_tokens": 20,
    "total_output_tokens": 10,
    "by_role": [{"key": "pm"}],
}
GOOD = {
    "GET /health": {"status": "healthy", "version": "1"},
    "POST /pipelines": {"pipeline_id": "pip_1"},
    "POST /pipelines/pip_1/advance": {"previous_phase": "pm_phase", "current_phase": "arch_phase", "state": "x"},
    "GET /pipelines/pip_1/artifacts": {"epic": {"title": "Stats → endpoint", "stories": [{}]}},
    "GET /metrics/tokens?pipeline=pip_1": USAGE,
}


class Answering:
    """Answers each request from a table, and keeps what was asked."""

    def __init__(self) -> None:
        self.answers: Mapping[str, object] = GOOD
        self.bodies: list[bytes] = []
        self.phase_seconds = 0.0
        served = self

        class Door(BaseHTTPRequestHandler):
            def answer(self) -> None:
                if self.path.endswith("/advance"):
                    time.sleep(served.phase_seconds)
                served.bodies.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
                found = served.answers.get(f"{self.command} {self.path}")
                content = json.dumps(found if found is not None else {"error": "nothing here"}).encode()
                self.send_response(404 if found is None else 200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = answer  # noqa: N815 - the server calls them so

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def answering() -> Iterator[Answering]:
    found = Answering()
    yield found
    found.close()


def start(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", str(SCRIPT), "--url", url, *arguments],
        env={"PYTHONIOENCODING": "cp1252"}, capture_output=True, text=True, encoding="cp1252", check=False, timeout=60,
    )  # fmt: skip


def test_the_way_is_gone_and_told(answering: Answering) -> None:
    told = start(answering.url, "--id", "EPIC-1")
    assert (told.returncode, told.stderr) == (0, "")
    assert [line.split()[0] for line in told.stdout.splitlines()] == [
        *("server", "created", "advanced", "epic", "usage", "passed")
    ]
    assert json.loads(answering.bodies[1])["epic_id"] == "EPIC-1"
    assert "/metrics endpoint" in json.loads(answering.bodies[1])["epic_description"]


@pytest.mark.parametrize(
    ("path", "answer", "said"),
    [
        ("GET /health", None, "404"),
        ("POST /pipelines", {}, "another form"),
        ("GET /pipelines/pip_1/artifacts", {"other": {}}, "there is no epic"),
        ("GET /pipelines/pip_1/artifacts", {"epic": {"title": ""}}, "no title"),
        ("GET /metrics/tokens?pipeline=pip_1", {**USAGE, "total_tokens": 0}, "no token was recorded"),
        ("GET /metrics/tokens?pipeline=pip_1", {**USAGE, "by_role": []}, "role pm"),
    ],
)
def test_what_is_not_as_promised_is_named(path: str, answer: object, said: str, answering: Answering) -> None:
    answering.answers = {**GOOD, path: answer}
    told = start(answering.url)
    assert told.returncode == 1
    assert said in told.stdout.splitlines()[-1]


def test_without_a_server_it_says_how_to_start_one() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        told = start(f"http://127.0.0.1:{closed.getsockname()[1]}")
    assert told.returncode == 3
    assert "./run.sh" in told.stdout


def test_a_phase_may_take_longer_than_any_other_answer(
    answering: Answering, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answering.phase_seconds = 2.0
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--url", answering.url])
    main = runpy.run_path(str(SCRIPT))["main"]
    monkeypatch.setitem(main.__globals__, "SECONDS", 1.0)
    assert main() == 0, capsys.readouterr().out
