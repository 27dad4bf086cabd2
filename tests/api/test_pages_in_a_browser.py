"""The documentation in a real browser that reaches no other server."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from api_server import Server

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
@pytest.mark.parametrize("page", ["docs", "redoc"])
def test_a_page_shows_the_operations(server: Server, tmp_path: Path, page: str) -> None:
    shown = subprocess.run(
        [
            *(str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *(f"--user-data-dir={tmp_path}", "--virtual-time-budget=20000", "--dump-dom"),
            *("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", f"{server.url}/{page}"),
        ],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    assert "/api/v1/pipelines" in shown.stdout
    assert "Make a pipeline of an epic" in shown.stdout or "Create Pipeline" in shown.stdout
