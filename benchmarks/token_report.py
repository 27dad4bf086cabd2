"""How long the reports on usage take over a million calls of ten thousand pipelines in a file, and that they add up.

The records are made by SQL, their sums by the same statements that a migration fills them with; the reports are asked
as anybody asks them. What is printed is the median after warm-up, marked if it is over the bound, the worst, and the
time that the processor worked: on a machine with other work only that can be compared. A number may be given: so many
calls instead.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import islice
from pathlib import Path

from penstock.adapters.clock import SystemClock
from penstock.adapters.store.opening import Database, open_database
from penstock.ports.library import UsageFilter

CALLS = 1_000_000
OF_ONE = 100
"""Calls of one pipeline."""
BOUND = 200.0
"""Milliseconds."""
ROUNDS = 7
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 365

# Each pipeline begins at its own time of the year and lives for a day and a half: a planning phase has one role, one
# in seven calls is of a run's auditor, and one in fifty has no known price. One in ten calls is of no pipeline.
PIPELINES = """
INSERT INTO pipelines
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :pipelines)
SELECT printf('pip_%08x', i * 2654435761 % 4294967296), 'project-' || (i % 3), 'EPIC-' || i, printf('%.*c', 800, 'x'),
       '{}', 'complete', 'commit_phase', CASE i % 5 WHEN 0 THEN 'failed' ELSE 'complete' END, NULL, '', 1, 0, 0, '[]',
       'penstock/' || i, '', '', '', '', 20000, CASE i % 20 WHEN 0 THEN at END, 21000, 1, at, at, at
FROM (SELECT i, strftime('%Y-%m-%dT%H:%M:%S.000000Z', :first + i * :seconds / :pipelines, 'unixepoch') AS at FROM n)
"""
CALLS_MADE = """
INSERT INTO pipeline_prompt_usage (id, project, pipeline_id, run_id, role_name, phase_name, agent, model, streamed,
    used_at, input_tokens, output_tokens, cost_usd, price_unknown, estimated, claimed, status, tries, execution_time_ms)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :calls),
call AS (SELECT i, i / :of_one AS p, i % :of_one AS k, i * 48271 % 2147483647 AS r FROM n),
kind AS (SELECT *, CASE WHEN k < 4 THEN 'pm' WHEN k < 8 THEN 'architect' WHEN k < 12 THEN 'ba' WHEN k >= 97 THEN
    'qa' WHEN k >= 95 THEN 'pm_mentor' WHEN r % 7 = 0 THEN 'auditor' WHEN k % 2 THEN 'edit' ELSE 'fix' END AS role
    FROM call)
SELECT 'ppu_' || i, 'project-' || (p % 3),
       CASE WHEN p % 10 > 0 THEN printf('pip_%08x', p * 2654435761 % 4294967296) END, NULL, role,
       CASE role WHEN 'pm' THEN 'pm_phase' WHEN 'pm_mentor' THEN 'pm_phase' WHEN 'architect' THEN 'arch_phase'
       WHEN 'auditor' THEN 'review' WHEN 'ba' THEN 'ba_phase' WHEN 'qa' THEN 'qa_phase' ELSE role END,
       CASE WHEN role IN ('edit', 'fix') THEN CASE p % 2 WHEN 0 THEN 'aider' ELSE 'claude' END END, 'model-' || (p % 4),
       0, strftime('%Y-%m-%dT%H:%M:%S.000000Z', :first + p * :seconds * :of_one / :calls + k * 1300, 'unixepoch'),
       r % 20000, r % 900, CASE WHEN r % 50 > 0 THEN r % 60000 END, r % 50 = 0, 0, 0, 'ok', 1, r % 30000
FROM kind
"""


def fill(path: Path, calls: int) -> None:
    """Make the records, then their sums."""
    migration = import_module("penstock.adapters.store.migrations.versions.0003_create_role_prompt_tables")
    numbers = {
        "calls": calls,
        "of_one": OF_ONE,
        "pipelines": calls // OF_ONE,
        "first": int(FIRST.timestamp()),
        "seconds": DAYS * 86_400,
    }
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.executemany("INSERT INTO projects VALUES (?, '/p', '')", [(f"project-{n}",) for n in range(3)])
        connection.execute(PIPELINES, numbers)
        connection.execute(CALLS_MADE, numbers)
        connection.execute(migration.FILL_DAYS)
        connection.execute(migration.FILL_PIPELINES)
        connection.commit()
        for table in ("pipeline_prompt_usage", "usage_by_day", "usage_by_pipeline"):
            print(f"{table}: {connection.execute(f'SELECT count(*) FROM {table}').fetchone()[0]:,} rows")


def timed(name: str, ask: Callable[[], object]) -> None:
    """One line."""
    ask()
    times, cpu = [], []
    for _ in range(ROUNDS):
        begun, worked = time.perf_counter(), time.process_time()
        ask()
        times.append((time.perf_counter() - begun) * 1000)
        cpu.append((time.process_time() - worked) * 1000)
    mark = f"   over {BOUND:.0f} ms" if statistics.median(times) > BOUND else ""
    print(
        f"{statistics.median(times):8.1f} ms (worst {max(times):6.1f}, cpu {statistics.median(cpu):6.1f})  {name}{mark}"
    )


def filters(database: Database) -> dict[str, UsageFilter]:
    """What is asked for, by name."""
    one, day, hour = database.views.metrics_recent(1000)[-1]["pipeline_id"], timedelta(days=1), timedelta(minutes=617)
    march, until = FIRST + 59 * day, FIRST + 90 * day
    return {
        "everything": UsageFilter(),
        "a month": UsageFilter(since=march, until=until),
        "a month, from and until within a day": UsageFilter(since=march + hour, until=until + hour),
        "a day": UsageFilter(since=march, until=march + day),
        "two hours": UsageFilter(since=march + hour, until=march + hour + day / 12),
        "all but a month": UsageFilter(since=FIRST + 30 * day),
        "all but a month, from within a day": UsageFilter(since=FIRST + 30 * day + hour),
        "a project": UsageFilter(project="project-1"),
        "a phase": UsageFilter(phase="edit"),
        "a role": UsageFilter(role="auditor"),
        "a phase in a month": UsageFilter(phase="edit", since=march, until=until),
        "a role of a project, all but a month": UsageFilter(
            role="fix", project="project-2", since=FIRST + 30 * day + hour
        ),
        "a pipeline": UsageFilter(pipeline=one),
        "a pipeline in a month": UsageFilter(pipeline=one, since=march, until=until),
    }


def must_add_up(database: Database, name: str, wanted: UsageFilter) -> None:
    """Every list of a report adds up to its totals, and these to what the records say."""
    told = database.views.token_report(wanted)
    total = (told["total_input_tokens"], told["total_output_tokens"], told["price_unknown"])
    for part in (one for one in told if one.startswith("by_")):
        lines = told[part]
        sums = tuple(sum(line[kind] for line in lines) for kind in ("input_tokens", "output_tokens", "price_unknown"))
        assert sums == total, (name, part, sums, total)
        cost = round(sum(line["cost_usd"] or 0 for line in lines), 6)
        assert cost == (told["total_cost_usd"] or 0), (name, part, cost, told["total_cost_usd"])
    assert sum(one["tokens"] for one in told["trend"]) == told["total_tokens"], name


def main() -> None:
    """Fill, check, measure."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else CALLS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "home" / "penstock.db"
        open_database(path, SystemClock()).close()
        begun = time.perf_counter()
        fill(path, calls)
        print(f"made in {time.perf_counter() - begun:.0f} s")
        database = open_database(path, SystemClock())
        views, asked = database.views, filters(database)
        records = sum(row["input_tokens"] for row in views.usage_rows(UsageFilter()))
        assert views.token_report(UsageFilter())["total_input_tokens"] == records
        for name, wanted in asked.items():
            must_add_up(database, name, wanted)
        print("all lists of all reports add up")
        for name, wanted in asked.items():
            timed(f"token_report: {name}", lambda wanted=wanted: views.token_report(wanted))
        one = asked["a pipeline"].pipeline
        timed("pipeline_tokens", lambda: views.pipeline_tokens(one))
        timed("metrics_summary", views.metrics_summary)
        timed("metrics_of", lambda: views.metrics_of(one))
        timed("metrics_recent", views.metrics_recent)
        timed("daily_costs", views.daily_costs)
        timed("the first 2000 usage_rows", lambda: list(islice(views.usage_rows(UsageFilter()), 2000)))
        database.close()


if __name__ == "__main__":
    main()
