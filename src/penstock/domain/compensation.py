"""What a workstream that has failed for good leaves to be undone: commands, last first, and prose for people.

Nothing here changes a state. Each action is a command of its own, answered by an event of its own, so that after a kill
only those are run again whose outcome nobody knows. They stand in the dispatcher's order of the workstream: a folder is
released, and a reset begins, only after them. The run's end waits for them. A cancelled workstream has not failed: it
may have been stopped half-way in anything, and what to undo is for whoever cancelled it to say.
"""

from __future__ import annotations

from penstock.domain.commands import Compensate
from penstock.domain.draft import Draft
from penstock.domain.events import Compensated
from penstock.domain.plan import AcceptanceKind
from penstock.domain.refusals import EventRefused


def begin(draft: Draft, rank: int) -> None:
    """Give the commands of a workstream that has just failed, and note what is left to people."""
    workstream, progress = draft.plan.order[rank], draft[rank]
    if not progress.base:
        return  # it never began: there is no folder, and nothing to undo
    given = []
    for place, line in reversed(tuple(enumerate(workstream.compensation))):
        if line.kind is AcceptanceKind.COMMAND:
            given.append(Compensate(workstream=workstream.id, round=progress.round, place=place, action=line.text))
        else:
            draft.note("compensation_asked", rank, action=line.text)
    if given:
        draft.commands += given
        draft.set(compensating=(*draft.get("compensating"), *(command.key for command in given)))


def record(draft: Draft, event: Compensated) -> None:
    """Take note of what came of an action."""
    rank, waiting = draft.rank_of(event.workstream), draft.get("compensating")
    if event.command not in waiting:
        raise EventRefused(f"{event.command} is not a compensation action that is under way")
    draft.set(compensating=tuple(key for key in waiting if key != event.command))
    draft.note(
        "compensation_run",
        rank,
        action=event.action,
        exit_code=event.exit_code,
        duration=event.duration,
        sentence=event.sentence,
    )
