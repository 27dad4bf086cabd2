"""The artifacts of the phases as models: what each must hold, and the only way to tell whether a payload is one."""

from penstock.planning.artifacts.analysis import BASpec, DataModel, Debt, StorySpec, WorkstreamSpec
from penstock.planning.artifacts.architecture import (
    ArchitectureDeliverable,
    ArchitectureSpec,
    ComponentSpec,
    MethodSpec,
)
from penstock.planning.artifacts.catalogue import (
    ARTIFACT_MODELS,
    ArtifactInvalid,
    UnknownArtifactType,
    aliases_of,
    canonical_type,
    model_of,
    validated,
)
from penstock.planning.artifacts.code import CodeDeliverable, CodeFile, DeveloperDeliverable
from penstock.planning.artifacts.commit import CommitResult
from penstock.planning.artifacts.epic import EpicSpec, Story
from penstock.planning.artifacts.quality import QADeliverable, QAIssue, QAReport
from penstock.planning.artifacts.shape import Shape

__all__ = [
    "ARTIFACT_MODELS",
    "ArchitectureDeliverable",
    "ArchitectureSpec",
    "ArtifactInvalid",
    "BASpec",
    "CodeDeliverable",
    "CodeFile",
    "CommitResult",
    "ComponentSpec",
    "DataModel",
    "Debt",
    "DeveloperDeliverable",
    "EpicSpec",
    "MethodSpec",
    "QADeliverable",
    "QAIssue",
    "QAReport",
    "Shape",
    "Story",
    "StorySpec",
    "UnknownArtifactType",
    "WorkstreamSpec",
    "aliases_of",
    "canonical_type",
    "model_of",
    "validated",
]
