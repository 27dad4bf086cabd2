"""The use cases about epics: from a sentence to merged code, phase by phase. api, cli and web call only this."""

from penstock.epics.asked import (
    Advanced,
    AdvanceRefused,
    ApprovalNeeded,
    BudgetSpent,
    EpicWish,
    NoUpstream,
    PhaseFailed,
    PipelineIsBusy,
    RunWaits,
)
from penstock.epics.desk import House
from penstock.epics.epics import Epics

__all__ = [
    "AdvanceRefused",
    "Advanced",
    "ApprovalNeeded",
    "BudgetSpent",
    "EpicWish",
    "Epics",
    "House",
    "NoUpstream",
    "PhaseFailed",
    "PipelineIsBusy",
    "RunWaits",
]
