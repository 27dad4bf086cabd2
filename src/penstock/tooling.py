"""The use cases about tools: which there are, whether their programs are here, and one run of one tool."""

from __future__ import annotations

import asyncio
import secrets
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from penstock import disk
from penstock.config.settings import Settings
from penstock.domain.claims import Claim, ClaimedError, ClaimedEvent, step_named
from penstock.domain.errors import UserError
from penstock.domain.events import Claimed
from penstock.domain.plan import Check
from penstock.domain.refusals import EventRefused
from penstock.domain.run import Step
from penstock.domain.tool_result import ToolResult
from penstock.domain.tools import PLACEHOLDERS, ToolProfile, ToolType
from penstock.engine.checking import from_the_project
from penstock.parts import Parts, ProjectParts
from penstock.ports import ToolContext
from penstock.projects import Opened, Project, Projects
from penstock.service import Service
from penstock.submission import NotTrusted

BY_HAND = ".tools"
"""In the place of a run's id, which can't begin with a dot: what people run themselves belongs to no attempt."""
AT_ONCE = 4
ANSWERS_WITHIN = 20.0
MOST_OUTPUT = 4000

CONTEXT = {*PLACEHOLDERS, "run_id", "ws_id", "step"}
"""What may be said where a tool is run by a mapping."""

STEP_OF: Mapping[ToolType, Step] = {
    ToolType.AI: Step.EDIT,
    ToolType.STATIC_CHECK: Step.STATIC,
    ToolType.TEST: Step.RUNTIME,
    ToolType.UTILITY: Step.RUNTIME,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool that can be named, and who says how it is called."""

    id: str
    profile: ToolProfile
    origin: str

    @property
    def command_line(self) -> str:
        """How it is called, placeholders and all."""
        return shlex.join((self.profile.command, *self.profile.args))


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """Whether the program of a tool is on this machine, and what it says of its version."""

    tool: Tool
    path: str
    """Empty: not found."""
    version: str = ""
    """Empty where it was not asked: only programs of shipped profiles are known to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOrder:
    """One run of a tool that somebody asks for: where, with what, and of which workstream it speaks."""

    tool_id: str
    folder: Path | None = None
    message: str | None = None
    model: str = ""
    prompt_file: Path | None = None
    run_id: str = ""
    workstream: str = ""
    step: str = ""

    @classmethod
    def from_context(cls, tool_id: str, context: Mapping[str, Any]) -> ToolOrder:
        """The order that a mapping says, in the words of the profiles' placeholders."""
        if unknown := sorted(set(context) - CONTEXT):
            possible = ", ".join(sorted(CONTEXT))
            raise UserError(f"the context of a tool holds the unknown {unknown[0]!r}; possible are {possible}")
        given = {name: str(value) for name, value in context.items() if value is not None and value != ""}
        folder = given.get("cwd") or given.get("worktree_path") or given.get("repo_root")
        return cls(
            tool_id=tool_id,
            folder=Path(folder) if folder else None,
            message=given.get("message"),
            model=given.get("model_name", ""),
            prompt_file=Path(given["prompt_file"]) if "prompt_file" in given else None,
            run_id=given.get("run_id", ""),
            workstream=given.get("ws_id", ""),
            step=given.get("step", ""),
        )


class Tooling:
    """Everything that a user can ask of Penstock about tools."""

    def __init__(self, parts: Parts, projects: Projects, service: Service) -> None:
        self._parts, self._projects, self._service = parts, projects, service

    def known(self) -> list[Tool]:
        """All tools, as the settings of the checkout say: for looking."""
        settings = self._projects.settings_here()
        return _tools(settings, self._parts.tool_profiles(settings))

    async def check(self, wanted: Sequence[str] = ()) -> list[Presence]:
        """Whether the programs of these tools, or of all, are on this machine."""
        known = {tool.id: tool for tool in self.known()}
        if unknown := [name for name in wanted if name not in known]:
            raise UserError(f"there is no tool {unknown[0]!r}", hint=f"known are {', '.join(sorted(known))}")
        tools = [known[name] for name in wanted] if wanted else list(known.values())
        settings = self._parts.settings({})
        shipped = {tool.profile.command for tool in known.values() if tool.origin == "default"}
        project = Project(id="no-project", path=self._parts.folder)
        few = asyncio.Semaphore(AT_ONCE)

        async def look(tool: Tool) -> Presence:
            path = shutil.which(tool.profile.command, path=self._parts.search_path) or ""
            if not path or tool.profile.command not in shipped:
                return Presence(tool=tool, path=path)
            async with few:
                return Presence(tool=tool, path=path, version=await self._version(parts, path))

        async with self._parts.project(project.id, project.path, settings) as parts:
            return list(await asyncio.gather(*map(look, tools)))

    async def _version(self, parts: ProjectParts, path: str) -> str:
        ask = Check(name="version", command=shlex.join((path, "--version")), timeout=ANSWERS_WITHIN)
        folder, marker = await _by_hand(parts)
        try:
            context = ToolContext(worktree=folder, folder=folder, marker=marker)
            answer = await parts.tools.run_command(ask, context)
        finally:
            await asyncio.to_thread(disk.remove_if_possible, folder)
        lines = (answer.stdout or answer.stderr).strip().splitlines() if answer.success else []
        return lines[0].strip() if lines else ""

    async def run(self, order: ToolOrder) -> ToolResult:
        """Run a tool in a folder; with a run named, what came of it is claimed in that run's events and errors."""
        folder = _folder(self._parts.folder, order)
        async with self._projects.opened(self._projects.current()) as opened:
            profile = self._parts.tool_profiles(opened.settings).get(order.tool_id)
            step = _step(order, profile)
            if order.run_id:
                self._must_be_known(order)
            _must_be_trusted(order, opened)
            result = await self._run(order, opened, folder)
        if order.run_id:
            claims = _claims(result, step, folder)
            await self._service.tell(order.run_id, Claimed(workstream=order.workstream, claims=claims))
        return result

    async def _run(self, order: ToolOrder, opened: Opened, folder: Path) -> ToolResult:
        own, marker = await _by_hand(opened.parts)
        configured = opened.settings.values.get(f"agents.{order.tool_id}.model")
        prompt = None if order.prompt_file is None else (self._parts.folder / order.prompt_file).absolute()
        context = ToolContext(worktree=folder, folder=own, marker=marker, prompt_file=prompt)
        context = replace(context, model_name=order.model or str(configured or ""), message=order.message)
        try:
            return await opened.parts.tools.run_tool(order.tool_id, context)
        finally:
            await asyncio.to_thread(disk.remove_if_possible, own)

    def _must_be_known(self, order: ToolOrder) -> None:
        """Before anything runs: the run, and the workstream in it."""
        known = [row["ws_id"] for row in self._parts.views.run(order.run_id)["workstreams"]]
        if order.workstream and order.workstream not in known:
            raise EventRefused(
                f"run {order.run_id} has no workstream {order.workstream!r}; it has: {', '.join(known[:10]) or 'none'}"
            )


def _tools(settings: Settings, profiles: Mapping[str, ToolProfile]) -> list[Tool]:
    return [Tool(id=name, profile=one, origin=settings.origin(f"tools.{name}")) for name, one in profiles.items()]


def _folder(standing: Path, order: ToolOrder) -> Path:
    folder = standing if order.folder is None else standing / order.folder
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder, and a tool runs in one", hint="name a folder with --cwd")
    return folder.resolve()


async def _by_hand(parts: ProjectParts) -> tuple[Path, str]:
    name = secrets.token_hex(4)
    folder = await parts.supervision.folder(BY_HAND, "by-hand", name)
    return folder, parts.supervision.marker(BY_HAND, "by-hand", name)


def _must_be_trusted(order: ToolOrder, opened: Opened) -> None:
    if order.tool_id in opened.settings.of_project("tools") and not opened.is_trusted:
        raise NotTrusted(
            f"the project itself says what {order.tool_id!r} runs, and you have not agreed to it:\n{opened.difference}",
            hint="look at it, then run `penstock trust`",
        )


def _step(order: ToolOrder, profile: ToolProfile | None) -> Step:
    """The step that the run of a tool belongs to: what was said, else what tools of its type are for."""
    if (order.workstream or order.step) and not order.run_id:
        raise UserError("a workstream or a step was named without its run", hint="name the run, too")
    if not order.step:
        return STEP_OF[profile.type] if profile is not None else Step.RUNTIME
    return step_named(order.step)


def _claims(result: ToolResult, step: Step, folder: Path) -> tuple[Claim, ...]:
    code = result.error_code(step.value)
    payload = {
        "tool_id": result.tool_id,
        "kind": "tool",
        "step": step.value,
        "command": result.command_line,
        "exit_code": result.exit_code,
        "duration": result.duration_sec,
        "passed": result.success,
        "error": code or "",
    }
    event = ClaimedEvent(name="tool_run", payload=payload)
    if code is None:
        return (event,)
    output = "\n".join(part for part in (result.stdout.rstrip(), result.stderr.rstrip()) if part)
    text = from_the_project(output, folder)[-MOST_OUTPUT:] or f"{result.tool_id} ended with {result.exit_code}"
    return event, ClaimedError(step=step, code=code, text=text)
