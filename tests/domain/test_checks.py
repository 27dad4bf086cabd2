from dataclasses import replace

import pytest

from penstock.domain.changes import Candidate
from penstock.domain.checks import (
    CheckResult,
    TreeWithoutVerdict,
    all_confined,
    give_verdict,
    is_known,
    is_of_machine,
    missing_program,
)
from penstock.domain.errors import Bug

GREEN = CheckResult(tree="t1", command="make test", kind="static", passed=True, exit_code=0, confined=True)
RED = replace(GREEN, passed=False, exit_code=1, signatures=("a",), confined=False)
MERGED = Candidate(commit="c1", tree="t1")


def verdict(*results):
    return give_verdict(id="v", branch="b", parent="p", merged=MERGED, merges={"one": MERGED.commit}, results=results)


def test_a_verdict_speaks_of_exactly_the_merged_tree():
    given = verdict(GREEN)
    assert (given.tree, given.commit, given.parent, given.branch) == ("t1", "c1", "p", "b")
    assert given.members == ("one",)
    assert given.checks == ("make test",)
    assert not given.unchecked


def test_a_result_of_another_tree_gives_no_verdict():
    with pytest.raises(TreeWithoutVerdict, match="judged tree t2, not t1") as caught:
        verdict(GREEN, replace(GREEN, tree="t2"))
    assert isinstance(caught.value, Bug)


def test_a_red_result_gives_no_verdict():
    with pytest.raises(TreeWithoutVerdict, match="is red on tree t1"):
        verdict(GREEN, RED)


def test_a_result_as_red_as_the_base_is_listed_in_the_verdict():
    given = verdict(GREEN, replace(RED, known=True, command="make lint"))
    assert given.known_failures == ("make lint",)
    assert given.checks == ("make test", "make lint")


def test_what_is_red_and_stops_nothing_is_listed_and_never_counted_as_passed():
    shown = replace(RED, blocking=False, command="make scan")
    given = verdict(GREEN, shown)
    assert (given.checks, given.not_blocking, given.unchecked) == (("make test",), ("make scan",), False)
    alone = verdict(shown)
    assert (alone.checks, alone.not_blocking, alone.unchecked) == ((), ("make scan",), True)


def test_the_same_command_asked_twice_is_listed_once_and_stops_if_it_stops_for_one():
    assert verdict(GREEN, replace(GREEN, kind="GATE_UNIT")).checks == ("make test",)
    with pytest.raises(TreeWithoutVerdict, match="is red"):
        verdict(replace(RED, blocking=False), RED)


@pytest.mark.parametrize(
    ("command", "output", "program"),
    [
        ("ruff check", "/bin/sh: 1: ruff: not found", "ruff"),
        ("a && no-such b", "fine\n/bin/sh: 1: no-such: not found", "no-such"),
        ("make it", "bash: line 1: cargo: command not found\nmake: *** [it] Error 127", "cargo"),
        ("scripts/lint", "/bin/sh: 1: scripts/lint: not found", "scripts/lint"),
        ("./x", "/bin/sh: 1: ./x: Permission denied", "./x"),
        ("./x", "/bin/sh: line 1: ./x: No such file or directory", "./x"),
        ("LC_ALL=C tool --all", "", "tool"),
    ],
)
def test_the_missing_program_is_the_one_that_the_shell_names(command, output, program):
    assert missing_program(replace(RED, command=command, output=output)) == program


@pytest.mark.parametrize(
    ("program", "base", "of_machine"),
    [
        ("ruff", "missing_binary", True),
        ("/opt/ruff", "missing_binary", True),
        ("ruff", "static_failure", False),
        ("ruff", "", False),
        ("./scripts/lint", "missing_binary", False),
        ("scripts/lint", "missing_binary", False),
    ],
)
def test_a_program_is_missing_on_the_machine_if_the_base_misses_it_too_and_the_tree_should_not_bring_it(
    program, base, of_machine
):
    red = replace(RED, command=program, error="missing_binary", output=f"/bin/sh: 1: {program}: not found")
    assert is_of_machine(red, replace(red, error=base, tree="t0")) is of_machine


def test_a_verdict_without_any_check_says_so():
    given = verdict()
    assert given.unchecked
    assert not given.confined


def test_a_verdict_is_confined_only_if_every_check_was():
    assert verdict(GREEN).confined
    assert not verdict(GREEN, replace(GREEN, command="other", confined=False)).confined


def test_of_nothing_that_was_run_nobody_says_that_it_was_confined():
    assert all_confined(()) is None
    assert all_confined((GREEN,)) is True
    assert all_confined((GREEN, RED)) is False


@pytest.mark.parametrize(
    ("signatures", "base", "known"),
    [
        (("a",), ("a", "b"), True),
        (("a", "b"), ("a", "b"), True),
        (("a", "c"), ("a", "b"), False),
        ((), ("a",), False),
    ],
)
def test_known_is_what_shows_no_more_than_the_base(signatures, base, known):
    of_base = replace(RED, tree="t0", signatures=base)
    assert is_known(replace(RED, signatures=signatures), of_base) is known


@pytest.mark.parametrize("error", ["missing_binary", "timeout", "tool_failed"])
def test_what_did_not_come_to_its_own_end_is_never_known_however_the_base_was(error):
    red = replace(RED, signatures=("a",), error=error)
    assert not is_known(red, replace(red, tree="t0"))
    assert not is_known(replace(red, error="static_failure"), replace(red, tree="t0"))


def test_a_green_base_knows_nothing():
    assert not is_known(RED, replace(RED, passed=True))


def test_another_commands_failure_on_the_base_excuses_nothing():
    assert not is_known(RED, replace(RED, command="make lint"))


@pytest.mark.parametrize(
    ("result", "code", "text"),
    [
        (replace(RED, output="boom\n"), "static_failure", "make test: exit code 1\nboom"),
        (replace(RED, kind="acceptance", output="boom\n"), "runtime_failure", "make test: exit code 1\nboom"),
        (replace(RED, kind="acceptance", error="timeout"), "timeout", "make test: timeout"),
    ],
)
def test_a_finding_tells_the_fix_what_failed_and_how(result, code, text):
    finding = result.finding()
    assert (finding.code, finding.text) == (code, text)
