"""Pipelines, and what comes of them, for the tests that every store of them must pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

from journal_driving import START

from penstock.domain.phases import PhaseConfiguration, RolePrompt
from penstock.domain.pipelines import (
    Artifact,
    Issue,
    KeptAnswer,
    PhaseAttempt,
    Pipeline,
    PipelineNote,
    Transition,
    begun,
)
from penstock.ports.library import Headway

numbers = count(1)
LATER = START + timedelta(seconds=5)


def a_pipeline(**more: Any) -> Pipeline:
    """A pipeline that nobody else uses."""
    number = next(numbers)
    one = Pipeline(
        id=f"pip_{number}", project="demo", project_path="/home/someone/demo", epic_id="PIPELINE-175D-1",
        description="Add a thing", context={"token_budget": 5, "deep": {"a": [1, None]}}, phase="pm_phase",
        branch=f"penstock/pip_{number}", created_at=START, updated_at=START,
    )  # fmt: skip
    return replace(one, **more)


def beginning(pipeline: Pipeline) -> Headway:
    """What is stored of a new pipeline."""
    return Headway(
        pipeline=pipeline, transitions=(begun(pipeline, START).transition,), notes=(a_note("pipeline_created"),)
    )


def a_note(kind: str = "phase_wanted", **payload: Any) -> PipelineNote:
    return PipelineNote(type=kind, payload=payload, at=LATER)


def an_artifact(pipeline: Pipeline, kind: str = "epic", **more: Any) -> Artifact:
    one = Artifact(
        id=f"art_{next(numbers)}", pipeline=pipeline.id, type=kind, phase="pm_phase", role="pm", origin="model",
        prompt="rp_1", attempt="pha_1", strategy="direct", warnings=("odd",),
        payload={"title": "Ä", "stories": [{"id": "S-1"}], "n": 1.5}, markdown="# Ä", html="<h1>Ä</h1>", at=LATER,
    )  # fmt: skip
    return replace(one, **more)


def an_attempt(pipeline: Pipeline, **more: Any) -> PhaseAttempt:
    one = PhaseAttempt(
        id=f"pha_{next(numbers)}", pipeline=pipeline.id, phase="pm_phase", role="pm", number=1, round=1,
        prompt="rp_1", model="m", stable="as always", asked="this once", started_at=LATER,
    )  # fmt: skip
    return replace(one, **more)


def an_answer(attempt: PhaseAttempt, voice: str = "1", number: int = 1, **more: Any) -> KeptAnswer:
    one = KeptAnswer(attempt=attempt.id, voice=voice, number=number, text="{}", stop="done", model="m", at=LATER)
    return replace(one, **more)


def an_issue(pipeline: Pipeline, **more: Any) -> Issue:
    one = Issue(
        id=f"iss_{next(numbers)}", project=pipeline.project, pipeline=pipeline.id, source="qa", severity="high",
        category="code", description="it leaks", location="a.py:3", fix_required=True, at=LATER,
    )  # fmt: skip
    return replace(one, **more)


def a_move(source: str = "pm_phase", target: str = "arch_phase") -> Transition:
    return Transition(source=source, target=target, at=LATER, reason="performed")


def a_prompt(role: str = "pm", version: str = "1", **more: Any) -> RolePrompt:
    one = RolePrompt(
        id=f"rp_{next(numbers)}", role=role, version=version, starting_prompt="You are", bootstrapper="Think",
        instructions="{{ not a template }}", working_schema={"type": "object"}, created_at=START, updated_at=START,
        created_by="seed", notes="first",
    )  # fmt: skip
    return replace(one, **more)


def a_phase(name: str = "pm_phase", **more: Any) -> PhaseConfiguration:
    one = PhaseConfiguration(
        id=f"pc_{next(numbers)}", phase=name, role="pm", artifact_type="epic", next_phase=None,
        config={"proposals": 2, "sees": ["epic"]}, created_at=START, updated_at=START,
    )  # fmt: skip
    return replace(one, **more)
