"""Every error as an answer: one shape that old clients of each kind find their own part of. Tells no internals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from penstock.domain.errors import AgentError, IllegalMove, PenstockError, UserError, WorldError
from penstock.domain.phases import NoSuchPhase
from penstock.domain.refusals import EventRefused
from penstock.engine.owner import RunIsOwned
from penstock.epics.asked import AdvanceRefused, ApprovalNeeded, BudgetSpent, NoUpstream, PhaseFailed
from penstock.ports import OwnershipLost, RunExists, UnknownRun
from penstock.ports.library import PromptExists, UnknownArtifact, UnknownPipeline, UnknownPrompt
from penstock.projects import BaseNotClean, NoProject
from penstock.service import OwnerIsSilent
from penstock.submission import NotTrusted

LONGEST_SENTENCE = 4000
MOST_FAULTS = 50


class NotThere(UserError):
    """Something that was named does not exist."""


class Conflicts(UserError):
    """What was asked contradicts what is there."""

    code = "conflict"


class ServerStops(WorldError):
    """The server ends before the answer is known; what was begun goes on once it is started again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is said of a request that failed."""

    status: int
    code: str
    message: str
    hint: str | None = None
    detail: Sequence[Mapping[str, Any]] = ()
    """The single faults of the input, if they are known."""
    details: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    may_be_done: bool = False
    """What was asked goes on, or nobody knows whether it was done."""

    def answer(self, request_id: str) -> JSONResponse:
        """The answer to the request."""
        message = self.message[:LONGEST_SENTENCE]
        details = {**self.details, **({"hint": self.hint} if self.hint else {})}
        body = {
            "detail": list(self.detail) or message,
            "error": self.code,
            "message": message,
            **({"details": details} if details else {}),
            "request_id": request_id,
        }
        return JSONResponse(body, status_code=self.status, headers=dict(self.headers))


class Fault(BaseModel):
    """One fault of the input."""

    loc: list[str | int] = Field(description="Where it is")
    msg: str = Field(description="What is wrong")
    type: str = Field(description="Its kind")


class ProblemAnswer(BaseModel):
    """What every answer that is no success says."""

    detail: str | list[Fault] = Field(description="The sentence, or the single faults of the input")
    error: str = Field(description="A code that does not change", examples=["not_found"])
    message: str = Field(description="What was asked, what was found, what is possible")
    details: dict[str, Any] | None = Field(default=None, description="`hint` says what to do")
    request_id: str = Field(description="The request's id in the server's log")


_RULES: tuple[tuple[tuple[type[PenstockError], ...], int, str], ...] = (
    ((UnknownPipeline, UnknownArtifact, UnknownPrompt, UnknownRun, NoSuchPhase, NotThere), 404, "not_found"),
    ((ApprovalNeeded,), 409, "approval_required"),
    ((AdvanceRefused, EventRefused, IllegalMove, RunIsOwned), 409, "invalid_transition"),
    ((NoProject,), 409, "no_project"),
    ((NotTrusted,), 409, "not_trusted"),
    ((BaseNotClean, Conflicts, PromptExists, RunExists), 409, "conflict"),
    ((UserError,), 422, "validation_error"),
    ((BudgetSpent,), 402, "budget_exhausted"),
    ((NoUpstream,), 503, "no_upstream"),
    ((OwnerIsSilent,), 503, "owner_silent"),
    ((ServerStops,), 503, "server_stops"),
    ((WorldError,), 503, "unavailable"),
    ((AgentError,), 502, "model_error"),
)
"""The first rule that fits says status and code; what no rule names is a bug."""

_OPEN: tuple[type[PenstockError], ...] = (OwnerIsSilent, OwnershipLost, ServerStops)
"""After these what was asked goes on without who asked."""


def problem_of(error: PenstockError) -> Problem:
    """What an error means to who asked."""
    if isinstance(error, PhaseFailed):
        status, code = (422, "invalid_artifact") if error.is_answer else (502, "model_error")
        details = {"errors": list(error.errors[:MOST_FAULTS])} if error.errors else {}
        return Problem(status=status, code=code, message=error.sentence, hint=error.hint, details=details)
    for kinds, status, code in _RULES:
        if isinstance(error, kinds):
            is_open = isinstance(error, _OPEN)
            return Problem(status=status, code=code, message=error.sentence, hint=error.hint, may_be_done=is_open)
    return internal()


def internal() -> Problem:
    """What is said of a bug: nothing of its inside."""
    return Problem(
        status=500,
        code="internal_error",
        message="this is a bug in Penstock; nothing of it is told here",
        hint="the server's log has it under the request's id",
        may_be_done=True,
    )


def invalid(faults: Sequence[Mapping[str, Any]]) -> Problem:
    """What is said of input that does not have the documented form; what was given is not repeated."""
    told = [
        {"loc": [_place(part) for part in one["loc"]], "msg": str(one["msg"])[:500], "type": str(one["type"])}
        for one in faults[:MOST_FAULTS]
    ]
    first = told[0]
    place = ".".join(str(part) for part in first["loc"]) or "the request"
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return Problem(status=422, code="validation_error", message=f"{place}: {first['msg']}{more}", detail=told)


def _place(part: object) -> str | int:
    return part if isinstance(part, int) else str(part).encode("utf-8", "replace").decode()[:200]


_MEANINGS: Mapping[int, str] = {
    400: "The request can't be read",
    401: "A key is needed",
    402: "A budget is spent; nothing moved",
    403: "The request comes from elsewhere: its Host or its Origin is not allowed",
    404: "There is no such thing",
    409: "What is there does not allow it",
    413: "The body is too large",
    422: "The input is not valid; nothing was changed",
    500: "A bug in Penstock",
    502: "A model, or what stands for one, gave no answer",
    503: "Something outside is missing, or the server stops",
}
_ALWAYS = (400, 401, 403, 413, 422)


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documentation of the answers that are no success: those that any request may get, and these."""
    return {
        status: {"model": ProblemAnswer, "description": _MEANINGS[status]}
        for status in sorted({*_ALWAYS, *statuses, 500, 503})
    }
