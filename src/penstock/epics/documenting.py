"""The documents of an epic as files of its project: written by a run of their own, which must pass what any run must.

It asks no model. Nothing is written where the project names no folder for documents.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from penstock.config.pipeline import PipelineSettings
from penstock.domain.cutting import cut
from penstock.domain.errors import WorldError
from penstock.domain.run import Run
from penstock.domain.states import TERMINAL_RUN, RunState
from penstock.epics import runs
from penstock.epics.desk import Desk
from penstock.planning.naming import change_of
from penstock.ports import Headway

TYPES = ("epic", "arch_notes", "ba_spec", "qa_result")
WORKSTREAM, PLAYER = "ws-documents", "scripted"
LONGEST_DOCUMENT = 200_000
"""Characters of one document; what is longer is cut in its middle, and that is said."""
LONGEST_NAME = 80
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class NotDocumented(WorldError):
    """The documents could not be written into the project; nothing is lost, and it can be tried again."""


async def documented(desk: Desk) -> Desk:
    """The desk, its head one that holds the documents, if the project wants them. Repeated after a kill, it goes on."""
    folder = desk.opened.settings.node(PipelineSettings).docs_path.rstrip("/")
    if not folder:
        return desk
    run_id, is_stored = await _run_of(desk)
    if not is_stored:
        files = await _changed(desk, files_of(desk, folder))
        if not files:
            return desk
        await runs.begin(desk, run_id, (bundle_of(files, epic=desk.pipeline.epic_id),))
    run = await desk.house.service.work(run_id, stays=desk.stays)
    if run.state is not RunState.COMPLETED:
        raise _not_documented(run) if run.state in TERMINAL_RUN else runs.waiting(run)
    return await _gone_on(desk, run)


async def _run_of(desk: Desk) -> tuple[str, bool]:
    """The run that writes them, and whether it is stored: after one that came to nothing, or whose documents are on the
    branch, there is another.
    """
    number, newest = 1, f"{desk.pipeline.id}-docs"
    while await runs.exists(desk, following := f"{desk.pipeline.id}-docs-{number + 1}"):
        number, newest = number + 1, following
    if not await runs.exists(desk, newest):
        return newest, False
    state = (await desk.parts.journal.load(newest)).run.state
    is_over = desk.pipeline.run == newest if state is RunState.COMPLETED else state in TERMINAL_RUN
    return (following, False) if is_over else (newest, True)


def files_of(desk: Desk, folder: str) -> Mapping[str, str]:
    """The document of each newest artifact by the path that it gets."""
    place = f"{folder}/{folder_of(desk.pipeline.epic_id)}"
    found = {kind: desk.newest(kind) for kind in TYPES}
    return {
        f"{place}/{kind}.md": cut(one.markdown, LONGEST_DOCUMENT).rstrip("\n") + "\n"
        for kind, one in found.items()
        if one is not None
    }


def folder_of(epic_id: str) -> str:
    """An epic's id as the name of a folder; two ids never share one."""
    plain = _UNSAFE.sub("-", epic_id).strip("-.")[:LONGEST_NAME]
    if plain == epic_id:
        return plain
    return f"{plain or 'epic'}-{hashlib.sha256(epic_id.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


async def _changed(desk: Desk, files: Mapping[str, str]) -> Mapping[str, str]:
    """Those that the branch does not hold as they are."""
    history = desk.opened.parts.history
    return {path: content for path, content in files.items() if await history.read(desk.head, path) != content.encode()}


def bundle_of(files: Mapping[str, str], *, epic: str) -> Mapping[str, Any]:
    """The workstream that writes some files: an agent plays it that reads no text and asks nobody."""
    return {
        "id": WORKSTREAM,
        "openspec_change": change_of(epic),
        "gate": 1,
        "files_scope": list(files),
        "tasks": ["Write the documents of the epic"],
        "acceptance_tests": [{"run": f"test -s {shlex.quote(path)}"} for path in files],
        "tool": PLAYER,
        "metadata": {
            "title": "Write the documents of the epic",
            "scripted": [[{"write": {"path": path, "content": content}} for path, content in files.items()]],
        },
    }


async def _gone_on(desk: Desk, run: Run) -> Desk:
    pipeline = replace(desk.pipeline, run=run.id, head=run.head or desk.head)
    note = desk.note("run_ended", run_id=run.id, state=run.state.value)
    return await desk.commit(Headway(pipeline=pipeline, notes=(note,)))


def _not_documented(run: Run) -> NotDocumented:
    said = f" ({run.sentence})" if run.sentence else ""
    return NotDocumented(
        f"the documents are not written into the project: run {run.id} is {run.state.value}{said}",
        hint=f"see `penstock show-run {run.id}`; then advance again, or leave out docs_path in [pipeline]",
    )
