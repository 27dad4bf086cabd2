"""Tokens, money and budgets over HTTP."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import httpx2
import pytest
from api_server import Server

from penstock.adapters.store.failures import DatabaseBusy
from penstock.adapters.store.usage_reports import SqlUsageReports
from penstock.reports.tokens import ENTRY


def test_without_any_call_everything_is_zero(locked: Server) -> None:
    key = {"X-API-Key": "first-key"}
    summary = locked.get("/metrics/summary", headers=key)
    assert {summary[name] for name in ("total_pipelines", "total_input_tokens", "success_count")} == {0}
    report = locked.get("/metrics/tokens", headers=key)
    assert report["total_tokens"] == 0
    assert (report["by_phase"], report["alerts"]) == ([], [])
    assert report == locked.get("/api/v1/usage/report", headers=key)
    assert locked.get("/metrics/recent", headers=key) == []
    assert len(locked.get("/metrics/daily-costs?days=3", headers=key)) == 3


def test_a_pipeline_without_calls_is_told(server: Server) -> None:
    pipeline = server.pipeline("Count me")
    found = server.get(f"/metrics/pipelines/{pipeline}")
    assert (found["epic_description"], found["current_phase"]) == ("Count me", "pm_phase")
    assert found["phase_breakdown"] == []
    assert pipeline in [one["pipeline_id"] for one in server.get("/metrics/recent?limit=200")]
    assert server.get(f"/metrics/tokens?pipeline={pipeline}")["total_tokens"] == 0


def test_sums_as_csv(server: Server) -> None:
    answer = server.client.get("/metrics/tokens?format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    (head, *_) = csv.reader(io.StringIO(answer.text))
    assert head == ["by", *ENTRY]
    assert server.client.get("/api/v1/usage/export?format=json").json() == []
    assert server.client.get("/api/v1/usage/export").status_code == 200


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_database_that_fails_in_the_middle_of_a_file_ends_it_without_an_end_and_one_line_says_why(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, form: str
) -> None:
    def rows(*_: object) -> Iterator[dict[str, object]]:
        yield {"id": "ppu_1"}
        raise DatabaseBusy("the database is busy")

    monkeypatch.setattr(SqlUsageReports, "usage_rows", rows)
    with pytest.raises(httpx2.RemoteProtocolError):
        server.client.get(f"/api/v1/usage/export?format={form}")
    assert "request_failed" not in caplog.text
    assert ": the database is busy" in caplog.text.partition("answer_broken_off")[2].splitlines()[0]


@pytest.mark.parametrize("path", ["/metrics/tokens", "/api/v1/usage/report", "/api/v1/usage/export"])
@pytest.mark.parametrize(
    ("question", "status"),
    [
        ("pipeline=pip_none", 404),
        ("since=yesterday", 422),
        ("since=0001-01-01T00:00:00%2B14:00", 422),
        ("until=9999-12-31T23:59:59-14:00", 422),
        ("until=9999-12-31", 422),
        ("format=xml", 422),
    ],
)
def test_a_question_that_can_not_be_is_refused(server: Server, path: str, question: str, status: int) -> None:
    if "report" in path and "format" in question:
        return
    server.get(f"{path}?{question}", status)


def test_the_page_of_metrics_refreshes_itself_and_escapes(server: Server) -> None:
    assert "total_pipelines" in server.get("/metrics")
    page = server.client.get("/metrics", headers={"Accept": "text/html"})
    assert '<meta http-equiv="refresh" content="30">' in page.text
    assert "<script" not in page.text


def test_sums_for_prometheus(server: Server) -> None:
    lines = server.client.get("/metrics/prometheus").text.splitlines()
    values = dict(line.split(" ") for line in lines if not line.startswith("#"))
    assert int(values["penstock_pipelines"]) == server.get("/metrics/summary")["total_pipelines"]
    assert sum(line.startswith("# TYPE") for line in lines) == len(values)


def test_a_cap_is_set_and_lifted(server: Server) -> None:
    pipeline = server.pipeline()
    account = server.put("/api/v1/budgets", {"pipeline_id": pipeline, "usd": 2.5})
    assert (account["level"], account["key"], account["cap_usd"]) == ("pipeline", pipeline, 2.5)
    assert account in server.get("/api/v1/budgets?limit=500")
    assert server.put("/api/v1/budgets", {"pipeline_id": pipeline, "no_limit": True})["cap_usd"] is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"usd": -1}, 422),
        ({"usd": 1e300}, 422),
        ({"usd": 1, "no_limit": True}, 422),
        ({"usd": 1, "run_id": "run-none"}, 404),
        ({"usd": 1, "pipeline_id": "pip_none"}, 404),
        ({"usd": 1, "ws_id": "ws-one"}, 422),
    ],
)
def test_a_cap_that_can_not_be_is_refused(server: Server, body: dict[str, object], status: int) -> None:
    before = server.get("/api/v1/budgets?limit=500")
    server.put("/api/v1/budgets", body, status)
    assert server.get("/api/v1/budgets?limit=500") == before
