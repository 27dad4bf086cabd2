"""A run's report over what Views answer: its state and why, each workstream, where the branch is, what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from penstock.domain.states import ACTIVE, ENDED, TERMINAL_RUN
from penstock.reports.plain import columns, counted, duration, markdown, one_line, sentence_and_hint
from penstock.reports.spending import money

View = Mapping[str, Any]
_ACTIVE, _ENDED, _OVER = ({str(state) for state in states} for states in (ACTIVE, ENDED, TERMINAL_RUN))
MOST_BROKEN = 20


def is_over(run: View) -> bool:
    """Whether the run has ended."""
    return run["status"] in _OVER


def as_text(run: View, *, holder: str = "", now: datetime | None = None) -> str:
    """The report for a terminal; `holder` says who works on the run."""
    lines = [f"run {run['run_id']}: {run['status']}", *(f"  {line}" for line in why(run)), ""]
    lines += columns(_facts(run, holder, now), indent="  ")
    lines += ["", *_workstream_lines(run)]
    following = next_steps(run, is_owned=bool(holder))
    if following:
        lines += ["", *following]
    return "\n".join(lines)


def why(run: View) -> list[str]:
    """The reason and the sentence of a run or workstream that did not complete, or what it waits for."""
    if run["status"] == "completed":
        return []
    if run.get("delay"):
        return [f"waits: {run['delay']}"]
    reason, (sentence, hint) = one_line(run.get("reason") or ""), sentence_and_hint(run.get("sentence") or "")
    said = [": ".join(part for part in (reason, sentence) if part)] if reason or sentence else []
    return [*said, f"hint: {hint}"] if hint else said


def _facts(run: View, holder: str, now: datetime | None) -> Iterator[tuple[str, str]]:
    yield "project", run.get("project") or "?"
    yield "branch", branch(run)
    times = span(run, now)
    if times:
        yield "time", times
    if holder:
        yield "worked on", holder
    if told := confinement(run):
        yield "confinement", told
    if used := spent(run):
        yield "models", used
    counts = run.get("counts") or {}
    total = sum(counts.values())
    if total:
        yield (
            "tally",
            f"{counted(total, 'workstream')}: {', '.join(f'{count} {state}' for state, count in counts.items())}",
        )


def spent(run: View) -> str:
    """What the run's model calls used and cost; empty while there are none."""
    used = run.get("usage") or {}
    if not used.get("calls"):
        return ""
    tokens = f"{used['input_tokens']:,} tokens read and {used['output_tokens']:,} written"
    cost = "no known price" if used["cost_usd"] is None else money(used["cost_usd"])
    doubts = [
        f"{counted(used[name], 'call')} {said}"
        for name, said in (("price_unknown", "without a known price"), ("estimated", "estimated"))
        if used[name] and not (name == "price_unknown" and used["cost_usd"] is None)
    ]
    return f"{counted(used['calls'], 'call')}, {tokens}, {cost}" + (f" ({', '.join(doubts)})" if doubts else "")


def confinement(run: View) -> str:
    """How many of the attempts were kept to their worktree by the system; empty while none has ended."""
    counts = run.get("confinement") or {}
    confined, total = counts.get("confined", 0), sum(counts.values())
    if confined == total:
        return f"all {counted(total, 'attempt')} confined" if total else ""
    return f"{total - confined} of {counted(total, 'attempt')} not confined"


def branch(run: View) -> str:
    """Where the branch is, and what it grew from."""
    head, base = run.get("head") or "", run.get("base") or ""
    if not head or head == base:
        return f"{run['branch']}, nothing merged yet (base {base[:12] or 'not known yet'})"
    return f"{run['branch']} at {head[:12]} (base {base[:12]})"


def span(run: View, now: datetime | None = None) -> str:
    """When it began and how long it took."""
    began = moment(run.get("started_at"))
    if began is None:
        return ""
    end = moment(run.get("completed_at")) if is_over(run) else now
    since = f"began {began:%Y-%m-%d %H:%M:%S} UTC"
    if end is None:
        return since
    took = duration((end - began).total_seconds())
    return f"{since}, {'took' if is_over(run) else 'for'} {took}"


def moment(text: object) -> datetime | None:
    """A time as Views write it."""
    return datetime.fromisoformat(str(text)).astimezone(UTC) if text else None


def tried(workstream: View) -> str:
    """How often each step was tried: `edit 1, static 2, fix 1`."""
    attempts = workstream.get("attempts") or {}
    order = ("edit", "static", "fix", "runtime", "review", "integrate")
    return ", ".join(f"{step} {attempts[step]}" for step in order if step in attempts)


def _workstream_lines(run: View) -> list[str]:
    rows: Sequence[View] = run.get("workstreams") or ()
    if not rows:
        return ["  no workstreams"]
    table = columns(
        [
            ("workstream", "state", "outcome", "attempts"),
            *((row["ws_id"], row["status"], row.get("outcome") or "-", tried(row)) for row in rows),
        ],
        indent="  ",
    )
    lines = [table[0]]
    for row, line in zip(rows, table[1:], strict=True):
        lines.append(line)
        lines += [f"      {one_line(text, 400)}" for text in (*why(row), *remarks(row))]
    return lines


def remarks(row: View) -> list[str]:
    """What else is to be known of a workstream: its test gates, tests that say less, and what is left to undo."""
    gates = ", ".join(gate["type"] for gate in row.get("test_gates") or ())
    asked = [line["text"] for line in row.get("compensation") or () if line["kind"] == "prose"]
    return [
        *([f"test gates: {gates}"] if gates else []),
        *(f"tests say less than before: {text}" for text in row.get("weakened_tests") or ()),
        *(f"for you to undo: {text}" for text in (reversed(asked) if row["status"] == "failed" else ())),
    ]


def next_steps(run: View, *, is_owned: bool = False) -> list[str]:
    """What the reader can do now."""
    lines = [f"waiting: {text}" for text in waits_for(run)]
    status, run_id = run["status"], run["run_id"]
    if not is_owned and not is_over(run) and not (lines and status == "running"):
        says = {"paused": "paused", "pending": "not begun"}.get(str(status), "not being worked on")
        lines.append(f"{says}; go on with: penstock resume {run_id}")
    if run.get("reason") == "budget_exhausted":
        epic = run.get("pipeline_id")
        others = f"{f'--pipeline {epic} is that of its epic, ' if epic else ''}without --run it is the project's"
        given = f"penstock budget set --run {run_id} --usd N (or --tokens N; {others})"
        lines.append(f"to go on: {given}, then penstock resume {run_id}")
    elif status in ("partial", "failed"):
        lines += [
            f"to try again: penstock reset-workstream {run_id} {row['ws_id']}, then penstock resume {run_id}"
            for row in (run.get("workstreams") or ())[:MOST_BROKEN]
            if row["status"] == "failed"
        ][:1]
    if status in ("partial", "failed"):
        lines.append(f"what went wrong: penstock show-errors {run_id}")
    return [*lines, *take_over(run)]


def take_over(run: View) -> list[str]:
    """Where the result is and the commands to look at it and to take it. They are shown and never run."""
    name, base, head = run["branch"], (run.get("base") or "")[:12], run.get("head") or ""
    if branch_waits(run):
        if run.get("pipeline_id"):
            return [f"the last phase of its epic pushes the branch: penstock epic show {run['pipeline_id']}"]
        return [f"the branch waits: {one_line(run['publication'])}"]
    if not run.get("published") or run["published"] == run.get("base"):
        is_elsewhere = head and head != run.get("base") and is_over(run)
        return ["the branch is not in your repository yet"] if is_elsewhere else []
    if head and run["published"] != head:
        return [f"the branch {name} in your repository is at {run['published'][:12]}, and not yet at {head[:12]}"]
    look = [
        f"the branch {name} is in your repository:",
        f"  look at it    git log --oneline {base}..{name}",
        f"                git diff {base}...{name}",
    ]
    if run.get("publication"):
        return [*look, f"  mind          {one_line(run['publication'])}"]
    return [*look, f"  take it over  git merge --ff-only {name}"]


def branch_waits(run: View) -> bool:
    """Whether something stands in the way of the branch to the user's repository."""
    return bool(run.get("publication")) and run.get("published") != run.get("head")


def waits_for(run: View) -> list[str]:
    """What only a person can bring on."""
    run_id, rows = run["run_id"], run.get("workstreams") or ()
    if is_over(run):
        return []
    waiting = [
        f"{row['ws_id']} waits for your approval: penstock approve {run_id} {row['ws_id']}"
        f" (or penstock reject {run_id} {row['ws_id']} --note ...)"
        + "".join(f"; tests say less than before: {text}" for text in row.get("weakened_tests") or ())
        for row in rows
        if row["status"] == "reviewing"
    ]
    gate = closed_gate(run)
    if not waiting and gate is not None:
        waiting.append(f"gate {gate} waits for your approval: penstock approve {run_id} --gate {gate}")
    return waiting


def closed_gate(run: View) -> int | None:
    """The gate that nothing but an approval can open: all before it has ended, and nothing runs."""
    rows = run.get("workstreams") or ()
    ready = [row["gate"] for row in rows if row["status"] == "ready"]
    if run["status"] != "running" or not ready or any(row["status"] in _ACTIVE for row in rows):
        return None
    gate = int(min(ready))
    before = [row for row in rows if row["gate"] < gate]
    return gate if before and all(row["status"] in _ENDED for row in before) else None


def as_markdown(run: View, *, holder: str = "", now: datetime | None = None) -> str:
    """The report as a document."""
    lines = [f"# Run {markdown(run['run_id'])}: {run['status']}", ""]
    lines += [f"{markdown(text)}\n" for text in why(run)]
    lines += [f"- {name}: {markdown(value)}" for name, value in _facts(run, holder, now)]
    lines += ["", "| workstream | state | outcome | attempts | why |", "|---|---|---|---|---|"]
    for row in run.get("workstreams") or ():
        cells = (
            row["ws_id"],
            row["status"],
            row.get("outcome") or "",
            tried(row),
            "; ".join((*why(row), *remarks(row))),
        )
        lines.append(f"| {' | '.join(map(markdown, cells))} |")
    following = next_steps(run, is_owned=bool(holder))
    if following:
        lines += ["", "## Next", "", "```", *following, "```"]
    return "\n".join(lines) + "\n"
