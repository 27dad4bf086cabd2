"""How far a plan has come: frozen values, one per run and one per workstream. Only `step` makes new ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from penstock.domain.bisection import Stack
from penstock.domain.breaker import DEFAULT_LIMITS, NOTHING_RED, BreakerLimits, BreakerState
from penstock.domain.changes import Candidate, Finding
from penstock.domain.copies import quickly_made
from penstock.domain.ranked import RankedPlan
from penstock.domain.ranks import NO_RANKS, RankSet, Rows
from penstock.domain.states import ENDED, Reason, RunState, WorkstreamState


class Step(StrEnum):
    """What is done to a workstream, one attempt at a time."""

    EDIT = "edit"
    FIX = "fix"
    STATIC = "static"
    RUNTIME = "runtime"
    REVIEW = "review"
    INTEGRATE = "integrate"


STEP_OF: dict[WorkstreamState, Step] = {
    WorkstreamState.EDITING: Step.EDIT,
    WorkstreamState.FIXING: Step.FIX,
    WorkstreamState.STATIC_CHECK: Step.STATIC,
    WorkstreamState.RUNTIME_CHECK: Step.RUNTIME,
    WorkstreamState.REVIEWING: Step.REVIEW,
    WorkstreamState.INTEGRATING: Step.INTEGRATE,
}


class Outcome(StrEnum):
    """How a workstream got done."""

    MERGED = "merged"
    NO_CHANGE = "no_change"
    SKIPPED = "skipped"


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptId:
    """One try of one step: counted per workstream, round and step. A lost try is tried again under its own number."""

    step: Step
    number: int
    round: int = 1
    retry: int = 0

    @property
    def label(self) -> str:
        """`edit-1`; after a reset `2.edit-1`. Each repetition of a lost try has it too: so its commits are the same."""
        return f"{self.step}-{self.number}" if self.round == 1 else f"{self.round}.{self.step}-{self.number}"

    @property
    def key(self) -> str:
        """The label with the repetition, unique in the workstream."""
        return self.label if self.retry == 0 else f"{self.label}.{self.retry}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one workstream has come. Scope is judged from `base`; the next edit begins with `start`."""

    state: WorkstreamState = WorkstreamState.PENDING
    round: int = 1
    attempt: AttemptId | None = None
    """What runs now, or runs next when `held`."""
    held: bool = False
    """Nothing runs although it could: the run was paused before or within this step."""
    delay: str = ""
    """What the present attempt waits for before it begins, in words: a slot, memory, disk."""
    attempts: tuple[tuple[Step, int], ...] = ()
    agent_runs: int = 0
    claimed: int = 0
    """How many attempts others say that they made, in this round."""
    lost: int = 0
    base: str = ""
    start: str = ""
    candidate: Candidate | None = None
    unchanged: bool = False
    findings: tuple[Finding, ...] = ()
    note: str = ""
    weakened_tests: tuple[str, ...] = ()
    """What of the candidate makes tests say less, in words for the reviewer."""
    breaker: BreakerState = NOTHING_RED
    verdict: str = ""
    """The verdict by which it merges."""
    outcome: Outcome | None = None
    reason: Reason | None = None
    sentence: str = ""

    def attempts_of(self, step: Step) -> int:
        """How many attempts of a step have begun in this round."""
        return dict(self.attempts).get(step, 0)


RECHECK_ALL, RECHECK_TOUCHED = "all", "touched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What `step` needs to know of a run's frozen settings."""

    max_parallel: int = 3
    breaker: BreakerLimits = DEFAULT_LIMITS
    review: bool = False
    """Every candidate waits for a person."""
    gate_approvals: bool = False
    """A higher gate waits for a person."""
    max_lost: int = 3
    """So many lost attempts in a row fail the workstream."""
    max_repeats: int = 100
    """An attempt that says nothing of its workstream is made again at most so often, whatever it was for."""
    recheck: str = RECHECK_ALL
    """Whose acceptance is asked of each merged tree: everybody's, or that of what the batch may have touched."""


NO_ROWS: Rows[int] = Rows.of(())


class Ending(StrEnum):
    """Why a run stops its steps instead of starting new ones."""

    CANCELLED = "cancelled"
    ABANDONED = "abandoned"
    SPENT = "spent"
    """A budget of the run or above it: the run may be opened again once there is more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """The batch that the integration queue is verifying; without members it is the head itself."""

    members: tuple[int, ...]
    number: int
    is_whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TakingBack:
    """The merged workstreams whose merges are being undone."""

    members: tuple[int, ...]
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The execution of a plan, whole and frozen. What follows from `rows` is kept beside them: no event walks them."""

    id: str
    plan: RankedPlan
    policy: Policy
    branch: str
    state: RunState = RunState.PENDING
    reason: Reason | None = None
    sentence: str = ""
    ending: Ending | None = None
    head: str = ""
    """The last commit with a verdict; the branch follows it."""
    base: str = ""
    """The commit that the run started from."""
    approved_gate: int = 0
    judgements: int = 0
    judging: Judging | None = None
    width: int = 1
    """How many candidates are taken at once."""
    suspects: Stack = ()
    """Parts of red batches that are to be judged before anybody else."""
    unproven: int = 0
    """How many merges there were since everybody's acceptance was last asked."""
    lost: int = 0
    """How often in a row a verification of the head itself was lost."""
    broken: str = ""
    """What the head fails of what earlier merges were accepted by, in words; empty when nothing is known."""
    moving: tuple[str, ...] = ()
    """Verdicts that are given and whose branch is about to move, oldest first."""
    taking_back: TakingBack | None = None
    orders: int = 0
    """How many numbered commands (stop, release, publish) this run has given."""
    compensating: tuple[str, ...] = ()
    """The keys of compensation actions that are not answered: the run does not end before them."""
    publishing: bool = False
    offered: str = ""
    """The commit that was last offered to the user's repository, taken or not."""
    published: str = ""
    """The commit that the user's repository has."""
    publication: str = ""
    """Why the branch could not be pushed, in words; empty when it could."""
    rows: Rows[Progress]
    # what follows is derived from the rows when a run is loaded (`derive`), and kept by `step` afterwards
    members: tuple[RankSet, ...] = ()
    """One set of ranks per workstream state, in the order of the states."""
    waiting: Rows[int] = NO_ROWS
    """Per workstream how many dependencies are not done and how many predecessors have not ended."""
    held: RankSet = NO_RANKS
    """Active workstreams that have nothing running."""
    queue: RankSet = NO_RANKS
    """Candidates that wait for integration, the suspects aside."""
    gate: int = 0
    """The place of the first gate that has unfinished members."""

    def in_state(self, state: WorkstreamState) -> RankSet:
        """The ranks that are in a state."""
        return self.members[STATE_ORDER[state]]

    def progress(self, workstream: str) -> Progress:
        """How far a workstream has come."""
        return self.rows[self.plan.rank_of(workstream)]


STATE_ORDER: dict[WorkstreamState, int] = {state: place for place, state in enumerate(WorkstreamState)}


def new_run(*, id: str, plan: RankedPlan, policy: Policy, branch: str) -> Run:  # noqa: A002 - the field's name
    """A run of a plan before its first event."""
    rows = Rows.of(Progress() for _ in plan.order)
    return derive(Run(id=id, plan=plan, policy=policy, branch=branch, rows=rows))


def derive(run: Run) -> Run:
    """The run with everything that follows from its rows computed anew: after loading, never between two events."""
    plan, rows = run.plan, tuple(run.rows)
    sets = [0] * len(WorkstreamState)
    for rank, row in enumerate(rows):
        sets[STATE_ORDER[row.state]] |= 1 << rank
    ended = [row.state in ENDED for row in rows]
    done = [row.state is WorkstreamState.DONE for row in rows]
    waiting = (
        sum(not done[other] for other in plan.dependencies[rank])
        + sum(not ended[other] for other in plan.predecessors[rank])
        for rank in range(len(rows))
    )
    busy = RankSet.of(run.judging.members) if run.judging else RankSet()
    suspected = RankSet.of(rank for one in run.suspects for rank in one.members)
    moving = RankSet.of(rank for rank, row in enumerate(rows) if row.verdict and not ended[rank])
    return replace(
        run,
        members=tuple(map(RankSet, sets)),
        waiting=Rows.of(waiting),
        held=RankSet.of(rank for rank, row in enumerate(rows) if row.held),
        queue=RankSet(sets[STATE_ORDER[WorkstreamState.INTEGRATING]]) - busy - moving - suspected,
        gate=first_open_gate(plan, RankSet.of(rank for rank, over in enumerate(ended) if over), 0),
    )


def first_open_gate(plan: RankedPlan, ended: RankSet, at: int) -> int:
    """The place of the first gate from `at` on that has a member which has not ended."""
    while at < len(plan.gates) - 1 and not plan.gates[at][1] - ended:
        at += 1
    return at
