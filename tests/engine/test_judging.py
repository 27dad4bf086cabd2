"""Judging a merge: only what passes on the merged tree itself is done, merged or not."""

from __future__ import annotations

from engine_support import World, awaited, states, workstream

from penstock.adapters.memory import MOMENT, Judge, MemoryProject
from penstock.domain.commands import JudgeMerge, Member
from penstock.domain.events import MergeRefused, NothingLeft, NothingToMerge, VerdictGiven
from penstock.domain.plan import Acceptance, AcceptanceKind, Check, TestGate, Workstream
from penstock.domain.run import AttemptId, Policy, Step
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
    (found,) = [entry.event for entry in world.journal.entries("run") if isinstance(entry.event, NothingLeft)]
    (stray,) = found.aside.strays
    assert stray.patch.endswith("a/integrate-1/out_of_scope.patch")
    notes = [note for entry in world.journal.entries("run") if entry.decision for note in entry.decision.notes]
    assert [note.payload["patch"] for note in notes if note.type == "scope_violation"] == [stray.patch]
    assert world.project.branches["b"] == world.project.base


# A batch


class Chained:
    """Candidates on one base, to be judged together."""

    def __init__(self, *workstreams: Workstream, judge: Judge = lambda _command, _tree: 0) -> None:
        self.project = MemoryProject(files={"shared.txt": "base\n"}, judge=judge)
        self.world = World(workstreams=workstreams, project=self.project)

    def candidate(self, name: str, files: dict[str, str]) -> Member:
        """What a workstream wants to merge: the base with some files changed."""
        found = self.project._commit({"shared.txt": "base\n", **files}, (self.project.base,), name)
        return Member(workstream=name, attempt=AttemptId(step=Step.INTEGRATE, number=1), candidate=found)

    async def judged(self, *members: Member, head: str = "") -> Judgement:
        """What the queue is told of them."""
        await self.world.made()
        command = JudgeMerge(number=1, members=members, head=head or self.project.base, at=MOMENT)
        return await integration.judge(self.world.context(), command, (await self.world.journal.load("run")).run)


@awaited
async def test_of_a_batch_only_the_last_tree_is_verified_and_one_verdict_names_all() -> None:
    chained = Chained(workstream("a"), workstream("b"))
    found = await chained.judged(
        chained.candidate("a", {"src/a.txt": "a\n"}), chained.candidate("b", {"src/b.txt": "b\n"})
    )
    assert isinstance(found, VerdictGiven)
    assert (found.verdict.members, len(found.verdict.merges)) == (("a", "b"), 2)
    assert found.verdict.merges[-1] == found.verdict.commit
    assert set(found.verdict.checks) == {"accept a", "accept b"}
    assert {tree for _, tree in chained.project.asked} == {found.verdict.tree}
    await chained.project.advance(found.verdict)
    assert chained.project.tree(chained.project.branches["b"]).keys() == {"shared.txt", "src/a.txt", "src/b.txt"}


@awaited
async def test_who_conflicts_within_the_batch_is_put_off_and_who_conflicts_with_the_head_goes_to_fix() -> None:
    chained = Chained(*(workstream(name, "shared.txt", f"src/{name}.txt") for name in "abc"))
    head = chained.project._commit({"shared.txt": "base\n", "src/c.txt": "theirs\n"}, (chained.project.base,), "head")
    found = await chained.judged(
        chained.candidate("a", {"shared.txt": "a\n"}),
        chained.candidate("b", {"shared.txt": "b\n"}),
        chained.candidate("c", {"src/c.txt": "mine\n"}),
        head=head.commit,
    )
    assert isinstance(found, VerdictGiven)
    assert found.verdict.members == ("a",)
    assert found.aside.put_off == ("b",)
    (conflict,) = found.aside.conflicts
    assert (conflict.workstream, conflict.finding.code) == ("c", "merge_conflict")
    assert "src/c.txt" in conflict.finding.text
    assert (
        "a\n" not in chained.project.tree(conflict.start.commit)["shared.txt"]
    )  # marked on the head, not on the chain


@awaited
async def test_a_batch_of_which_nobody_remains_is_not_verified() -> None:
    chained = Chained(workstream("a"))
    found = await chained.judged(chained.candidate("a", {"elsewhere.txt": "a\n"}))
    assert isinstance(found, NothingLeft)
    assert [stray.workstream for stray in found.aside.strays] == ["a"]
    assert chained.project.asked == []


@awaited
async def test_a_member_that_adds_nothing_to_the_chain_is_verified_with_the_others_but_not_merged() -> None:
    same = {"src/a.txt": "a\n"}
    chained = Chained(workstream("a"), workstream("b", "src/a.txt"))
    found = await chained.judged(chained.candidate("a", same), chained.candidate("b", same))
    assert isinstance(found, VerdictGiven)
    assert (found.verdict.members, found.unchanged) == (("a",), ("b",))
    assert set(found.verdict.checks) == {"accept a", "accept b"}


@awaited
async def test_a_red_batch_says_which_command_is_red_and_on_which_tree() -> None:
    chained = Chained(workstream("a"), workstream("b"), judge=lambda command, _tree: int(command == "accept a"))
    found = await chained.judged(
        chained.candidate("a", {"src/a.txt": "a\n"}), chained.candidate("b", {"src/b.txt": "b\n"})
    )
    assert isinstance(found, MergeRefused)
    assert [finding.text.splitlines()[0] for finding in found.findings] == ["accept a: exit code 1"]
    assert chained.project.tree(found.start.commit).keys() == {"shared.txt", "src/a.txt", "src/b.txt"}


@awaited
async def test_a_batch_must_pass_the_gates_of_its_members_once_and_as_the_strictest_of_them_demands() -> None:
    shown, stopping = TestGate(group="unit", blocking=False), TestGate(group="unit", required=False)
    chained = Chained(
        workstream("a", test_gates=(shown,)),
        workstream("b", test_gates=(stopping,)),
        judge=lambda command, tree: int(command == "fast" and "src/b.txt" in tree),
    )
    chained.world.groups = {"unit": (Check(name="fast", command="fast"),)}
    members = [chained.candidate(name, {f"src/{name}.txt": "x\n"}) for name in "ab"]
    found = await chained.judged(*members)
    assert isinstance(found, MergeRefused)
    assert [finding.text.splitlines()[0] for finding in found.findings] == ["fast: exit code 1"]
    assert [result.kind for result in found.results].count("GATE_UNIT") == 1


@awaited
async def test_an_acceptance_is_owed_though_the_same_check_was_as_red_before() -> None:
    same = (Acceptance(kind=AcceptanceKind.COMMAND, text="go"),)
    chained = Chained(workstream("a", acceptance=same), judge=lambda command, _tree: int(command == "go"))
    chained.world.checks = (Check(name="go", command="go"),)
    found = await chained.judged(chained.candidate("a", {"src/a.txt": "a\n"}))
    assert isinstance(found, MergeRefused)
    assert [(result.kind, result.known) for result in found.results] == [("static", True), ("acceptance", False)]


@awaited
async def test_without_members_the_head_itself_is_verified() -> None:
    chained = Chained(workstream("a"), workstream("b"))
    chained.world.checks = (Check(name="lint", command="lint"),)
    found = await chained.judged()
    assert isinstance(found, NothingToMerge)
    assert [result.command for result in found.results] == ["lint"]


@awaited
async def test_where_only_the_touched_is_asked_strangers_are_not() -> None:
    seen: dict[str, set[str]] = {}
    for recheck in ("all", "touched"):
        world = World(
            workstreams=[workstream("a"), workstream("b", depends_on=("a",)), workstream("c", after=("b",))],
            policy=Policy(max_parallel=1, recheck=recheck),
        )
        assert (await world.start()).state is RunState.COMPLETED
        given = [entry.event for entry in world.journal.entries("run") if isinstance(entry.event, VerdictGiven)]
        seen[recheck] = set(given[-1].verdict.checks)
        proofs = [entry.event for entry in world.journal.entries("run") if isinstance(entry.event, NothingToMerge)]
        assert len(proofs) == (recheck == "touched")
    assert seen == {"all": {"accept a", "accept b", "accept c"}, "touched": {"accept c"}}
