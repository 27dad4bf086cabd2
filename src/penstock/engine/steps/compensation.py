"""compensation: one action of a workstream that has failed for good, run in the folder that was kept of it, confined
and without secrets like a check. Judges nothing.
"""

from __future__ import annotations

from penstock.domain.commands import Compensate
from penstock.domain.events import Compensated
from penstock.domain.plan import Check
from penstock.engine.checking import MOST_OUTPUT, from_the_project, said_by
from penstock.engine.context import Context
from penstock.ports import ToolContext


async def perform(context: Context, command: Compensate) -> Compensated:
    """Run the action; what can't be run is told by the dispatcher, for it changes no more than a red one."""
    worktree = await context.workspace.prepare(context.place(context.workstreams[command.workstream]), None)
    check = Check(name=command.label, command=command.action, timeout=context.settings.check_timeout)
    where = (context.run, command.workstream, command.label)
    folder, marker = await context.supervision.folder(*where), context.supervision.marker(*where)
    tools = ToolContext(worktree=worktree, folder=folder, marker=marker)
    answer = await context.tools.run_command(check, tools)
    return Compensated(
        workstream=command.workstream,
        command=command.key,
        action=command.action,
        exit_code=answer.exit_code,
        output=from_the_project(said_by(answer), worktree)[-MOST_OUTPUT:],
        duration=answer.duration_sec,
    )
