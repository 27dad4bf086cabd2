"""What has happened, one union. `step` takes nothing else; each is stored, with its version, in the same commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from penstock.domain.budget import Level
from penstock.domain.changes import Candidate, Finding, Verdict, Violation
from penstock.domain.checks import CheckResult
from penstock.domain.claims import Claim
from penstock.domain.copies import quickly_made
from penstock.domain.run import AttemptId

VERSION = 2
"""Of the shapes below. A change that old rows can't be read as raises it and adds a reader for the one before."""


# What a step found


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """The agent ended and its change is within scope."""

    candidate: Candidate
    paths: tuple[str, ...]
    litter: tuple[str, ...] = ()
    weakened_tests: tuple[str, ...] = ()
    """What of the change makes tests say less, in words for the reviewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    """The agent ended and nothing differs from where it started, though all declared files are there."""

    candidate: Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfScope:
    """The change leaves the scope: it is kept, not applied."""

    violations: tuple[Violation, ...]
    candidate: Candidate | None = None
    patch: str = ""


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """All checks of a step passed; those that only repeat what the base does are named."""

    results: tuple[CheckResult, ...] = ()
    not_checked: tuple[str, ...] = ()
    known_failures: tuple[str, ...] = ()
    not_blocking: tuple[str, ...] = ()
    """What is red of test gates that stop nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Red:
    """The step failed for a reason that a fix may mend."""

    findings: tuple[Finding, ...]
    results: tuple[CheckResult, ...] = ()
    tree: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverBudget:
    """A budget did not allow the agent's next call: it was stopped. What it had changed is kept."""

    level: Level
    sentence: str
    candidate: Candidate | None = None


StepOutcome: TypeAlias = Edited | Unchanged | OutOfScope | Passed | Red | OverBudget


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished:
    """An attempt ended and was judged."""

    workstream: str
    attempt: AttemptId
    outcome: StepOutcome
    confined: bool | None = None
    """Whether all its processes were; None where none ran or none is known of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDelayed:
    """An attempt waits for the machine before it begins."""

    workstream: str
    attempt: AttemptId
    sentence: str
    """What it waits for; empty once it waits no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepInterrupted:
    """An attempt ended without a judgement: its process or its owner died, or it was stopped."""

    workstream: str
    attempt: AttemptId
    asked: bool
    """Stopped by us on purpose: then it is not a loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPutOff:
    """A usage limit ended an attempt: it says nothing of the workstream, and is made again once the limit is over."""

    workstream: str
    attempt: AttemptId
    until: datetime
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentBroke:
    """The machine does not let an attempt be made, or another command be performed: no space, no repository."""

    sentence: str
    workstream: str = ""
    attempt: AttemptId | None = None
    command: str = ""
    """The key of a command that no attempt stands for."""
    verdict: Verdict | None = None
    """Where the branch could not be moved to, if the command was that."""


# What the integration queue found


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A candidate that conflicts with the head. `start` is the tree with markers."""

    workstream: str
    start: Candidate
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """A candidate whose merge changes the head outside its scope."""

    workstream: str
    violations: tuple[Violation, ...]
    patch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """Who of a batch was not verified with the others."""

    conflicts: tuple[Conflict, ...] = ()
    strays: tuple[Stray, ...] = ()
    put_off: tuple[str, ...] = ()
    """They conflict with others of the batch, not with the head: their turn comes when it is decided."""


NOBODY = Aside()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictGiven:
    """The last tree of the batch passed."""

    judgement: int
    verdict: Verdict
    unchanged: tuple[str, ...] = ()
    """Members that add nothing to what others made: there is nothing of theirs to merge."""
    aside: Aside = NOBODY
    results: tuple[CheckResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingToMerge:
    """The head as it stands passed, and nobody of the batch adds anything to it."""

    judgement: int
    aside: Aside = NOBODY
    results: tuple[CheckResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRefused:
    """The last tree of the batch turned checks red. `start` is that tree, to be mended on the new base."""

    judgement: int
    findings: tuple[Finding, ...]
    base: str
    start: Candidate
    aside: Aside = NOBODY
    results: tuple[CheckResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingLeft:
    """Nobody of the batch could be verified."""

    judgement: int
    aside: Aside


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgementInterrupted:
    """A verification ended without a judgement."""

    judgement: int
    asked: bool
    sentence: str = ""
    """Set when the machine is to blame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """The tree without the merges that were to be undone passed."""

    number: int
    verdict: Verdict
    results: tuple[CheckResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBackRefused:
    """The merges can't be undone, or what would remain does not pass."""

    number: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchMoved:
    """The branch is at the verdict's commit."""

    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchPublished:
    """The branch was pushed to the user's repository, or the sentence says why not."""

    commit: str
    pushed: bool
    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compensated:
    """A compensation action was run, or could not be. It changes no state: it is only recorded."""

    workstream: str
    command: str
    """The key of the command that this answers."""
    action: str
    exit_code: int | None = None
    output: str = ""
    duration: float = 0.0
    sentence: str = ""
    """Why it could not be run, in words; empty when it came to its end."""


# What others want


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The base is known: begin."""

    base: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseAsked:
    """Let running steps end, or stop them now."""

    now: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeAsked:
    """Go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAsked:
    """Stop the steps, keep everything, end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AbandonAsked:
    """End the run for good, whatever its state, and tidy up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """A person approves a candidate, or with `gate` lets that gate begin."""

    workstream: str = ""
    gate: int = 0
    by: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A person asks for a revision, or with `final` gives up on the workstream."""

    workstream: str
    final: bool = False
    by: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetAsked:
    """Begin a failed workstream again."""

    workstream: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackAsked:
    """Take a workstream's merge back, with `cascade` that of all that was built upon it."""

    workstream: str
    cascade: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveAsked:
    """Go to a state, where a person's word may lead there; `source` is the one that is to be left."""

    to: str
    workstream: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """Somebody outside says what was seen, of the run or of a workstream."""

    workstream: str = ""
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetMarked:
    """So much of a budget is spent that people wanted to be told."""

    level: Level
    mark: int
    sentence: str


Asked: TypeAlias = (
    PauseAsked | ResumeAsked | CancelAsked | AbandonAsked | Approved | Rejected | ResetAsked | RollbackAsked
)
"""What a person asks for."""

Request: TypeAlias = Asked | MoveAsked | Claimed | BudgetMarked
"""What may come through the inbox."""

Event: TypeAlias = (
    RunStarted
    | StepFinished
    | StepDelayed
    | StepInterrupted
    | StepPutOff
    | EnvironmentBroke
    | VerdictGiven
    | NothingToMerge
    | MergeRefused
    | NothingLeft
    | JudgementInterrupted
    | TakenBack
    | TakeBackRefused
    | BranchMoved
    | BranchPublished
    | Compensated
    | Request
)
