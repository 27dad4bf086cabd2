"""A recorded attempt is played in another folder, by whoever asks the same."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_support import (
    NOW,
    REDACT,
    SECRET,
    SHAPED,
    THEN,
    TOKENS,
    Attempt,
    Replaying,
    asks,
    exchange,
    record,
    says,
)

from penstock.domain.redaction import MASK
from penstock.domain.usage import Tokens
from penstock.gateway.recording import Recorder
from penstock.gateway.recordings.call_keys import CallKey, CallKind
from penstock.gateway.recordings.files import RecordingFailed
from penstock.gateway.recordings.places import Places, PlaceUnknown
from penstock.gateway.replaying import Differs, NotRecorded, Replayer, ReplayMode


def edit(path: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": "t", "name": "Edit", "input": {"file_path": path, "new_string": "{{worktree}}"}}


def test_an_answer_comes_with_the_paths_of_who_asks(tmp_path: Path) -> None:
    said = says("I edit /old/state/trees/api/a.py.", edit("/old/state/trees/api/a.py"))
    record(tmp_path, (asks("Work in /old/state/trees/api."), said))
    found = Replaying(tmp_path).ask(asks("Work in /new/place/api."))
    assert found.message == says("I edit /new/place/api/a.py.", edit("/new/place/api/a.py"))
    assert (found.tokens, found.stop_reason, found.difference, found.is_redacted) == (TOKENS, "end_turn", None, False)
    assert found.has_equal_tool_outputs


PATHS = st.sampled_from(["/old/state/trees/api", "/old/state/trees/api/x.py", "/old/state/runs/7/home", "/old"])
PIECES = st.lists(
    st.one_of(PATHS, st.sampled_from(["{{worktree}}", "{{literal:home}}", " ", "\n", "é", '"']), st.text(max_size=4))
)


@settings(max_examples=25, deadline=None)  # each writes to the disk, and waits until it is there
@given(pieces=PIECES)
def test_whatever_was_said_is_said_again(tmp_path_factory: pytest.TempPathFactory, pieces: list[str]) -> None:
    folder = tmp_path_factory.mktemp("recording")
    said = says("".join(pieces), edit("".join(pieces)))
    record(folder, (asks(), said))
    as_it_was = Replaying(folder, places=THEN).ask(asks()).message
    assert as_it_was == json.loads(json.dumps(said).replace(SECRET, MASK))


def test_openai_messages_keep_paths_within_arguments(tmp_path: Path) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "w", "arguments": '{"p": "/old/state/trees/api/a"}'}}
    message = {"choices": [{"index": 0, "message": {"role": "assistant", "content": None, "tool_calls": [call]}}]}
    item = {"type": "function_call", "call_id": "c", "name": "w", "arguments": '{"p": "/old/state/trees/api/a"}'}
    response = {"status": "completed", "output": [item], "model": "m"}
    for wire, said in (("openai_chat", message), ("openai_responses", response)):
        request = {"model": "m", "messages": [{"role": "user", "content": "x"}], "input": "x"}
        Recorder(tmp_path / wire, REDACT, THEN).keep(Attempt().key(request), exchange(request, said, wire))
        found = Replaying(tmp_path / wire).ask(request, wire)
        assert json.dumps(found.message) == json.dumps(said).replace("/old/state/trees/api", "/new/place/api")


def test_an_answer_that_was_found_is_given_to_who_takes_it(tmp_path: Path) -> None:
    record(tmp_path, (asks(), says("one")), (asks(), says("two")))
    replaying = Replaying(tmp_path, ReplayMode.LENIENT)
    key = Attempt().key(asks())
    for _ in range(3):
        found = replaying.replayer.find(key, "anthropic", asks("Something else."))
        assert found.message == says("one")
    assert replaying.replayer.differences == []
    assert replaying.replayer.unasked == 2
    replaying.replayer.take(found)
    assert len(replaying.replayer.differences) == replaying.replayer.unasked == 1
    assert replaying.text(asks()) == "two"


# secrets


def test_no_secret_is_in_any_file(tmp_path: Path) -> None:
    request = asks(
        f"the key is {SECRET}", outputs=(f"export KEY={SECRET}",), system=f"{SHAPED}", metadata={SECRET: SHAPED}
    )
    request["tools"] = [{"name": "Bash", "description": SHAPED}]
    said = says(f"I saw {SECRET} and {SHAPED}", edit(f"/x/{SECRET}")) | {"extra": [SHAPED], SHAPED: 1}
    record(tmp_path, (request, said), (asks(), says(f"Authorization: Bearer {SECRET}")))
    texts = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(texts) > 5
    assert not any(SECRET in text or SHAPED in text for text in texts)
    playing = Replaying(tmp_path)
    found = playing.ask(asks(f"the key is {SECRET}", outputs=(f"export KEY={SECRET}",)))
    assert found.message["content"][0]["text"] == f"I saw {MASK} and {MASK}"
    assert found.is_redacted
    assert found.has_equal_tool_outputs


def test_this_machines_paths_are_in_no_file(tmp_path: Path) -> None:
    path = "/old/state/trees/api"
    record(tmp_path, (asks(f"in {path}", outputs=(f"{path}/a.py",), system=path), says(path, edit(path))))
    assert not any(b"/old/state" in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


# what is compared


def test_a_request_that_differs_is_refused_and_the_difference_shown(tmp_path: Path) -> None:
    record(tmp_path, (asks("Fix the bug in the parser."), says("done")))
    playing = Replaying(tmp_path)
    with pytest.raises(Differs) as caught:
        playing.ask(asks("Fix the bug in the lexer."))
    assert "parser" in caught.value.sentence
    assert "lexer" in caught.value.sentence
    assert "edit, attempt edit-1 of api, call 1 with tools" in caught.value.sentence
    assert "lenient" in (caught.value.hint or "")
    assert playing.text(asks("Fix the bug in the parser.")) == "done", "what was refused was not used up"


def test_a_lenient_replay_answers_and_reports(tmp_path: Path) -> None:
    record(tmp_path, (asks("Fix the parser."), says("done")))
    playing = Replaying(tmp_path, mode=ReplayMode.LENIENT)
    found = playing.ask(asks("Fix the lexer."))
    assert found.message == says("done")
    assert found.difference is not None
    assert "lexer" in found.difference
    (said,) = playing.replayer.differences
    assert said == f"edit, attempt edit-1 of api, call 1 with tools: {found.difference}"


def test_numbers_dates_and_paths_make_no_difference(tmp_path: Path) -> None:
    record(tmp_path, (asks("3 tests failed in /old/state/trees/api after 0.31s on 2026-11-28"), says("done")))
    playing = Replaying(tmp_path)
    assert playing.text(asks("4 tests failed in /new/place/api after 12 s on 2027-01-01")) == "done"


def test_other_outputs_of_tools_are_no_difference_but_are_said(tmp_path: Path) -> None:
    record(tmp_path, (asks(), says("one")), (asks(outputs=("2 passed in 0.1s",)), says("two")))
    playing = Replaying(tmp_path)
    playing.ask(asks())
    assert playing.ask(asks(outputs=("3 passed in 9s",))).has_equal_tool_outputs
    assert playing.replayer.has_equal_tool_outputs
    playing = Replaying(tmp_path)
    playing.ask(asks())
    assert not playing.ask(asks(outputs=("2 failed",))).has_equal_tool_outputs
    assert not playing.replayer.has_equal_tool_outputs


def test_another_protocol_is_a_difference_in_every_mode(tmp_path: Path) -> None:
    record(tmp_path, (asks(), says("done")))
    with pytest.raises(Differs, match="openai_chat"):
        Replaying(tmp_path, mode=ReplayMode.LENIENT).ask(asks(), "openai_chat")


# order


def test_titles_may_be_asked_for_before_or_after(tmp_path: Path) -> None:
    title, work = asks("Give a title.", tools=False), asks()
    record(tmp_path, (title, says("title")), (work, says("one")), (asks(outputs=("x",)), says("two")))
    playing = Replaying(tmp_path)
    answers = [playing.text(request) for request in (work, asks(outputs=("x",)), title)]
    assert answers == ["one", "two", "title"]
    assert playing.replayer.unasked == 0


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_calls_that_were_under_way_together_may_come_in_any_order(tmp_path: Path, order: tuple[int, ...]) -> None:
    helpers = [asks(f"Look into part {name}.") for name in ("one", "two", "three")]
    record(tmp_path, *((request, says(f"answer {at}")) for at, request in enumerate(helpers)))
    playing = Replaying(tmp_path)
    assert [playing.text(helpers[at]) for at in order] == [f"answer {at}" for at in order]


def test_the_same_question_asked_again_gets_the_next_answer(tmp_path: Path) -> None:
    record(tmp_path, (asks(), says("one")), (asks(), says("two")))
    playing = Replaying(tmp_path)
    assert [playing.text(asks()), playing.text(asks())] == ["one", "two"]
    assert playing.replayer.unasked == 0


def test_more_calls_than_were_recorded_are_refused(tmp_path: Path) -> None:
    record(tmp_path, (asks(), says("one")))
    playing = Replaying(tmp_path)
    playing.ask(asks())
    with pytest.raises(NotRecorded, match=r"has 1 such call\n"):
        playing.ask(asks())
    with pytest.raises(NotRecorded, match=r"has no such calls\n"):
        playing.ask(asks(tools=False))
    with pytest.raises(NotRecorded, match="attempt edit-2"):
        Replaying(tmp_path, attempt="edit-2").ask(asks())


def test_a_call_that_failed_leaves_no_hole(tmp_path: Path) -> None:
    recorder, calls = Recorder(tmp_path, REDACT, THEN), Attempt()
    calls.key(asks())  # it had no answer
    recorder.keep(calls.key(asks()), exchange(asks(), says("one")))
    assert Replaying(tmp_path).text(asks()) == "one"


def test_an_attempt_that_was_lost_is_played_as_it_ended_at_last(tmp_path: Path) -> None:
    record(tmp_path, (asks(), says("lost")), (asks(), says("lost")))
    record(tmp_path, (asks(), says("kept")), attempt="edit-1.1")
    playing = Replaying(tmp_path)
    assert playing.text(asks()) == "kept"
    with pytest.raises(NotRecorded):
        playing.ask(asks())


def test_attempts_do_not_take_each_others_answers(tmp_path: Path) -> None:
    for attempt in ("edit-1", "2.edit-1", "fix-1"):
        record(tmp_path, (asks(), says(attempt)), attempt=attempt)
    for attempt in ("fix-1", "edit-1", "2.edit-1"):
        assert Replaying(tmp_path, attempt=attempt).text(asks()) == attempt


# what must not break it


def test_each_distinct_block_is_stored_once(tmp_path: Path) -> None:
    outputs: tuple[str, ...] = ()
    calls = []
    for number in range(12):
        outputs = (*outputs, f"output {'x' * number}")
        calls.append((asks(outputs=outputs), says("ok")))
    record(tmp_path, *calls)
    blocks = list((tmp_path / "blocks").iterdir())
    # the task, the tool, its normalised text and the answer; then for each call an output, and its call of the tool
    assert len(blocks) == 4 + 12 + 12


def test_a_request_too_deep_to_be_kept_does_not_keep_its_answer_from_being_kept(tmp_path: Path) -> None:
    deep: Any = 1
    for _ in range(3000):
        deep = {"a": deep}
    record(tmp_path, (asks(metadata=deep), says("done")))
    assert Replaying(tmp_path).text(asks()) == "done"


def test_numbers_that_json_does_not_have_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingFailed, match="numbers"):
        record(tmp_path, (asks(temperature=float("nan")), says("done")))


def test_absurd_counts_in_a_recording_are_read_as_none(tmp_path: Path) -> None:
    record(tmp_path, (asks(), says("done")))
    (file,) = tmp_path.glob("calls/**/*.json")
    call = json.loads(file.read_text())
    file.write_text(json.dumps({**call, "tokens": {"input": -3, "output": "9", "strange": 1}}))
    assert Replaying(tmp_path).ask(asks()).tokens == Tokens()


def test_a_recording_of_a_run_that_had_other_places_says_which(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, REDACT, Places({"cache": "/var/cache/x"}))
    recorder.keep(Attempt().key(asks()), exchange(asks(), says("see /var/cache/x")))
    with pytest.raises(PlaceUnknown, match='the place "cache"'):
        Replayer(tmp_path, REDACT, NOW, ReplayMode.STRICT).find(
            CallKey(workstream="api", phase="edit", attempt="edit-1", kind=CallKind.WITH_TOOLS, ordinal=1),
            "anthropic",
            asks(),
        )
