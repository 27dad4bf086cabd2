"""A check whose keeper was killed has said nothing: it is asked again, and three losses in a row are the machine's."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from engine_support import RUN, World, awaited, states, workstream, writes_its_file

from penstock.adapters.memory import MemoryProject
from penstock.domain.events import StepFinished
from penstock.domain.plan import Check
from penstock.domain.run import Step
from penstock.domain.states import Reason, RunState
from penstock.domain.tool_result import ToolResult
from penstock.ports import ProcessLost, ToolContext


@dataclass(kw_only=True)
class Losing(MemoryProject):
    """A machine that loses a command so many times."""

    losses: dict[str, int] = field(default_factory=dict)

    async def run_command(self, check: Check, context: ToolContext) -> ToolResult:
        if self.losses.get(check.command, 0):
            self.losses[check.command] -= 1
            raise ProcessLost("gone")
        return await super().run_command(check, context)


def world(**losses: int) -> World:
    project = Losing(edit=writes_its_file, losses=losses)
    return World(workstreams=[workstream("a")], project=project, checks=(Check(name="lint", command="lint"),))


@awaited
async def test_a_lost_check_is_asked_again_and_no_fix_is() -> None:
    one = world(lint=2)
    assert states(await one.start()) == {"a": "done"}
    ended = [entry.event for entry in one.journal.entries(RUN) if isinstance(entry.event, StepFinished)]
    assert [(event.attempt.step, event.attempt.retry) for event in ended] == [
        (Step.EDIT, 0),
        (Step.STATIC, 2),
        (Step.RUNTIME, 0),
    ]


@awaited
async def test_three_losses_in_a_row_fail_the_workstream_for_the_machines_sake() -> None:
    run = await world(lint=3).start()
    assert (run.state, run.reason) == (RunState.FAILED, Reason.ENVIRONMENT)
    assert "static-1 was lost 3 times in a row" in run.sentence


class LosingMerges(Losing):
    """A merge brings a tree that no check has seen, and its first checks are lost."""

    to_lose = 0

    async def merge(self, head: str, candidate: str, stamp: object) -> object:  # type: ignore[override] # a test's own
        merged = await super().merge(head, candidate, stamp)  # type: ignore[arg-type] # as above
        files = {**self.tree(merged.candidate.commit), "src/a.txt": "merged\n"}
        self.losses.setdefault("lint", self.to_lose)
        return type(merged)(candidate=self._commit(files, (head, candidate), "merged"))


@awaited
@pytest.mark.parametrize(("losses", "state"), [(2, "done"), (3, "failed")])
async def test_a_lost_check_of_a_merged_tree_is_lost_too(losses: int, state: str) -> None:
    one = world()
    one.project = LosingMerges(edit=writes_its_file)
    one.project.to_lose = losses
    assert states(await one.start()) == {"a": state}
