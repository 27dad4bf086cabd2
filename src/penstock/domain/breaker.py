"""No loop is endless: error signatures, limits, oscillation. Counts what went red and says when it is enough, in words.

A signature names an error by its code and its text without what changes from try to try (paths, lines, times, ids).
Oscillation is the same tree with the same set of signatures as before, whichever step saw it.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from penstock.domain.changes import Finding
from penstock.domain.plan import BreakerOverride

MAX_TEXT = 2000
MOST_COMPARED = 64 * 1024
"""Letters of an output from which what differs from time to time is taken out; beyond, each letter counts."""

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


def _lasting_part(path: re.Match[str]) -> str:
    """A path without its temporary folder and all above it: a pattern that looked for that could take minutes."""
    folder, _, name = path[0].rpartition("/")
    return path[0] if {"tmp", "temp"}.isdisjoint(folder.split("/")) else f"<tmp>/{name}"


# Each takes linear time on any text: what an agent's code prints comes here, and nothing else runs meanwhile.
_NORMALISE: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<address>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<date>"),
    (re.compile(r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b"), "<time>"),
    (re.compile(r"\b\d+(?:\.\d+)?\s?(?:ms|us|µs|ns|s|sec|secs|seconds?|minutes?)\b"), "<duration>"),
    (re.compile(r"(?:/[^\s/:'\"()]+)+/?"), _lasting_part),
    (re.compile(r"\btmp[\w-]{6,}\b"), "<tmp>"),
    (re.compile(r"\bpytest-of-\w+|\bpytest-\d+\b"), "<tmp>"),
    (re.compile(r"(?:\bline |:)\d+(?::\d+)?\b(?:,? col(?:umn)? \d+\b)?"), ":<line>"),
    (re.compile(r"\(\d+,\d+\)(?=: )"), ":<line>"),
    (re.compile(r"\b(?:[0-9a-f]{40}|[0-9a-f]{64})\b"), "<hash>"),
    (re.compile(r"\bpid[ =:]?\d+\b", re.IGNORECASE), "<pid>"),
    (re.compile(r"\s+"), " "),
)

_FINDING_LINE = re.compile(
    r"^(?:FAILED|ERROR|FAIL:|ERROR:) \S"  # pytest, unittest
    r"|^\S[^:\s]*\.\w+:\d+(?::\d+)?: |^(?:E|W|F|C)\d{3,4}\b"  # compilers, linters
    r"|^test \S.* \.\.\. FAILED$|^error(?:\[\w+\])?: "  # cargo
    r"|^\s*--- FAIL: \S|^FAIL\t\S"  # go
)


def relative(text: str, folder: str) -> str:
    """The text with every path below a folder as the project's own files call it."""
    place = folder.rstrip("/")
    if not place or place not in text:
        return text
    return re.sub(re.escape(place) + r"(?![\w.-])", ".", text.replace(f"{place}/", ""))


def normalise(text: str, folder: str = "") -> str:
    """The text without what differs between two occurrences of one error; `folder` is where the command ran."""
    text = relative(text, folder)
    return _lasting(_ANSI.sub("", text[: 8 * MAX_TEXT])[: 4 * MAX_TEXT])[:MAX_TEXT]


def _lasting(text: str) -> str:
    for pattern, replacement in _NORMALISE:
        text = pattern.sub(replacement, text)
    return text.strip()


def signature(code: str, text: str, folder: str = "") -> str:
    """What names an error across attempts."""
    return _hashed(code, normalise(text, folder))


def _hashed(code: str, text: str) -> str:
    return hashlib.sha256(f"{code}\0{text}".encode("utf-8", "replace")).hexdigest()[:32]


def signatures(code: str, output: str, folder: str = "") -> frozenset[str]:
    """One signature per failure that the output of a tool lists, else one for the beginning of it."""
    lines = _listed(_ANSI.sub("", output))
    if not lines:
        return frozenset({signature(code, output, folder)})
    return frozenset(signature(code, line, folder) for line in lines)


def whole_signatures(code: str, output: str) -> frozenset[str]:
    """The same of all that a check said, to its end: a failure that only one of two outputs shows tells them apart, and
    so does one that is listed more often, for what differs may be the place alone.
    """
    text = _ANSI.sub("", output)
    seen = Counter(_lasting(line[:MOST_COMPARED]) + line[MOST_COMPARED:] for line in _listed(text) or [text])
    return frozenset(
        _hashed(code, said if time == 1 else f"{said}\0{time}")
        for said, times in seen.items()
        for time in range(1, times + 1)
    )


def _listed(output: str) -> list[str]:
    return [line for line in output.splitlines() if _FINDING_LINE.match(line)]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLimits:
    """How often one step may go red, and how often it may be sent to fix."""

    max_attempts: int = 3
    max_fix_attempts: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerLimits:
    """The limits of one workstream. A limit of 0 for signatures or oscillation is off; attempts are always limited."""

    edit: StepLimits = StepLimits(max_attempts=3, max_fix_attempts=0)
    static: StepLimits = StepLimits(max_attempts=3, max_fix_attempts=2)
    runtime: StepLimits = StepLimits(max_attempts=2, max_fix_attempts=1)
    review: StepLimits = StepLimits(max_attempts=3, max_fix_attempts=2)
    integrate: StepLimits = StepLimits(max_attempts=3, max_fix_attempts=2)
    max_attempts_per_error_signature: int = 3
    oscillation_window: int = 4
    oscillation_threshold: int = 2
    fix_enabled: tuple[str, ...] = ("static", "runtime")

    def of_step(self, step: str) -> StepLimits:
        """The limits of a step; a fix counts as the edit that it is."""
        found: StepLimits = getattr(self, "edit" if step == "fix" else step)
        return found

    def overridden(self, own: BreakerOverride) -> BreakerLimits:
        """These limits with what a workstream says of its own: it goes before the project's."""
        limits = self
        if own.max_attempts is not None:
            every = StepLimits(max_attempts=own.max_attempts, max_fix_attempts=max(0, own.max_attempts - 1))
            limits = replace(limits, edit=every, static=every, runtime=every, review=every, integrate=every)
        if own.max_error_repeats is not None:
            limits = replace(limits, max_attempts_per_error_signature=own.max_error_repeats)
        if own.oscillation_threshold is not None:
            limits = replace(limits, oscillation_threshold=own.oscillation_threshold)
        return limits


DEFAULT_LIMITS = BreakerLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """The breaker has tripped: which limit, its value, and a sentence."""

    limit: str
    value: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerState:
    """What went red so far in one round of a workstream."""

    red: tuple[tuple[str, int], ...] = ()
    fixes: tuple[tuple[str, int], ...] = ()
    seen: tuple[tuple[str, int], ...] = ()
    history: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def red_count(self, step: str) -> int:
        """How often a step went red."""
        return dict(self.red).get(step, 0)

    def with_red(self, step: str, tree: str, errors: frozenset[str], window: int) -> BreakerState:
        """This state after one more red attempt of a step on a tree; only a tree can oscillate."""
        pair = (tree, tuple(sorted(errors)))
        return replace(
            self,
            red=_raised(self.red, {step}),
            seen=_raised(self.seen, errors),
            history=(*self.history, pair)[-max(1, window) :] if tree else self.history,
        )

    def with_fix(self, step: str) -> BreakerState:
        """This state after one more fix for a step."""
        return replace(self, fixes=_raised(self.fixes, {step}))


NOTHING_RED = BreakerState()


def _raised(counts: tuple[tuple[str, int], ...], keys: frozenset[str] | set[str]) -> tuple[tuple[str, int], ...]:
    table = dict(counts)
    for key in keys:
        table[key] = table.get(key, 0) + 1
    return tuple(sorted(table.items()))


def finding_signatures(findings: tuple[Finding, ...]) -> frozenset[str]:
    """The signatures of all findings of one red attempt."""
    return frozenset(one for finding in findings for one in signatures(finding.code, finding.text))


def tripped(limits: BreakerLimits, state: BreakerState, step: str) -> Trip | None:
    """Whether it is enough, asked after `with_red`; the first limit that says so."""
    return next((trip for rule in _RULES if (trip := rule(limits, state, step)) is not None), None)


def _too_often_red(limits: BreakerLimits, state: BreakerState, step: str) -> Trip | None:
    most, red = limits.of_step(step).max_attempts, state.red_count(step)
    if red < most:
        return None
    times = "once" if red == 1 else f"{red} times"
    return Trip(limit="max_attempts_per_step", value=most, sentence=f"{step} failed {times}, as often as it may")


def _same_error_again(limits: BreakerLimits, state: BreakerState, step: str) -> Trip | None:
    most, seen = limits.max_attempts_per_error_signature, max((count for _, count in state.seen), default=0)
    if not 0 < most <= seen:
        return None
    times = "once" if seen == 1 else f"{seen} times"
    return Trip(limit="max_attempts_per_error_signature", value=most, sentence=f"the same error came {times}")


def _round_in_a_circle(limits: BreakerLimits, state: BreakerState, step: str) -> Trip | None:
    most = limits.oscillation_threshold
    same = state.history.count(state.history[-1]) if state.history else 0
    if not 0 < most <= same:
        return None
    return Trip(
        limit="oscillation_threshold",
        value=most,
        sentence=f"the same tree gave the same errors {same} times: the fixes go round in a circle",
    )


def _fix_switched_off(limits: BreakerLimits, state: BreakerState, step: str) -> Trip | None:
    if step not in ("static", "runtime") or step in limits.fix_enabled:
        return None
    return Trip(limit="enable_fix_for_steps", value=0, sentence=f"{step} failed, and fixing it is switched off")


def _too_many_fixes(limits: BreakerLimits, state: BreakerState, step: str) -> Trip | None:
    most, fixes = limits.of_step(step).max_fix_attempts, dict(state.fixes).get(step, 0)
    if step == "edit" or fixes < most:
        return None
    return Trip(
        limit="max_fix_attempts_per_step",
        value=most,
        sentence=f"{step} failed after {fixes} fixes, as many as it may have",
    )


_RULES = (_too_often_red, _same_error_again, _round_in_a_circle, _fix_switched_off, _too_many_fixes)
