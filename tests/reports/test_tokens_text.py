"""The token report for people and spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from penstock.reports.tokens import ENTRY, as_lines, cell, csv_lines


def entry(key: str, calls: int = 1, cost: float | None = 0.25, unknown: int = 0) -> dict[str, Any]:
    told = {"key": key, "calls": calls, "input_tokens": 10, "output_tokens": 5}
    return {**told, "cost_usd": cost, "price_unknown": calls if cost is None else unknown}


REPORT: dict[str, Any] = {
    "total_input_tokens": 1200,
    "total_output_tokens": 300,
    "total_tokens": 1500,
    "total_cost_usd": 0.25,
    "price_unknown": 2,
    **{f"by_{name}": [entry(f"a {name}")] for name in ("pipeline", "phase", "role", "model", "agent", "day")},
    "average_tokens_per_phase": {"pm_phase": 1500.0},
    "trend": [{"date": "2026-03-01", "tokens": 1500, "cost_usd": 0.25}],
    "alerts": [{"pipeline_id": "pip_1", "budget_tokens": 1000, "used_tokens": 1500, "at": "2026-03-01T12:00:00Z"}],
}


def test_a_report_tells_totals_tables_and_alerts() -> None:
    text = "\n".join(as_lines(REPORT))
    assert "1,500 tokens: 1,200 read, 300 written" in text
    assert "besides 2 calls without a known price" in text
    assert "over its budget: pip_1 with 1,500 tokens of 1,000" in text
    assert all(f"a {name}" in text for name in ("pipeline", "phase", "role", "model"))


def test_one_way_of_adding_up_is_one_table() -> None:
    lines = as_lines({**REPORT, "alerts": []}, "agent")
    assert [line.split()[0] for line in lines if line] == ["1,500", "agent", "a"]


@pytest.mark.parametrize("way", ["model", "day"])
def test_a_line_says_of_how_many_calls_nobody_knows_the_price(way: str) -> None:
    lines = [entry("none", 5, None), entry("some", 5, 0.01, unknown=2), entry("all", 5, 0.25), entry("free", 5, 0.0)]
    found = {line.split()[0]: line for line in as_lines({**REPORT, f"by_{way}": lines}) if line}
    assert found["none"].endswith("  price unknown")
    assert found["some"].endswith("  $0.01 besides 2 calls without a known price")
    assert (found["all"][-7:], found["free"][-7:]) == ("  $0.25", "  $0.00")


def test_a_report_on_nothing_says_so() -> None:
    empty = {f"by_{name}": [] for name in ("pipeline", "phase", "role", "model", "agent", "day")}
    none = {"total_input_tokens": 0, "total_output_tokens": 0, "total_tokens": 0, "total_cost_usd": 0.0}
    lines = as_lines({**none, **empty, "average_tokens_per_phase": {}, "trend": [], "alerts": []})
    assert "by pipeline: nothing" in lines


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "  =1", "＝1", "=HYPERLINK('x')"])
def test_no_text_is_a_formula(text: str) -> None:
    assert str(cell(text)).startswith("'")


@pytest.mark.parametrize("value", [0, -5, 1.5, None, True, "a=b", "plain", ""])
def test_what_is_no_formula_stays(value: object) -> None:
    assert cell(value) == value


def test_csv_comes_line_by_line_and_is_read_back() -> None:
    rows = [entry('pip_"1",\n2'), entry("=cmd"), entry("plain", cost=None)]
    pieces = list(csv_lines(iter(rows), ENTRY))
    assert len(pieces) == len(rows) + 1
    found = list(csv.DictReader(io.StringIO("".join(pieces))))
    assert [one["key"] for one in found] == ['pip_"1",\n2', "'=cmd", "plain"]
    assert [one["cost_usd"] for one in found] == ["0.25", "0.25", ""]


def test_csv_of_nothing_has_its_names_alone() -> None:
    assert "".join(csv_lines([], ENTRY)) == ",".join(ENTRY) + "\n"
    assert "".join(csv_lines([])) == ""
