"""What Penstock brings: prompts for all roles, phases that can be gone through, and both the same each time."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from penstock.domain.phases import PhaseGraph, PhaseKind, RolePrompt
from penstock.planning.artifacts import canonical_type, model_of
from penstock.planning.prompting import stable_part
from penstock.planning.seeds import AGENT_ROLES, ROLES, shipped_phases, shipped_prompts

NOW = datetime(2026, 11, 28, tzinfo=UTC)
PROMPTS = {one.role: one for one in shipped_prompts(NOW)}
PHASES = {one.phase: one for one in shipped_phases(NOW)}
LONGEST_OF_ALL = 5_300
"""Characters of the fixed text of the six phases: below 1,300 tokens, see docs/tokens.md."""


def test_the_eleven_roles_and_those_of_agents_have_a_prompt() -> None:
    assert tuple(PROMPTS) == (*ROLES, *AGENT_ROLES)
    assert len(ROLES) == 11
    assert {one.role for one in PROMPTS.values() if one.is_active} == {
        *("pm", "architect", "ba", "dev", "qa", "commit"),
        *AGENT_ROLES,
    }


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_words_and_no_template(role: str) -> None:
    prompt = PROMPTS[role]
    assert prompt.bootstrapper
    assert prompt.instructions
    assert not prompt.template
    assert prompt.id.startswith("rp_")


@pytest.mark.parametrize("role", AGENT_ROLES)
def test_agents_are_told_by_templates(role: str) -> None:
    prompt = PROMPTS[role]
    assert prompt.template == f"{role}.txt.j2"
    assert prompt.version
    assert not prompt.instructions


def test_ids_are_the_same_each_time_and_of_one_prompt_only() -> None:
    later = shipped_prompts(datetime(2027, 1, 1, tzinfo=UTC))
    assert [one.id for one in later] == [one.id for one in PROMPTS.values()]
    assert len({one.id for one in later}) == len(later)
    assert [one.id for one in shipped_phases(NOW)] == [one.id for one in PHASES.values()]


def test_phases_can_be_gone_through_from_the_wish_to_the_commit() -> None:
    graph = PhaseGraph.of(PHASES.values(), [one.role for one in PROMPTS.values() if one.is_active])
    way = [graph.first]
    while (after := graph.configuration(way[-1]).next_phase) is not None:
        way.append(after)
    assert way == ["pm_phase", "arch_phase", "ba_phase", "dev_phase", "qa_phase", "commit_phase"]
    kinds = [graph.options(name).kind for name in way]
    assert kinds == [*[PhaseKind.ASK] * 3, PhaseKind.RUN, PhaseKind.JUDGE, PhaseKind.DELIVER]
    assert graph.options("qa_phase").returns_to == "dev_phase"
    assert [one.artifact_type for one in PHASES.values()] == [
        canonical_type(one.artifact_type) for one in PHASES.values()
    ]


def fixed(prompt: RolePrompt) -> str:
    artifact_type = next(one.artifact_type for one in PHASES.values() if one.role == prompt.role)
    return stable_part(prompt, model_of(artifact_type))


def test_the_fixed_text_of_all_phases_stays_short() -> None:
    assert sum(len(fixed(PROMPTS[one.role])) for one in PHASES.values()) < LONGEST_OF_ALL


def test_a_changed_text_needs_a_new_version() -> None:
    words = "\0".join(f"{p.role} {p.version} {p.bootstrapper} {p.instructions}" for p in PROMPTS.values())
    known = "ed11e64443f4694e"
    assert hashlib.sha256(words.encode()).hexdigest()[:16] == known, (
        "prompts in force are known by role and version: raise `version` of those that you changed, then change this"
    )
