"""A run that did not complete, told to who makes a new plan: what is done, what failed of what, what is left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from penstock.planning.bounds import characters_of, first_lines, shares
from penstock.planning.drafts import Document
from penstock.planning.payloads import Payload, one_line, paths_in, rows_in, text_in, texts_in

DONE = "done"
MOST_ERRORS = 5
LONGEST_ERROR = 1500
RULES = (
    "Plan only what is left: what is done is on the branch, and no new workstream may repeat it or have its id. "
    "A new workstream may wait for a done one by its id. Give what failed another way: smaller steps, a scope that "
    "holds every file it needs, acceptance commands that can pass. What is given up on purpose stands under `debt` "
    "with its reason, and nowhere else."
)
Told = tuple[str, str]
"""A title, and what stands below it."""


def done_of(run: Payload) -> tuple[str, ...]:
    """The ids of the workstreams that a run has done."""
    return tuple(text_in(row, "ws_id") for row in _rows(run) if row.get("status") == DONE)


def replan_sections(
    run: Payload, errors: Sequence[Payload], documents: Sequence[Document], *, max_tokens: int
) -> tuple[Told, ...]:
    """What the analysis is told for a new plan: of the run as `Views.run` tells it, its errors, and the old bundles."""
    by_id = {str(one.get("id", "")): one for one in documents}
    done = [_told(row, by_id) for row in _rows(run) if row.get("status") == DONE]
    left = [_told(row, by_id) for row in _rows(run) if row.get("status") != DONE]
    wrong = [line for row in _rows(run) if row.get("status") != DONE for line in _wrong(row, errors)]
    said = one_line(": ".join(part for part in (text_in(run, "status"), text_in(run, "sentence")) if part), 500)
    sections = (("Work That Is Done", done), ("Work That Is Left", left), ("What Went Wrong", wrong))
    room = characters_of(max_tokens) - len(RULES) - len(said) - 100
    given = shares((sum(len(line) + 1 for line in lines) for _, lines in sections), room)
    shown = [
        (title, first_lines(lines, most))
        for (title, lines), most in zip(sections, given, strict=True)
        if lines and most
    ]
    return (("A New Plan", f"The run is {said}\n{RULES}"), *shown)


def _rows(run: Payload) -> tuple[Payload, ...]:
    return rows_in(run, "workstreams", most=1000)


def _told(row: Payload, by_id: Mapping[str, Document]) -> str:
    name = text_in(row, "ws_id")
    document = by_id.get(name, {})
    parts = [
        f"{name} ({text_in(row, 'status')}): {one_line(text_in(row, 'title'))}",
        _listed("may change", (*paths_in(document, "files_scope"), *paths_in(document, "files_create"))),
        _listed("waits for", texts_in(document, "depends_on")),
        _listed("tasks", (one_line(task, 300) for task in texts_in(document, "tasks"))),
    ]
    return "- " + "; ".join(part for part in parts if part)


def _listed(what: str, items: Iterable[str]) -> str:
    found = list(dict.fromkeys(items))
    more = f" and {len(found) - 20} more" if len(found) > 20 else ""
    return f"{what}: {', '.join(found[:20])}{more}" if found else ""


def _wrong(row: Payload, errors: Sequence[Payload]) -> list[str]:
    """Why a workstream is not done, and the latest errors that it met."""
    name = text_in(row, "ws_id")
    reason = ": ".join(part for part in (text_in(row, "reason"), text_in(row, "sentence")) if part)
    lines = [f"{name}: {one_line(reason, 500)}"] if reason else []
    mine = [one for one in errors if one.get("ws_id") == name]
    for one in mine[:MOST_ERRORS]:
        times = one.get("count")
        often = f" ({times} times)" if isinstance(times, int) and times > 1 else ""
        what = f"{text_in(one, 'step')} {text_in(one, 'error_code')}".strip()
        message = text_in(one, "message", most=LONGEST_ERROR).replace("\n", "\n  ")
        lines.append(f"{name}, {what}{often}: {message}")
    if len(mine) > MOST_ERRORS:
        lines.append(f"{name}: {len(mine) - MOST_ERRORS} earlier errors are left out")
    return lines
