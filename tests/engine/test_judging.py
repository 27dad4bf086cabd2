"""Judging a merge: only what passes on the merged tree itself is done, merged or not."""

from __future__ import annotations

from engine_support import World, awaited, states, workstream

from penstock.adapters.memory import MOMENT, Judge, MemoryProject
from penstock.domain.commands import JudgeMerge, Member
from penstock.domain.events import MergeRefused, NothingLeft, NothingToMerge, VerdictGiven
from penstock.domain.plan import Acceptance, AcceptanceKind
from penstock.domain.run import AttemptId, Step
from penstock.domain.states import Reason, RunState
from penstock.engine import integration
from penstock.engine.integration import Judgement
from penstock.ports import AgentReport, AgentTask


async def judged_on_a_head_that_has_it_already(judge: Judge) -> Judgement:
    project = MemoryProject(judge=judge)
    world = World(workstreams=[workstream("a")], project=project)
    await world.made()
    candidate = project._commit({"src/a.txt": "a\n"}, (project.base,), "candidate")
    head = project._commit({"src/a.txt": "a\n", "x.txt": "x\n"}, (project.base,), "the same, and more")
    member = Member(workstream="a", attempt=AttemptId(step=Step.INTEGRATE, number=1), candidate=candidate)
    command = JudgeMerge(number=1, members=(member,), head=head.commit, at=MOMENT)
    return await integration.judge(world.context(), command, (await world.journal.load("run")).run)


@awaited
async def test_what_the_head_has_already_needs_no_merge_if_it_is_accepted_there() -> None:
    found = await judged_on_a_head_that_has_it_already(lambda _command, _tree: 0)
    assert isinstance(found, NothingToMerge)
    assert [result.command for result in found.results] == ["accept a"]


@awaited
async def test_what_the_head_has_already_is_refused_while_it_is_not_accepted_there() -> None:
    found = await judged_on_a_head_that_has_it_already(lambda _command, tree: int("x.txt" in tree))
    assert isinstance(found, MergeRefused)
    assert [finding.code for finding in found.findings] == ["runtime_failure"]


@awaited
async def test_the_acceptance_of_what_was_merged_before_is_owed_by_each_later_merge() -> None:
    world = World(workstreams=[workstream("a"), workstream("b", depends_on=("a",))])
    run = await world.start()
    assert states(run) == {"a": "done", "b": "done"}
    merged = world.project.branches["b"]
    tree = (await world.project.candidate(merged)).tree
    assert {command for command, asked in world.project.asked if asked == tree} == {"accept a", "accept b"}
    last = [entry.event for entry in world.journal.entries("run") if isinstance(entry.event, VerdictGiven)][-1]
    assert set(last.verdict.checks) == {"accept a", "accept b"}
    assert not last.verdict.unchecked
    assert not last.verdict.confined


@awaited
async def test_a_command_that_two_share_is_asked_once_and_counted_once() -> None:
    same = (Acceptance(kind=AcceptanceKind.COMMAND, text="go"),)
    world = World(workstreams=[workstream("a", acceptance=same), workstream("b", acceptance=same, after=("a",))])
    assert (await world.start()).state is RunState.COMPLETED
    last = [entry.event for entry in world.journal.entries("run") if isinstance(entry.event, VerdictGiven)][-1]
    assert last.verdict.checks == ("go",)


@awaited
async def test_a_merge_that_nothing_checks_says_so_in_its_verdict() -> None:
    world = World(workstreams=[workstream("a", acceptance=())])
    assert (await world.start()).state is RunState.COMPLETED
    (given,) = [entry.event for entry in world.journal.entries("run") if isinstance(entry.event, VerdictGiven)]
    assert given.verdict.unchecked


class Strays(MemoryProject):
    """A merge that brings a file which no candidate had."""

    async def merge(self, head: str, candidate: str, stamp: object) -> object:  # type: ignore[override] # a test's own
        merged = await super().merge(head, candidate, stamp)  # type: ignore[arg-type] # as above
        found = self._commit({**self.tree(merged.candidate.commit), "stray.txt": "x"}, (head, candidate), "stray")
        return type(merged)(candidate=found)


@awaited
async def test_a_merged_tree_that_leaves_the_scope_is_not_merged() -> None:
    def edit(_task: AgentTask, files: dict[str, str]) -> AgentReport | None:
        files["src/a.txt"] = "a\n"
        return None

    world = World(workstreams=[workstream("a")], project=Strays(edit=edit))
    run = await world.start()
    assert (run.state, run.reason) == (RunState.FAILED, Reason.POLICY_VIOLATION)
    assert any(isinstance(entry.event, NothingLeft) for entry in world.journal.entries("run"))
    assert world.project.branches["b"] == world.project.base
