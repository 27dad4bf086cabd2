"""Run checks on a tree in a clean checkout and remember what they said, so that one tree is asked once.

A green answer is taken up again for the same tree. A red one is asked anew, since a person may have mended the machine
meanwhile; only as the base's answer, against which others are compared, it stands.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from penstock.domain import breaker
from penstock.domain.acceptance import parse_builtin
from penstock.domain.changes import Candidate
from penstock.domain.checks import MISSING, NOT_JUDGED, CheckResult, is_known, is_of_machine, missing_program
from penstock.domain.errors import Bug, WorldError
from penstock.domain.plan import Acceptance, AcceptanceKind, Check, TestGate, Workstream
from penstock.domain.tool_result import ToolResult
from penstock.engine.builtins import run_builtin
from penstock.engine.context import Context
from penstock.engine.furnishing import Furnished
from penstock.ports import SetupFailed, ToolContext

MOST_OUTPUT = 4000


class ProgramMissing(WorldError):
    """This machine lacks what a check of the project needs: no fix of an agent's mends that."""

    def __init__(self, result: CheckResult) -> None:
        self.program, self.command = missing_program(result), result.command
        super().__init__(
            f"the check `{self.command}` can't be run: `{self.program}` is not on this machine",
            hint="install it where checks find it (`penstock doctor` tells), then `penstock resume` the run; "
            "or mend [checks] in penstock.toml and begin a new run",
        )


@dataclass(slots=True)
class Examiner:
    """Asks checks about trees on behalf of one attempt or judgement, named by `place` and `key`.

    A checkout is made only where something is really run.
    """

    context: Context
    place: str
    key: str
    asked: int = field(default=0, init=False)

    async def checks(self, subject: Candidate, checks: Sequence[Check], base: str) -> list[CheckResult]:
        """The project's own checks; a red one that shows only what the base shows is marked as known. Raises
        `ProgramMissing`.
        """
        results, missing = await self._compared(subject, checks, base)
        if missing:
            raise ProgramMissing(missing[0])
        return results

    async def gates(self, subject: Candidate, gates: Sequence[TestGate], base: str) -> list[CheckResult]:
        """What the check groups say that gates name, one gate after another, each group in one checkout."""
        return [result for gate in gates for result in await self._gate(subject, gate, base)]

    async def _gate(self, subject: Candidate, gate: TestGate, base: str) -> list[CheckResult]:
        group = self.context.settings.groups.get(gate.group, ())
        results, missing = await self._compared(subject, group, base)
        if missing and gate.required:
            raise ProgramMissing(missing[0])
        return [replace(one, kind=gate.type, blocking=gate.blocking and one not in missing) for one in results]

    async def _compared(
        self, subject: Candidate, checks: Sequence[Check], base: str
    ) -> tuple[list[CheckResult], list[CheckResult]]:
        """What checks say, compared with the base where they are red; and those whose program this machine lacks."""
        if not checks:
            return [], []
        try:
            results = await self._answers(subject, checks, base)
        except SetupFailed as failed:
            return [self._red_setup(subject, failed, "static_failure")], []
        open_ = [
            place
            for place, result in enumerate(results)
            if not result.passed and (result.error == MISSING or result.error not in NOT_JUDGED)
        ]
        if not open_ or not base:
            return results, []
        compared, before = await self.context.history.candidate(base), results
        if compared.tree != subject.tree:
            before = await self._answers(compared, checks[: open_[-1] + 1], base, is_base=True)
        results = [
            replace(one, known=is_known(one, before[place])) if place in open_ else one
            for place, one in enumerate(results)
        ]
        return results, [results[place] for place in open_ if is_of_machine(results[place], before[place])]

    async def acceptance(self, subject: Candidate, workstream: Workstream, base: str) -> list[CheckResult]:
        """What a workstream's own acceptance says; prose is not asked."""
        files, lines = workstream.acceptance_files, [line for line in workstream.acceptance if line.is_checkable]
        if not lines:
            return []
        environment = await self._environment(subject, f"{', '.join(files)} of {base}" if files else "")
        known = [await self._remembered(subject, self._as_check(line), environment) for line in lines]
        found = [replace(one, kind="acceptance") for one in known if one is not None and one.passed]
        if len(found) == len(lines):
            return found
        overlay = (base, files) if files else None
        try:
            async with await self._checkout(subject, base, overlay) as where:
                return [await self._accept(subject, line, workstream, environment, where) for line in lines]
        except SetupFailed as failed:
            return [self._red_setup(subject, failed, "runtime_failure")]

    async def _answers(
        self, subject: Candidate, checks: Sequence[Check], base: str, *, is_base: bool = False
    ) -> list[CheckResult]:
        """What all of these checks say, one after another in one checkout: a later one may need what an earlier one
        made there, so they are remembered all or not at all.
        """
        environment = await self._environment(subject)
        known = [await self._remembered(subject, check, environment) for check in checks]
        found = [replace(one, kind="static") for one in known if one is not None and (one.passed or is_base)]
        if len(found) == len(checks):
            return found
        async with await self._checkout(subject, base) as where:
            return [await self._run(subject, check, "static", environment, where) for check in checks]

    async def _remembered(self, subject: Candidate, check: Check, environment: str) -> CheckResult | None:
        """What a command said of this tree before, judged by the exit codes that are good now."""
        known = await self.context.journal.known_result(subject.tree, check.command, environment)
        if known is None:
            return None
        return replace(known, passed=known.exit_code in check.success_codes, remembered=True)

    async def _environment(self, subject: Candidate, files: str = "") -> str:
        """What else than tree and command an answer depends on. Confinement is a part of it: what was said without is
        never taken for what would be said within, nor the other way round.
        """
        confined = "confined" if self.context.tools.confined else ""
        return "; ".join(filter(None, (await self.context.furnisher.maker.identity(subject), files, confined)))

    async def _checkout(
        self, subject: Candidate, base: str, overlay: tuple[str, Sequence[str]] | None = None
    ) -> AbstractAsyncContextManager[Furnished]:
        errand = await self.context.errand(self.place, self.key)
        return self.context.furnisher.checkout(subject, base, errand, overlay)

    def _red_setup(self, subject: Candidate, failed: SetupFailed, error: str) -> CheckResult:
        """A tree whose set-up fails where its base's does not is red; where both do, the machine is not as needed."""
        if failed.of_base:
            raise failed
        output = failed.output or failed.sentence
        return CheckResult(
            tree=subject.tree,
            command=failed.command or "set-up",
            kind="setup",
            passed=False,
            exit_code=failed.exit_code,
            signatures=tuple(sorted(breaker.whole_signatures("setup_failed", output))),
            output=output,
            confined=self.context.tools.confined,
            error=error,
        )

    def _as_check(self, line: Acceptance) -> Check:
        return Check(name=line.text, command=line.text, timeout=self.context.settings.check_timeout)

    async def _accept(
        self, subject: Candidate, line: Acceptance, workstream: Workstream, environment: str, where: Furnished
    ) -> CheckResult:
        if line.kind is not AcceptanceKind.BUILTIN:
            return await self._run(subject, self._as_check(line), "acceptance", environment, where)
        # What it says depends on the declared files too, and asking costs next to nothing: not kept.
        claim = parse_builtin(line.text)
        if claim is None:
            raise Bug(f"`{line.text}` was taken for a known sentence and is none")
        passed, text = await asyncio.to_thread(run_builtin, claim, where.folder, workstream.scope)
        return CheckResult(
            tree=subject.tree,
            command=line.text,
            kind="builtin",
            passed=passed,
            exit_code=0 if passed else 1,
            output=text,
            environment=environment,
            confined=self.context.tools.confined,  # nothing of the tree runs in it
            error="" if passed else "runtime_failure",
        )

    async def _run(
        self, subject: Candidate, check: Check, kind: str, environment: str, where: Furnished
    ) -> CheckResult:
        self.asked += 1
        folder = (await self.context.folder(self.place, self.key)) / f"check-{self.asked}"
        marker = self.context.marker(self.place, self.key)
        answer = await self.context.tools.run_command(
            check, ToolContext(worktree=where.folder, folder=folder, marker=marker, furnishing=where.furnishing)
        )
        output = from_the_project(said_by(answer), where.folder)
        code = answer.error_code("static" if kind == "static" else "runtime") or ""
        plain = answer.error_code() or ""  # the same for the base, whichever step asks
        shown = () if answer.success else await asyncio.to_thread(breaker.whole_signatures, plain, output)
        result = CheckResult(
            tree=subject.tree,
            command=check.command,
            kind=kind,
            passed=answer.success,
            exit_code=answer.exit_code,
            signatures=tuple(sorted(shown)),
            output=output[-MOST_OUTPUT:],
            duration=answer.duration_sec,
            environment=environment,
            confined=answer.confined,
            error=code,
        )
        if code not in NOT_JUDGED:
            await self.context.journal.keep_result(result)
        return result


def said_by(answer: ToolResult) -> str:
    """All that a command wrote."""
    return "\n".join(part for part in (answer.stdout.rstrip(), answer.stderr.rstrip()) if part)


def from_the_project(text: str, folder: Path) -> str:
    """The text with paths as the project calls them: a folder of ours means nothing to an agent, and changes."""
    if not text:
        return text
    for place in dict.fromkeys((str(folder), os.path.realpath(folder))):
        text = breaker.relative(text, place)
    return text
