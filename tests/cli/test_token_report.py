"""The token report from the command line, over a real store: every form of it agrees with the others."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from penstock.bootstrap import build
from penstock.domain.usage import Caller
from pipeline_support import NOON, a_pipeline, an_artifact, paid, stored

if TYPE_CHECKING:
    from .conftest import Desk


@pytest.fixture
def spent(desk: Desk) -> dict[str, str]:
    """Two pipelines of the project with calls on two days, and an artifact whose title is a formula."""

    async def work() -> dict[str, str]:
        penstock = build(folder=desk.project, environ=desk.environ)
        project = penstock.projects.current()
        of = {"project": project.id, "project_path": str(project.path)}
        one = a_pipeline(id="pip_one", epic_id="=1+1", **of)
        one = await stored(penstock.parts, one, an_artifact(one), an_artifact(one, "arch_notes"))
        other = await stored(penstock.parts, a_pipeline(id="pip_two", created_at=NOON + timedelta(1), **of))
        ledger = penstock.parts.ledger
        for number in range(3):
            caller = Caller(project=project.id, pipeline=one.id, phase="pm_phase", role="pm")
            await paid(ledger, caller, 100, 10, micros=20, at=NOON + timedelta(days=number))
        caller = Caller(project=project.id, pipeline=other.id, phase="arch_phase", role="architect")
        await paid(ledger, caller, 7, 3, micros=None)
        await penstock.close()
        return {"one": one.id, "other": other.id}

    return asyncio.run(work())


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_all_forms_agree_to_the_token(ask: Any, spent: dict[str, str]) -> None:
    report = ask("token-report", "--json").json
    assert (report["total_input_tokens"], report["total_output_tokens"], report["total_tokens"]) == (307, 33, 340)
    assert report["price_unknown"] == 1
    for way in ("pipeline", "phase", "role", "model", "agent", "day"):
        entries = rows(ask("token-report", "--format", "csv", "--by", way).out)
        assert sum(int(one["input_tokens"]) + int(one["output_tokens"]) for one in entries) == 340
        assert sum(one["input_tokens"] + one["output_tokens"] for one in report[f"by_{way}"]) == 340
    assert "340 tokens: 307 read, 33 written" in ask("token-report").out
    calls = rows(ask("token-report", "--calls", "--format", "csv").out)
    assert sum(int(one["input_tokens"]) + int(one["output_tokens"]) for one in calls) == 340
    lines = [json.loads(line) for line in ask("token-report", "--calls", "--json").out.splitlines()]
    assert len(lines) == len(calls) == 4


def test_one_pipeline_one_window(ask: Any, spent: dict[str, str]) -> None:
    def tokens(*arguments: str) -> int:
        return int(ask("token-report", "--json", *arguments).json["total_tokens"])

    assert tokens("--pipeline", "pip_one") == 330
    assert tokens("--pipeline", "latest") == 10
    assert tokens("--here") == 340
    assert tokens("--since", "2026-03-02") == 220
    assert tokens("--since", "2026-03-01", "--until", "2026-03-01") == 120
    assert tokens("--until", "2026-03-02T12:00:00+00:00") == 120
    by_phase = rows(ask("token-report", "--pipeline", "pip_one", "--format", "csv").out)
    assert [one["key"] for one in by_phase] == ["pm_phase"]


@pytest.mark.parametrize(
    ("option", "moment"),
    [
        ("--since", "0001-01-01T00:00+05:00"),
        ("--since", "9999-12-31"),
        ("--until", "9999-12-31"),
        ("--until", "9999-12-31T23:59-05:00"),
        ("--until", "2026-02-30"),
        ("--until", "tomorrow"),
    ],
)
def test_a_day_or_moment_that_can_not_be_is_refused_in_words(ask: Any, option: str, moment: str) -> None:
    said = ask("token-report", option, moment)
    assert said.code == 2
    assert f"{option} is '{moment}'; possible are a day like 2026-01-31" in said.err


def test_an_export_goes_into_a_file_that_is_whole_or_not_there(ask: Any, desk: Desk, spent: dict[str, str]) -> None:
    asked = ask("token-report", "--format", "csv", "--output", "report.csv")
    assert (asked.code, asked.out) == (0, "")
    assert {one["key"] for one in rows((desk.project / "report.csv").read_text())} == {"pip_one", "pip_two"}
    refused = ask("token-report", "--format", "csv", "--output", "nowhere/report.csv")
    assert refused.code == 3
    assert "can't be written" in refused.err
    assert [path.name for path in desk.project.glob(".penstock-*")] == []


def test_an_output_that_is_no_file_is_written_to_and_never_replaced(
    ask: Any, desk: Desk, spent: dict[str, str]
) -> None:
    os.mkfifo(desk.project / "pipe")
    with subprocess.Popen(["cat", "pipe"], cwd=desk.project, stdout=subprocess.PIPE, text=True) as reader:
        try:
            assert ask("token-report", "--format", "csv", "--output", "pipe").code == 0
            said = reader.communicate(timeout=20)[0]
        finally:
            reader.kill()
    assert {one["key"] for one in rows(said)} == {"pip_one", "pip_two"}
    assert (desk.project / "pipe").is_fifo()
    (desk.project / "kept.csv").write_text("old")
    (desk.project / "link.csv").symlink_to("kept.csv")
    assert ask("token-report", "--format", "csv", "--output", "link.csv").code == 0
    assert (desk.project / "link.csv").is_symlink()
    assert (desk.project / "kept.csv").read_text() == said
    for folder in ("/", "."):
        refused = ask("token-report", "--output", folder)
        assert (refused.code, "can't be written" in refused.err) == (3, True), refused.err
    assert ask("token-report", "--output", "").code == 2


def test_artifacts_are_given_as_json_and_as_documents(ask: Any, desk: Desk, spent: dict[str, str]) -> None:
    assert ask("artifacts", "pip_one", "--json").json == {
        "epic": {"title": "Ä thing"},
        "arch_notes": {"title": "Ä thing"},
    }
    assert ask("artifacts", "pip_one", "epic").json == {"title": "Ä thing"}
    assert ask("artifacts", "pip_one", "arch_spec").json == {"title": "Ä thing"}
    assert ask("artifacts", "pip_one", "epic", "--format", "markdown").out == "# Ä thing\n"
    assert ask("artifacts", "pip_one", "epic", "--format", "html", "--output", "epic.html").code == 0
    assert (desk.project / "epic.html").read_text() == "<h1>Ä thing</h1>\n"
    missing = ask("artifacts", "pip_one", "qa_report")
    assert (missing.code, "it has no artifact" in missing.err or "has no artifact" in missing.err) == (2, True)
    assert "there is no artifact type" in ask("artifacts", "pip_one", "poem").err


def test_pipelines_are_listed_newest_first(ask: Any, spent: dict[str, str]) -> None:
    assert [one["pipeline_id"] for one in ask("epic", "list", "--json").json] == ["pip_two", "pip_one"]
    assert ask("epic", "list", "--status", "complete").out == "no pipelines\n"
    assert "pm_phase" in ask("epic", "list", "--limit", "1").out
