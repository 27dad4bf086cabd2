"""A voice is asked until its answer will do: bounded, and never paid twice for an answer that was kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from asking_support import EPIC, GOOD, MENDED, SMALL, UNTITLED, Talk, again, of_epic, says, talking, told

from model_server import Fault, FaultKind
from penstock.domain.budget import Level
from penstock.planning.answers import AnswerInvalid, AnswerRefused, AnswerTruncated
from penstock.planning.conversation import LONGEST_ECHO, AskingStopped
from penstock.ports import CallFailed, StopKind


class Killed(BaseException):
    """The process ends here."""


def calls(talk: Talk) -> int:
    return len(talk.home.models.requests)


def test_a_good_answer_is_asked_for_once() -> None:
    with talking(says(GOOD)) as talk:
        assert talk.answer().value.title == "Health"
        (one,) = talk.kept
        assert (one.number, one.voice, one.attempt, one.stop) == (1, "1", "pha_1", "done")
        assert (one.strategy, one.errors, one.model) == ("direct", (), "claude-real")
        assert calls(talk) == 1


def test_an_answer_is_kept_before_it_is_read() -> None:
    seen: list[tuple[str, str]] = []
    with talking(says(GOOD)) as talk:
        talk.heard = lambda: seen.append((talk.kept[0].text, talk.kept[0].strategy))
        talk.answer()
    assert seen == [(GOOD, "")]


def test_an_answer_that_is_not_valid_is_asked_for_again_with_what_is_wrong() -> None:
    with talking(says(GOOD, when=MENDED), says(UNTITLED)) as talk:
        assert talk.answer().strategy == "direct"
        first, second = sorted(talk.kept, key=lambda one: one.number)
        assert first.errors == (MENDED,)
        assert first.strategy == ""
        assert second.strategy == "direct"
        assert UNTITLED[:40] in talk.texts[1].replace('\\"', '"')
        assert MENDED in talk.texts[2]
        assert len(talk.home.rows()) == 2


@pytest.mark.parametrize("reasks", [0, 1, 2])
def test_it_is_asked_for_again_so_often_and_no_more(reasks: int) -> None:
    with talking(says(UNTITLED)) as talk:
        with pytest.raises(AnswerInvalid) as failed:
            talk.answer(reasks=reasks)
        assert failed.value.errors == (MENDED,)
        assert calls(talk) == len(talk.kept) == len(talk.home.rows()) == reasks + 1


def test_nothing_is_asked_about_too() -> None:
    with talking(says(GOOD, when="nothing was said"), says("")) as talk:
        assert talk.answer().value.title == "Health"
        assert calls(talk) == 2


def test_an_answer_that_was_cut_off_is_asked_for_once_with_twice_the_limit() -> None:
    with talking(says(GOOD, "length")) as talk:
        with pytest.raises(AnswerTruncated) as failed:
            talk.answer()
        limits = [one.body["max_tokens"] for one in talk.home.models.requests]
        assert limits == [SMALL, 2 * SMALL]
        assert failed.value.hint
        assert [one.errors for one in talk.kept] == [
            (f"the answer was cut off by its limit after {len(GOOD)} characters",)
        ] * 2


def test_a_limit_is_not_raised_beyond_what_the_model_can() -> None:
    with talking(says(GOOD, "length")) as talk:
        most = talk.visit.access.max_output
        with pytest.raises(AnswerTruncated):
            talk.answer(max_tokens=most - 1)
        assert [one.body["max_tokens"] for one in talk.home.models.requests] == [most - 1, most]
        with pytest.raises(AnswerTruncated):
            again(talk, []).answer(max_tokens=most)
        assert calls(talk) == 3


def test_a_refusal_is_not_asked_again() -> None:
    with talking(says(GOOD, "refusal")) as talk:
        with pytest.raises(AnswerRefused):
            talk.answer()
        assert calls(talk) == 1
        assert talk.kept[0].stop == "refused"


@pytest.mark.parametrize("protocol", ["anthropic", "openai_chat"])
def test_a_restart_pays_for_no_answer_that_was_kept(protocol: str) -> None:
    with talking(says(GOOD, when=MENDED), says(UNTITLED), protocol=protocol) as talk:

        def dies() -> None:
            raise Killed

        talk.heard = dies
        with pytest.raises(Killed):
            talk.answer()
        assert (calls(talk), len(talk.kept)) == (1, 1)
        second = again(talk, talk.kept)
        second.heard = dies
        with pytest.raises(Killed):
            second.answer()
        assert (calls(talk), len(second.kept)) == (2, 2)
        assert MENDED in second.texts[-1]
        third = again(talk, second.kept)
        third.heard = bool
        assert third.answer().value.title == "Health"
        assert calls(talk) == 2


def test_a_kept_answer_that_was_cut_off_counts_as_the_first_of_two() -> None:
    with talking(says(GOOD)) as talk:
        talk.answer()
        cut = replace(talk.kept[0], text=GOOD[:50], stop="length", strategy="")
        other = again(talk, [cut])
        assert other.answer().value.title == "Health"
        assert talk.home.models.requests[-1].body["max_tokens"] == 2 * SMALL


def test_what_is_sent_back_of_a_long_answer_is_bounded() -> None:
    long = told({**EPIC, "title": "x" * 100_000})
    with talking(says(GOOD, when="title"), says(long)) as talk:
        talk.answer()
        assert len(talk.texts[1]) < 2 * LONGEST_ECHO
        assert len(talk.texts[2]) < 2_000


def test_a_spent_budget_ends_it_with_the_word_of_the_door() -> None:
    with talking(says(GOOD)) as talk:
        talk.home.cap(Level.PIPELINE, "pip_1", tokens=1)
        with pytest.raises(AskingStopped) as stopped:
            talk.answer()
        assert (stopped.value.stop.kind, stopped.value.stop.level) == (StopKind.BUDGET, Level.PIPELINE)
        assert calls(talk) == len(talk.kept) == 0


@pytest.mark.parametrize(("status", "kind"), [(401, StopKind.UNREACHABLE), (429, StopKind.RATE_LIMITED)])
def test_a_door_that_shuts_ends_it_so_too(status: int, kind: StopKind) -> None:
    with talking(says(GOOD)) as talk:
        talk.home.models.fault(Fault(kind=FaultKind.STATUS, status=status))
        with pytest.raises(AskingStopped) as stopped:
            talk.answer()
        assert stopped.value.stop.kind is kind


def test_an_upstream_that_fails_is_a_failed_call_and_nothing_is_kept() -> None:
    with talking(says(GOOD)) as talk:
        talk.home.models.fault(Fault(kind=FaultKind.STATUS, status=500))
        with pytest.raises(CallFailed) as failed:
            talk.answer()
        assert failed.value.status == 500
        assert talk.kept == []


def test_who_waits_may_be_cancelled_while_the_model_is_silent() -> None:
    async def cancelled(talk: Talk) -> None:
        talking_ = asyncio.ensure_future(asyncio.to_thread(talk.answer))
        await asyncio.to_thread(talk.home.models.wait_for_held, 1)
        talk.visit.close()
        with pytest.raises((CallFailed, AskingStopped)):
            await talking_

    with talking(says(GOOD)) as talk:
        talk.home.models.fault(Fault(kind=FaultKind.HANG))
        asyncio.run(cancelled(talk))
        assert talk.kept == []


def test_warnings_of_the_judge_come_along() -> None:
    with talking(says(told({**EPIC, "mood": "good"}))) as talk:
        assert "mood" in " ".join(talk.answer(validate=of_epic).warnings)
