"""The section [pipeline]: how an epic is taken through its phases."""

from __future__ import annotations

from dataclasses import dataclass, field

from penstock.domain.budget import MOST_TOKENS
from penstock.domain.patterns import fault_of, is_literal, normalise


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSettings:
    """How an epic is taken through its phases. Which phases there are, the store says: `penstock prompts phases`."""

    token_budget: int = field(default=20_000, metadata={"minimum": 0})
    """You are told once when a pipeline has used more tokens than this; it stops nothing. 0: never."""
    agent: str = ""
    """The agent of the dev phase; empty: `agent`, else the agent that asks a model directly."""
    docs_path: str = ""
    """The folder of the project into which the last phase writes the documents; empty: they stay in the store."""
    baseline_tokens: int = field(default=6000, metadata={"minimum": 0})
    """So much of the project's code, in tokens, is shown to the roles that plan at most."""

    def __post_init__(self) -> None:
        if self.token_budget > MOST_TOKENS:
            raise ValueError(f"token_budget must be from 0 to {MOST_TOKENS:,}, found {self.token_budget}")
        if self.docs_path and not _is_inside(self.docs_path):
            raise ValueError(f'docs_path is "{self.docs_path}"; a folder inside the project is needed, like docs/epics')


def _is_inside(path: str) -> bool:
    """Whether a path names one folder inside the project, in the form of the project's own, and not git's."""
    plain = path.rstrip("/")
    return path.isprintable() and fault_of(path) is None and is_literal(plain) and normalise(plain) == plain
