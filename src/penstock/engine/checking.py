"""Run checks on a tree in a clean checkout and remember what they said, so that one tree is asked once.

A green answer is taken up again for the same tree. A red one is asked anew, since a person may have mended the machine
meanwhile; only as the base's answer, against which others are compared, it stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from penstock.domain import breaker
from penstock.domain.acceptance import parse_builtin
from penstock.domain.changes import Candidate
from penstock.domain.checks import NOT_JUDGED, CheckResult, is_known
from penstock.domain.errors import Bug
from penstock.domain.plan import Acceptance, AcceptanceKind, Check, Workstream
from penstock.domain.run import AttemptId
from penstock.engine.builtins import run_builtin
from penstock.engine.context import Context
from penstock.ports import ToolContext

MOST_OUTPUT = 4000


@dataclass(slots=True)
class Examiner:
    """Asks checks about one tree on behalf of one attempt; the checkout is made when a check is really run."""

    context: Context
    workstream: str
    attempt: AttemptId
    asked: int = field(default=0, init=False)

    async def checks(self, subject: Candidate, checks: Sequence[Check], base: str) -> list[CheckResult]:
        """The project's own checks; a red one that shows only what the base shows is marked as known."""
        async with _Checkout(self.context, subject.commit) as checkout:
            results = [await self._check(subject, check, checkout) for check in checks]
        return [await self._compared(result, check, base) for result, check in zip(results, checks, strict=True)]

    async def acceptance(self, subject: Candidate, workstream: Workstream, base: str) -> list[CheckResult]:
        """What a workstream's own acceptance says; prose is not asked."""
        overlay = (base, workstream.acceptance_files) if workstream.acceptance_files else None
        environment = f"acceptance files of {base}" if overlay else ""
        async with _Checkout(self.context, subject.commit, overlay) as checkout:
            return [
                await self._accept(subject, line, workstream, environment, checkout)
                for line in workstream.acceptance
                if line.is_checkable
            ]

    async def _check(
        self, subject: Candidate, check: Check, checkout: _Checkout, *, is_base: bool = False
    ) -> CheckResult:
        known = await self.context.journal.known_result(subject.tree, check.command, "")
        if known is not None and (known.passed or is_base):
            return replace(known, kind="static")
        return await self._run(subject, check, "static", "", checkout)

    async def _accept(
        self, subject: Candidate, line: Acceptance, workstream: Workstream, environment: str, checkout: _Checkout
    ) -> CheckResult:
        if line.kind is AcceptanceKind.BUILTIN:
            # What it says depends on the declared files too, and asking costs next to nothing: not kept.
            claim = parse_builtin(line.text)
            if claim is None:
                raise Bug(f"`{line.text}` was taken for a known sentence and is none")
            passed, text = await asyncio.to_thread(run_builtin, claim, await checkout.path(), workstream.scope)
            code = 0 if passed else 1
            return CheckResult(
                tree=subject.tree,
                command=line.text,
                kind="builtin",
                passed=passed,
                exit_code=code,
                output=text,
                environment=environment,
                error="" if passed else "runtime_failure",
            )
        known = await self.context.journal.known_result(subject.tree, line.text, environment)
        if known is not None and known.passed:
            return replace(known, kind="acceptance")
        check = Check(name=line.text, command=line.text, timeout=self.context.settings.check_timeout)
        return await self._run(subject, check, "acceptance", environment, checkout)

    async def _run(
        self, subject: Candidate, check: Check, kind: str, environment: str, checkout: _Checkout
    ) -> CheckResult:
        self.asked += 1
        where = await checkout.path()
        folder = self.context.folder(self.workstream, self.attempt) / f"check-{self.asked}"
        marker = self.context.marker(self.workstream, self.attempt)
        answer = await self.context.tools.run_command(check, ToolContext(worktree=where, folder=folder, marker=marker))
        output = "\n".join(part for part in (answer.stdout.rstrip(), answer.stderr.rstrip()) if part)
        code = answer.error_code() or ""
        result = CheckResult(
            tree=subject.tree,
            command=check.command,
            kind=kind,
            passed=answer.success,
            exit_code=answer.exit_code,
            signatures=() if answer.success else tuple(sorted(breaker.signatures(code, output, str(where)))),
            output=output[-MOST_OUTPUT:],
            duration=answer.duration_sec,
            environment=environment,
            error="" if answer.success else code,
        )
        if code not in NOT_JUDGED:
            await self.context.journal.keep_result(result)
        return result

    async def _compared(self, result: CheckResult, check: Check, base: str) -> CheckResult:
        if result.passed or not base or result.error in NOT_JUDGED:
            return result
        subject = await self.context.history.candidate(base)
        if subject.tree == result.tree:
            return replace(result, known=True)
        async with _Checkout(self.context, subject.commit) as checkout:
            before = await self._check(subject, check, checkout, is_base=True)
        return replace(result, known=is_known(result, before))


class _Checkout:
    """A clean checkout that is made on first use and given back at the end."""

    def __init__(self, context: Context, commit: str, overlay: tuple[str, Sequence[str]] | None = None) -> None:
        self._context = context
        self._commit = commit
        self._overlay = overlay
        self._stack = AsyncExitStack()
        self._path: Path | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def path(self) -> Path:
        """Its folder."""
        if self._path is None:
            made = self._context.workspace.checkout(self._context.run, self._commit, overlay=self._overlay)
            self._path = await self._stack.enter_async_context(made)
        return self._path
