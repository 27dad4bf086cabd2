import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.breaker import (
    DEFAULT_LIMITS,
    MAX_TEXT,
    MOST_COMPARED,
    NOTHING_RED,
    BreakerLimits,
    StepLimits,
    finding_signatures,
    normalise,
    signature,
    signatures,
    tripped,
    whole_signatures,
)
from penstock.domain.changes import Finding
from penstock.domain.plan import BreakerOverride

LOOSE = StepLimits(max_attempts=99, max_fix_attempts=99)


def reds(limits, *attempts):
    """The trip after red attempts `(step, tree, errors…)`, each sent to fix before the next."""
    state, trip = NOTHING_RED, None
    for step, tree, *errors in attempts:
        assert trip is None, "it tripped too early"
        state = state.with_red(step, tree, frozenset(errors), limits.oscillation_window)
        trip = tripped(limits, state, step)
        if step != "edit":
            state = state.with_fix(step)
    return trip


def times(step, count):
    """So many red attempts that have nothing in common."""
    return [(step, f"tree-{number}", f"error-{number}") for number in range(count)]


@pytest.mark.parametrize(
    ("step", "attempts", "fixes"),
    [("static", 3, 2), ("runtime", 2, 1), ("review", 3, 2), ("integrate", 3, 2)],
)
def test_the_limits_per_step_are_the_promised_ones(step, attempts, fixes):
    assert DEFAULT_LIMITS.of_step(step) == StepLimits(max_attempts=attempts, max_fix_attempts=fixes)


def test_an_edit_has_three_tries_and_a_fix_counts_as_the_edit_that_it_is():
    assert DEFAULT_LIMITS.of_step("edit").max_attempts == 3
    assert DEFAULT_LIMITS.of_step("fix") == DEFAULT_LIMITS.of_step("edit")


@pytest.mark.parametrize(
    ("step", "most"), [("static", 3), ("runtime", 2), ("review", 3), ("integrate", 3), ("edit", 3)]
)
def test_so_many_red_attempts_trip_and_one_less_does_not(step, most):
    assert reds(DEFAULT_LIMITS, *times(step, most - 1)) is None
    trip = reds(DEFAULT_LIMITS, *times(step, most))
    assert (trip.limit, trip.value) == ("max_attempts_per_step", most)
    assert trip.sentence == f"{step} failed {most} times, as often as it may"


def test_a_step_that_may_fail_once_says_once():
    limits = BreakerLimits(static=StepLimits(max_attempts=1))
    assert reds(limits, *times("static", 1)).sentence == "static failed once, as often as it may"


@pytest.mark.parametrize("most", [0, 1, 4])
def test_so_many_fixes_may_be_and_no_more(most):
    limits = BreakerLimits(static=StepLimits(max_attempts=99, max_fix_attempts=most))
    assert reds(limits, *times("static", most)) is None
    trip = reds(limits, *times("static", most + 1))
    assert (trip.limit, trip.value) == ("max_fix_attempts_per_step", most)


def test_each_step_counts_for_itself():
    assert reds(DEFAULT_LIMITS, *times("static", 2), ("runtime", "t", "e")) is None


@pytest.mark.parametrize("most", [1, 2, 3])
def test_the_same_error_may_come_so_often_whatever_the_step_and_the_tree(most):
    limits = BreakerLimits(static=LOOSE, runtime=LOOSE, max_attempts_per_error_signature=most)
    again = [(("static", "runtime")[number % 2], f"tree-{number}", "boom", f"{number}") for number in range(most)]
    assert reds(limits, *again[:-1]) is None
    trip = reds(limits, *again)
    assert (trip.limit, trip.value) == ("max_attempts_per_error_signature", most)


def test_three_is_the_promised_limit_for_one_error():
    limits = BreakerLimits(static=LOOSE)
    assert reds(limits, *((("static", f"t{number}", "boom")) for number in range(2))) is None
    assert reds(limits, *((("static", f"t{number}", "boom")) for number in range(3))).value == 3


OSCILLATES = BreakerLimits(static=LOOSE, runtime=LOOSE, max_attempts_per_error_signature=0)


def test_an_unchanged_tree_with_the_same_errors_trips_at_once():
    trip = reds(OSCILLATES, ("static", "t", "a", "b"), ("static", "t", "b", "a"))
    assert (trip.limit, trip.value) == ("oscillation_threshold", 2)


def test_it_is_a_circle_whichever_step_saw_it():
    assert reds(OSCILLATES, ("static", "t", "a"), ("runtime", "t", "a")).limit == "oscillation_threshold"


def test_a_changed_tree_with_the_same_errors_is_no_circle():
    assert reds(OSCILLATES, ("static", "t1", "a"), ("static", "t2", "a"), ("static", "t3", "a")) is None


def test_the_same_tree_with_other_errors_is_no_circle():
    assert reds(OSCILLATES, ("static", "t", "a"), ("static", "t", "a", "b"), ("static", "t", "b")) is None


def test_an_attempt_without_a_tree_can_not_go_round():
    assert reds(OSCILLATES, ("edit", "", "a"), ("edit", "", "a")) is None


@pytest.mark.parametrize(("between", "trips"), [(2, True), (3, False)])
def test_only_the_last_four_are_looked_at(between, trips):
    others = [("static", f"other-{number}", "x") for number in range(between)]
    trip = reds(OSCILLATES, ("static", "t", "a"), *others, ("static", "t", "a"))
    assert (trip is not None) is trips


@pytest.mark.parametrize("threshold", [2, 3, 4])
def test_the_same_pair_may_come_less_often_than_the_threshold(threshold):
    limits = BreakerLimits(static=LOOSE, max_attempts_per_error_signature=0, oscillation_threshold=threshold)
    assert reds(limits, *[("static", "t", "a")] * (threshold - 1)) is None
    assert reds(limits, *[("static", "t", "a")] * threshold).value == threshold


def test_zero_switches_signatures_and_oscillation_off():
    limits = BreakerLimits(static=LOOSE, max_attempts_per_error_signature=0, oscillation_threshold=0)
    assert reds(limits, *[("static", "t", "a")] * 20) is None


@pytest.mark.parametrize(
    ("step", "trips"), [("static", False), ("runtime", True), ("review", False), ("integrate", False)]
)
def test_a_step_without_fix_trips_at_its_first_red(step, trips):
    trip = reds(BreakerLimits(fix_enabled=("static",)), (step, "t", "a"))
    assert (trip is not None) is trips
    if trip is not None:
        assert trip.limit == "enable_fix_for_steps"
        assert trip.sentence == "runtime failed, and fixing it is switched off"


def test_a_workstreams_own_limits_go_before_the_projects():
    own = BreakerOverride(max_attempts=5, max_error_repeats=7, oscillation_threshold=9)
    limits = BreakerLimits(runtime=StepLimits(max_attempts=1)).overridden(own)
    for step in ("edit", "static", "runtime", "review", "integrate"):
        assert limits.of_step(step) == StepLimits(max_attempts=5, max_fix_attempts=4)
    assert (limits.max_attempts_per_error_signature, limits.oscillation_threshold) == (7, 9)
    assert limits.oscillation_window == DEFAULT_LIMITS.oscillation_window


@pytest.mark.parametrize("most", [1, 5])
def test_a_workstreams_own_attempts_are_counted_out(most):
    limits = DEFAULT_LIMITS.overridden(BreakerOverride(max_attempts=most))
    assert reds(limits, *times("runtime", most - 1)) is None
    assert reds(limits, *times("runtime", most)).limit == "max_attempts_per_step"


def test_what_a_workstream_leaves_open_stays_the_projects():
    assert DEFAULT_LIMITS.overridden(BreakerOverride()) == DEFAULT_LIMITS


# Signatures


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.py:10: E501 line too long", "a.py:99: E501 line too long"),
        ("a.py:10:5: E501 line too long", "a.py:7:81: E501 line too long"),
        ("a.ts(10,5): error TS2322", "a.ts(7,1): error TS2322"),
        ('File "a.py", line 3, in f', 'File "a.py", line 40, in f'),
        ("Expecting value: line 1 column 5", "Expecting value: line 2 column 17"),
        ("FAILED t.py::x in 0.12s", "FAILED t.py::x in 31.5s"),
        ("took 12 ms", "took 9 ms"),
        ("at 2026-01-02T03:04:05Z boom", "at 2025-11-12T13:14:15.5+01:00 boom"),
        ("03:04:05.123 boom", "23:59:59,001 boom"),
        ("<object at 0x7f01>", "<object at 0xdeadbeef>"),
        ("id 6f1b2c3d-0000-4000-8000-000000000001", "id 6f1b2c3d-1111-4fff-8fff-000000000002"),
        ("/tmp/pytest-of-me/pytest-1/x/file.txt missing", "/tmp/pytest-of-you/pytest-22/x/file.txt missing"),
        ("/var/tmp/abc/file.txt missing", "/tmp/file.txt missing"),
        ("no such file tmpab12cd_x", "no such file tmpzz99yyxx"),
        ("\x1b[31mFAILED\x1b[0m a.py - boom", "FAILED a.py - boom"),
        ("boom\n   here", "boom here"),
        ("commit " + "a" * 40, "commit " + "b1" * 20),
        ("killed pid 12", "killed PID 4711"),
    ],
)
def test_the_same_error_elsewhere_or_at_another_time_has_the_same_signature(one, other):
    assert signature("code", one) == signature("code", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.py:1: E501", "b.py:1: E501"),
        ("a.py:1: E501", "a.py:1: F401"),
        ("assert 1 == 2", "assert 1 == 3"),
        ("src/templates/a/x.html missing", "src/templates/b/x.html missing"),
        ("assert (1, 2) == (1, 3)", "assert (1, 2) == (1, 4)"),
    ],
)
def test_another_error_has_another_signature(one, other):
    assert signature("code", one) != signature("code", other)


def test_the_code_is_part_of_the_signature():
    assert signature("static_failure", "boom") != signature("runtime_failure", "boom")


def test_paths_are_told_from_where_the_command_ran():
    one = signature("c", "/place/checkout-1/src/a.py: boom in /place/checkout-1", "/place/checkout-1")
    assert one == signature("c", "/other/2/src/a.py: boom in /other/2", "/other/2/")
    assert one != signature("c", "/other/22/src/a.py: boom in /other/22", "/other/2")


def test_only_the_first_two_thousand_characters_count():
    text = "word " * MAX_TEXT
    assert len(normalise(text)) <= MAX_TEXT
    assert signature("c", text + "one") == signature("c", text + "other")
    assert signature("c", "x" * (MAX_TEXT - 1) + "a") != signature("c", "x" * (MAX_TEXT - 1) + "b")


def test_a_tool_that_lists_failures_gives_one_signature_for_each():
    output = "collected 3\n\x1b[31mFAILED\x1b[0m t.py::a - boom\nFAILED t.py::b - boom\n2 failed in 0.1s\n"
    assert signatures("c", output) == {signature("c", "FAILED t.py::a - boom"), signature("c", "FAILED t.py::b - boom")}


def test_what_a_tool_says_besides_its_failures_does_not_matter():
    one, other = "E501 too long\n3 files, seed 4", "warming up\nE501 too long\n9 files, seed 7"
    assert signatures("c", one) == signatures("c", other)


def test_what_lists_nothing_has_one_signature_for_all():
    assert signatures("c", "something\nbroke") == {signature("c", "something broke")}


CARGO = (
    "running 2 tests\ntest a::one ... {}\ntest a::two ... {}\n\nfailures:\n\ntest result: FAILED. finished in 0.31s\n"
)
GO = "--- FAIL: TestOne (0.02s)\n    a_test.go:7: no\nFAIL\nFAIL\texample.com/a\t0.021s\n{}"


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (CARGO.format("FAILED", "ok"), CARGO.format("FAILED", "FAILED")),
        (CARGO.format("FAILED", "ok"), CARGO.format("FAILED", "ok") + "error: could not compile `b`\n"),
        (GO.format(""), GO.format("FAIL\texample.com/b [build failed]\n")),
        ("FAIL: test_a (t.A.test_a)\n", "FAIL: test_a (t.A.test_a)\nERROR: test_b (t.A.test_b)\n"),
        ("F401 `os` imported but unused\n --> a.py:1:8\n", "F401 `os` imported but unused\n --> a.py:1:8\n" * 2),
        ("a.py:1: error: no\n", "a.py:1: error: no\na.py:9: error: no\n"),
        ("a.py:1: error: no\n" * 2, "a.py:1: error: no\n" * 3),
        ("it went\n" * 1000 + "wrong: one\n", "it went\n" * 1000 + "wrong: one\nwrong: other\n"),
        ("it went\n" * MOST_COMPARED + "wrong: one", "it went\n" * MOST_COMPARED + "wrong: other"),
    ],
)
def test_a_failure_that_is_new_is_never_hidden_by_those_that_were_there(before, now):
    assert not whole_signatures("c", now) <= whole_signatures("c", before)


def test_of_the_same_failures_all_is_the_same_but_for_times_and_places():
    again = CARGO.format("FAILED", "ok").replace("0.31s", "12.5s") + "test a::three ... ok\n"
    assert whole_signatures("c", again) == whole_signatures("c", CARGO.format("FAILED", "ok"))
    one, other = (
        "it went\n" * 1000 + f"wrong after {time} in /tmp/{place}/x\n" for time, place in (("1 s", "a"), ("9 s", "b"))
    )
    assert whole_signatures("c", one) == whole_signatures("c", other)
    assert whole_signatures("c", "something\nbroke") == signatures("c", "something\nbroke")


def test_findings_are_taken_together():
    findings = (Finding(code="a", text="x"), Finding(code="b", text="FAILED t::one\nFAILED t::two"))
    assert len(finding_signatures(findings)) == 3
    assert finding_signatures(()) == frozenset()


@given(st.text(), st.text(max_size=5))
def test_any_text_has_a_signature(text, folder):
    assert len(signature("c", text, folder)) == 32
    assert signatures("c", text, folder)


@pytest.mark.parametrize("part", ["/a", "/tmp", "/", "1.", "line 1", "0x", "tmp", "pytest-of-"])
def test_all_that_a_check_says_is_compared_in_linear_time(part):
    def taken(length):
        text = f"FAILED {part * (length // len(part))}\n" * 2
        begin = time.process_time()
        whole_signatures("c", text)
        return time.process_time() - begin

    taken(100)
    assert taken(16_000) < 40 * taken(1_600) + 0.05


@pytest.mark.parametrize(
    ("path", "lasting"),
    [
        ("a /tmp/x/y b", "a <tmp>/y b"),
        ("'/var/temp/x/tmp/y/'", "'<tmp>/'"),
        ("/tmp/tmp", "<tmp>/tmp"),
        ("/a//tmp/b:/a/tmp", "/a/<tmp>/b:/a/tmp"),
        ("/tmpx/a /template/b", "/tmpx/a /template/b"),
    ],
)
def test_of_a_path_in_a_temporary_folder_only_the_name_lasts(path, lasting):
    assert normalise(path) == lasting


@given(st.text(alphabet="/tmp a", max_size=4000))
def test_a_normalised_text_is_found_quickly_and_is_short(text):
    assert len(normalise(text)) <= MAX_TEXT
