"""What a run's notes say to people: one short line each. A type that it does not know is shown as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from penstock.reports.plain import one_line, sentence_and_hint

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A note in words: the step or subject, what became of it, and how it should look."""

    step: str
    result: str
    tone: str = ""
    """good, bad, warn, or nothing."""


_STEPS = {
    "editing": "edit",
    "fixing": "fix",
    "static_check": "static",
    "runtime_check": "runtime",
    "reviewing": "review",
    "integrating": "integrate",
}
_AFTER = {
    "edited": "done",
    "check red": "red",
    "revision asked": "revision asked",
    "merge refused": "merge refused",
    "merged": "merged",
    "nothing to merge": "nothing to merge",
}
_BAD = {"red", "revision asked", "merge refused"}


def _moved(payload: Payload) -> Spoken | None:
    step, by = _STEPS.get(str(payload.get("from"))), str(payload.get("by"))
    if step is not None and by in _AFTER:
        result = _AFTER[by]
        return Spoken(step=step, result=result, tone="bad" if result in _BAD else "good" if by == "merged" else "")
    if payload.get("to") in ("blocked", "abandoned"):
        return Spoken(step=str(payload["to"]), result=by, tone="bad")
    return None


def _run_moved(payload: Payload) -> Spoken:
    state = str(payload.get("to"))
    tone = "good" if state == "completed" else "bad" if state in ("failed", "partial", "abandoned") else ""
    return Spoken(step="run", result=state, tone=tone)


def _ended(payload: Payload) -> Spoken | None:
    if not payload.get("reason"):
        return None
    return Spoken(step="failed", result=f"{payload['reason']}: {payload.get('sentence', '')}", tone="bad")


def _remarks(payload: Payload) -> Spoken | None:
    """What a check step came to: passed only if something was asked; what was not asked, or is red as ever, is said."""
    step, parts = str(payload.get("step")), []
    if weakened := payload.get("weakened_tests"):
        return Spoken(step="tests", result=f"say less than before: {_listed(weakened)}", tone="bad")
    if payload.get("status") != "success" or step not in ("static", "runtime"):
        return None
    if payload.get("checks"):
        parts.append("passed")
    if unasked := payload.get("not_checked"):
        parts.append(f"not checked: {_listed(unasked)}")
    if known := payload.get("known_failures"):
        parts.append(f"red as in the base, and no worse: {_listed(known)}")
    if shown := payload.get("not_blocking"):
        parts.append(f"red, and not blocking: {_listed(shown)}")
    return Spoken(step=step, result="; ".join(parts) or "passed")


def _listed(texts: Iterable[object]) -> str:
    return "; ".join(one_line(text, 120) for text in texts)


def _compensated(payload: Payload) -> Spoken:
    action, code, sentence = one_line(payload.get("action"), 120), payload.get("exit_code"), payload.get("sentence")
    if sentence:
        return Spoken(step="undo", result=f"{action}: not run: {sentence_and_hint(sentence)[0]}", tone="bad")
    return Spoken(step="undo", result=f"{action}: {_how(code)}", tone="" if code == 0 else "bad")


def _violation(payload: Payload) -> Spoken:
    found = [f"{one.get('path')}: {one.get('rule')}" for one in payload.get("violations") or ()]
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    kept = f"; kept as {payload['patch']}" if payload.get("patch") else ""
    return Spoken(step="scope", result=f"left its scope: {'; '.join(found[:3])}{more}{kept}", tone="bad")


def _interrupted(payload: Payload) -> Spoken:
    why = "lost" if payload.get("lost") else "stopped"
    sentence, _ = sentence_and_hint(payload.get("sentence") or "")
    return Spoken(step=str(payload.get("attempt")), result=f"{why}: {sentence}" if sentence else why)


def _delayed(payload: Payload) -> Spoken:
    sentence = payload.get("sentence")
    return Spoken(step=str(payload.get("step")), result=f"waits: {sentence}" if sentence else "goes on")


def _put_off(payload: Payload) -> Spoken:
    return Spoken(step=str(payload.get("attempt")), result=f"waits: {payload.get('sentence')}", tone="warn")


def _tool(payload: Payload) -> Spoken | None:
    """Only a red command is worth a line: that the step passed is said anyhow."""
    if payload.get("passed"):
        return None
    command, how = one_line(payload.get("command"), 120), _how(payload.get("exit_code"))
    step = str(payload.get("attempt")).partition("-")[0].rpartition(".")[2]
    return Spoken(step=step, result=f"{command}: {how}", tone="bad")


def _how(code: object) -> str:
    return {-1: "ran out of time", -2: "was not found"}.get(code if isinstance(code, int) else 0, f"exit code {code}")


def _batch(payload: Payload) -> Spoken:
    """Of a batch: that it passed, or what turned red and that it is looked at in parts."""
    if payload.get("result") == "green":
        return Spoken(step="queue", result=f"{payload.get('members')} candidates passed together")
    found = "; ".join(one_line(text, 120) for text in payload.get("findings") or ())
    return Spoken(
        step="queue", result=f"{payload.get('members')} candidates are red together, asked in halves: {found}"
    )


def _published(payload: Payload) -> Spoken:
    if payload.get("pushed"):
        place = f"in your repository at {str(payload.get('commit'))[:12]}"
        mind = payload.get("sentence")
        return Spoken(step="branch", result=f"{place}; {mind}" if mind else place, tone="good")
    return Spoken(step="branch", result=f"waits: {payload.get('sentence')}", tone="bad")


def _decided(word: str) -> Callable[[Payload], Spoken]:
    def speak(payload: Payload) -> Spoken:
        gate, note = payload.get("gate"), payload.get("note")
        who = f" by {payload['by']}" if payload.get("by") else ""
        what = f"gate {gate} {word}" if gate else word
        return Spoken(step="review", result=f"{what}{who}{f': {note}' if note else ''}")

    return speak


def _asked(payload: Payload) -> Spoken:
    weakened = payload.get("weakened_tests")
    also = f"; tests say less than before: {_listed(weakened)}" if weakened else ""
    return Spoken(step="review", result=f"waits for your approval{also}")


def _findings(payload: Payload) -> str:
    return ", ".join(dict.fromkeys(map(str, payload.get("findings") or ())))


_SPEAKERS: Mapping[str, Callable[[Payload], Spoken | None]] = {
    "workstream_status_changed": _moved,
    "run_status_changed": _run_moved,
    "workstream_start": lambda _: None,
    "workstream_end": _ended,
    "step_start": lambda payload: Spoken(step=str(payload.get("step")), result=f"started ({payload.get('attempt')})"),
    "step_end": _remarks,
    "step_delayed": _delayed,
    "step_interrupted": _interrupted,
    "step_rate_limited": _put_off,
    "budget_warning": lambda payload: Spoken(step="budget", result=str(payload.get("sentence")), tone="warn"),
    "budget_exhausted": lambda _: None,
    "tool_run": _tool,
    "environment_broke": lambda payload: Spoken(
        step="machine", result=sentence_and_hint(payload.get("sentence"))[0], tone="bad"
    ),
    "fix_attempt": lambda payload: Spoken(
        step="fix", result=f"to mend what {payload.get('after')} found: {_findings(payload)}"
    ),
    "fix_attempt_error": lambda payload: Spoken(
        step=str(payload.get("step")), result=f"failed: {_findings(payload)}", tone="bad"
    ),
    "breaker_trip": lambda payload: Spoken(step="breaker", result=str(payload.get("sentence")), tone="bad"),
    "scope_violation": _violation,
    "approval_requested": _asked,
    "compensation_run": _compensated,
    "compensation_asked": lambda payload: Spoken(step="undo", result=f"for you to do: {payload.get('action')}"),
    "approved": _decided("approved"),
    "rejected": _decided("rejected"),
    "batch_judged": _batch,
    "rollback_refused": lambda payload: Spoken(
        step="rollback", result=f"not taken back: {payload.get('sentence')}", tone="bad"
    ),
    "branch_published": _published,
    "illegal_transition": lambda payload: Spoken(
        step="refused", result=f"{payload.get('entity')} {payload.get('from')} -> {payload.get('to')}", tone="bad"
    ),
}


def spoken(note: str, payload: Payload) -> Spoken | None:
    """A note in words; None if another note says the same."""
    speaker = _SPEAKERS.get(note)
    if speaker is not None and not payload.get("claimed"):  # what others claim has any shape, and is never told as ours
        return speaker(payload)
    return Spoken(step=note, result=", ".join(f"{key} {one_line(value, 80)}" for key, value in payload.items()))


def line(clock: str, workstream: str, words: Spoken) -> str:
    """`12:03:44  ws-a  static  passed`."""
    return (
        f"{clock}  {one_line(workstream) or '-':<16}  {one_line(words.step):<9}  {one_line(words.result, 600)}".rstrip()
    )
