"""The graph of phases: sound as shipped, and every way in which it is not is said."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.phases import (
    ARTIFACT_OF,
    MOST_HOPS,
    PhaseConfiguration,
    PhaseGraph,
    PhaseKind,
    PhasesUnsound,
    check_phases,
    options_of,
)

AT = datetime(2030, 1, 1, tzinfo=UTC)
ROLES = ("pm", "dev", "qa")


def phase(name: str, after: str | None, **config: object) -> PhaseConfiguration:
    role = {"dev": "dev", "qa": "qa"}.get(name, "pm")
    return PhaseConfiguration(
        id=f"pc_{name}",
        phase=name,
        role=role,
        artifact_type=next((made for kind, made in ARTIFACT_OF.items() if kind == config.get("kind")), "epic"),
        next_phase=after,
        config=config,
        created_at=AT,
        updated_at=AT,
    )


SOUND = (phase("pm", "dev"), phase("dev", "qa", kind="run"), phase("qa", None, kind="judge", returns_to="dev"))


@pytest.mark.parametrize("kind", ARTIFACT_OF)
def test_a_phase_whose_artifact_its_kind_can_not_make_is_not_sound(kind: PhaseKind) -> None:
    one = replace(phase("pm", None, kind=kind.value, returns_to="pm"), artifact_type="epic")
    (said,) = check_phases([one], ROLES).errors
    assert (
        said == f"pm: what comes of a phase of the kind {kind.value} is {ARTIFACT_OF[kind]}; it is configured with epic"
    )


def test_a_way_from_one_beginning_to_one_end_is_sound() -> None:
    graph = PhaseGraph.of(SOUND, ROLES)
    assert graph.first == "pm"
    assert graph.options("qa").kind is PhaseKind.JUDGE
    assert graph.configuration("dev").next_phase == "qa"


@pytest.mark.parametrize(
    ("configurations", "words"),
    [
        ((), "no phase is active"),
        ((phase("pm", "gone"),), "'gone' does not exist"),
        ((phase("pm", "dev"), phase("dev", "pm")), "cycle"),
        ((phase("pm", "dev"), phase("dev", "qa"), phase("qa", "dev", kind="judge", returns_to="dev")), "cycle"),
        ((phase("pm", None), phase("dev", None)), "more than one beginning"),
        ((phase("pm", None, kind="judge"),), "needs returns_to"),
        ((phase("pm", None, returns_to="nowhere"),), "which is no phase"),
        ((phase("pm", None, proposals=0),), "from 1 to 9"),
        ((phase("pm", None, proposals=True),), "from 1 to 9"),
        ((phase("pm", None, kind="dance"),), "possible are ask, run, judge, deliver"),
        ((phase("pm", None, surprise=1),), "unknown key 'surprise'"),
        ((phase("pm", None), phase("pm", None)), "more than once"),
        ((replace(phase("pm", None), role="wizard"),), "'wizard' has no active prompt"),
        ((phase("pm", None), phase("a", "b"), phase("b", "a")), "nothing leads to a, b"),
    ],
)
def test_what_is_wrong_with_a_graph_is_said(configurations: tuple[PhaseConfiguration, ...], words: str) -> None:
    found = check_phases(configurations, ROLES)
    assert not found.is_valid
    assert words in "; ".join(found.errors)
    with pytest.raises(PhasesUnsound, match="can't be gone through"):
        PhaseGraph.of(configurations, ROLES)


def test_a_phase_that_is_not_active_is_no_part_of_the_graph() -> None:
    graph = PhaseGraph.of((*SOUND, replace(phase("idle_one", "nowhere"), is_active=False)), ROLES)
    assert set(graph.phases) == {"pm", "dev", "qa"}


def test_so_many_phases_may_follow_one_another_and_no_more() -> None:
    def chain(length: int) -> list[PhaseConfiguration]:
        return [phase(f"p{at}", f"p{at + 1}" if at + 1 < length else None) for at in range(length)]

    assert check_phases(chain(MOST_HOPS), ROLES).is_valid
    assert not check_phases(chain(MOST_HOPS + 1), ROLES).is_valid


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["a", "b", "c", "d", None])), max_size=6))
def test_what_is_called_sound_can_be_gone_through_to_its_end(edges: list[tuple[str, str | None]]) -> None:
    configurations = [phase(name, after) for name, after in edges]
    if not check_phases(configurations, ROLES).is_valid:
        return
    graph = PhaseGraph.of(configurations, ROLES)
    at: str | None = graph.first
    seen = set()
    while at is not None:
        assert at not in seen
        seen.add(at)
        at = graph.configuration(at).next_phase
    assert seen == set(graph.phases)


@given(st.dictionaries(st.text(max_size=12), st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5))))
def test_no_config_whatsoever_does_anything_but_fit_or_say_why_not(config: dict[str, object]) -> None:
    with suppress(ValueError):
        assert options_of(config).proposals >= 1
