"""Test gates: asked after the project's own checks and again on the merged tree; what stops, and what is only shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from engine_support import RUN, World, awaited, states, workstream, writes_its_file

from penstock.adapters.memory import MemoryProject
from penstock.domain.events import Passed, StepFinished, VerdictGiven
from penstock.domain.plan import Check, TestGate
from penstock.domain.states import Reason, RunState

GROUPS = {
    "unit": (Check(name="fast", command="fast"), Check(name="slow", command="slow")),
    "security": (Check(name="scan", command="scan"),),
    "lint": (),
}


def world(judge: Callable[[str, Mapping[str, str]], int], *gates: TestGate, checks: tuple[Check, ...] = ()) -> World:
    own = workstream("a", test_gates=gates)
    project = MemoryProject(edit=writes_its_file, judge=judge)
    return World(workstreams=[own], project=project, checks=checks, groups=GROUPS)


def passed(world: World) -> list[Passed]:
    found = [entry.event for entry in world.journal.entries(RUN) if isinstance(entry.event, StepFinished)]
    return [event.outcome for event in found if isinstance(event.outcome, Passed)]


def verdict(world: World) -> VerdictGiven:
    (found,) = [entry.event for entry in world.journal.entries(RUN) if isinstance(entry.event, VerdictGiven)]
    return found


@awaited
async def test_gates_are_asked_in_order_after_the_projects_checks_and_again_on_the_merged_tree() -> None:
    gates = (TestGate(group="security"), TestGate(group="unit"))
    one = world(lambda _command, _tree: 0, *gates, checks=(Check(name="types", command="types"),))
    assert (await one.start()).state is RunState.COMPLETED
    assert [command for command, _ in one.project.asked] == ["types", "scan", "fast", "slow", "accept a"]
    assert [result.kind for result in passed(one)[0].results] == ["static", "GATE_SECURITY", "GATE_UNIT", "GATE_UNIT"]
    assert set(verdict(one).verdict.checks) == {"types", "scan", "fast", "slow", "accept a"}


@awaited
async def test_a_red_gate_is_sent_to_fix_until_it_is_enough() -> None:
    one = world(lambda command, tree: int(command == "slow" and "src/a.txt" in tree), TestGate(group="unit"))
    run = await one.start()
    assert (run.state, run.reason) == (RunState.FAILED, Reason.CHECKS_FAILED)
    assert "slow: exit code 1" in run.sentence


@awaited
async def test_what_is_as_red_on_the_base_is_known_for_a_gate_too() -> None:
    one = world(lambda command, _tree: int(command == "slow"), TestGate(group="unit"))
    assert states(await one.start()) == {"a": "done"}
    assert passed(one)[0].known_failures == ("slow",)
    assert verdict(one).verdict.known_failures == ("slow",)


@awaited
async def test_a_gate_that_does_not_block_is_shown_and_never_counted_as_passed() -> None:
    def judge(command: str, tree: Mapping[str, str]) -> int:
        return int(command == "scan" and "src/a.txt" in tree)

    one = world(judge, TestGate(group="security", blocking=False))
    run = await one.start()
    assert states(run) == {"a": "done"}
    assert passed(one)[0].not_blocking == ("GATE_SECURITY: scan",)
    given = verdict(one).verdict
    assert (given.checks, given.not_blocking) == (("accept a",), ("scan",))
    notes = [note for entry in one.journal.entries(RUN) if entry.decision for note in entry.decision.notes]
    (static,) = [note.payload for note in notes if note.type == "step_end" and note.payload["step"] == "static"]
    assert static["not_blocking"] == ["GATE_SECURITY: scan"]
    assert "checks" not in static, "nothing passed, and nothing says so"


@awaited
@pytest.mark.parametrize("required", [True, False])
async def test_a_missing_program_stops_the_run_unless_the_gate_is_optional(required: bool) -> None:
    one = world(lambda command, _tree: 127 if command == "scan" else 0, TestGate(group="security", required=required))
    run = await one.start()
    if required:
        assert (run.state, run.reason) == (RunState.PAUSED, Reason.ENVIRONMENT)
        assert "`scan` is not on this machine" in run.sentence
        assert states(run) == {"a": "static_check"}, "no fix was asked for"
    else:
        assert states(run) == {"a": "done"}
        assert passed(one)[0].not_checked == ("GATE_SECURITY: what `scan` needs is not on this machine",)
        assert (verdict(one).verdict.checks, verdict(one).verdict.not_blocking) == (("accept a",), ("scan",))


@awaited
async def test_an_empty_optional_group_is_said_to_be_not_checked() -> None:
    one = world(lambda _command, _tree: 0, TestGate(group="lint", required=False))
    assert states(await one.start()) == {"a": "done"}
    assert passed(one)[0].not_checked == ("GATE_LINT: [checks.lint] is empty",)
