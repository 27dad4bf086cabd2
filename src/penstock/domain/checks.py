"""What a check said about a tree, and when a set of such answers is a verdict.

`give_verdict` is the only maker of verdicts. It refuses results about any other tree, and a red result unless the base
tree gave the same errors for the same command.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from penstock.domain.changes import Candidate, Finding, Verdict
from penstock.domain.errors import Bug


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One command on one tree: judged by its exit code, kept by (tree, command, environment)."""

    tree: str
    command: str
    kind: str
    passed: bool
    exit_code: int | None
    signatures: tuple[str, ...] = ()
    output: str = ""
    duration: float = 0.0
    environment: str = ""
    confined: bool = False
    known: bool = False
    """Red, but only as red as the base."""
    error: str = ""
    """The code of the contract's list: static_failure, timeout, missing_binary …; empty when it passed."""
    remembered: bool = False
    """Said about this tree before: the command was not run again."""
    blocking: bool = True
    """False: of a test gate that is only shown; red, it stops nothing and is never counted as passed."""

    @property
    def counts_as_passed(self) -> bool:
        """Green, or no worse than the base."""
        return self.passed or self.known

    @property
    def stops(self) -> bool:
        """Red, worse than the base, and of something that counts."""
        return self.blocking and not self.counts_as_passed

    def finding(self) -> Finding:
        """What a fix is told."""
        code = self.error or ("static_failure" if self.kind == "static" else "runtime_failure")
        how = code if code in NOT_JUDGED else f"exit code {self.exit_code}"
        return Finding(code=code, text=f"{self.command}: {how}\n{self.output}".rstrip())


MISSING = "missing_binary"
NOT_JUDGED = frozenset({MISSING, "timeout", "tool_failed"})
"""Codes of a check that did not come to an end of its own: it has said nothing about the tree."""


class TreeWithoutVerdict(Bug):
    """Something was about to be merged that no verdict speaks of."""


def is_known(red: CheckResult, base: CheckResult) -> bool:
    """Whether a red result shows only what the base shows for the same command. What could not be run shows nothing."""
    return (
        red.command == base.command
        and not {red.error, base.error} & NOT_JUDGED
        and not base.passed
        and bool(red.signatures)
        and set(red.signatures) <= set(base.signatures)
    )


def carried_over(verdict: Verdict, *, id: str, parent: str, commit: Candidate) -> Verdict:  # noqa: A002 - its field
    """The verdict for another commit of the same tree: what was said of the tree holds, whoever leads to it."""
    if commit.tree != verdict.tree:
        raise TreeWithoutVerdict(f"the verdict {verdict.id} judged tree {verdict.tree}, not {commit.tree}")
    return replace(verdict, id=id, parent=parent, commit=commit.commit, merges=())


_SHELL_MISSES = re.compile(
    r"^\S*sh: (?:line )?(?:\d+: )?(.+?): (?:(?:command )?not found|No such file or directory|Permission denied)$",
    re.MULTILINE,
)


def missing_program(result: CheckResult) -> str:
    """The program that a shell could not run, as it says; else the first word of the command."""
    said = _SHELL_MISSES.findall(result.output)
    words = [word for word in result.command.split() if "=" not in word]
    return str(said[-1]) if said else next(iter(words), result.command)


def is_of_machine(red: CheckResult, base: CheckResult) -> bool:
    """Whether this machine lacks a program: one that the base had, or that the tree should bring, it does not lack."""
    name = missing_program(red)
    is_of_tree = "/" in name and not name.startswith("/")
    return red.command == base.command and red.error == base.error == MISSING and not is_of_tree


def all_confined(results: Sequence[CheckResult]) -> bool | None:
    """Whether all that was run was confined; None where nothing was."""
    return all(result.confined for result in results) if results else None


def give_verdict(
    *,
    id: str,  # noqa: A002 - the field's name
    branch: str,
    parent: str,
    merged: Candidate,
    merges: Mapping[str, str],
    results: Sequence[CheckResult],
) -> Verdict:
    """The verdict for exactly the merged tree; a Bug if a result is of another tree or is red.

    `merges` holds each member's own merge commit, in their order.
    """
    for result in results:
        if result.tree != merged.tree:
            raise TreeWithoutVerdict(f"the check `{result.command}` judged tree {result.tree}, not {merged.tree}")
        if result.stops:
            raise TreeWithoutVerdict(f"the check `{result.command}` is red on tree {merged.tree}")
    passed = [result.command for result in results if result.counts_as_passed]
    return Verdict(
        id=id,
        branch=branch,
        parent=parent,
        commit=merged.commit,
        tree=merged.tree,
        members=tuple(merges),
        merges=tuple(merges.values()),
        checks=tuple(dict.fromkeys(passed)),
        known_failures=tuple(dict.fromkeys(result.command for result in results if result.known)),
        not_blocking=tuple(dict.fromkeys(result.command for result in results if not result.counts_as_passed)),
        unchecked=not passed,
        confined=bool(all_confined(results)),
    )
