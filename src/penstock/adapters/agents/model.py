"""An agent that is one call: it asks a model for whole files as JSON, and what comes back is applied or refused whole.

It runs in our own process and touches the worktree only by governed apply. Its answer is kept in the attempt's folder
before it is applied, so that an owner's death does not make it be paid twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import httpx2

from penstock.adapters.agents.attempt import AgentEnding
from penstock.adapters.agents.model_prompt import SYSTEM, Bounds, with_files
from penstock.adapters.agents.model_wire import Answer, Request, read_answer, read_failure, request
from penstock.adapters.agents.verdicts import clipped
from penstock.domain.deliverable import ApplyRules, FileSet
from penstock.domain.errors import AgentError, Bug
from penstock.ports import AgentReport
from penstock.ports.stopping import until_stopped

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.domain.redaction import Redactor
    from penstock.ports import AgentTask, Applying

KEPT = "answer.json"
LARGEST_RESPONSE = 16 << 20
LONGEST_WORDS, LONGEST_OUTPUT = 1000, 2000
"""Of a sentence its beginning, of an output its end; cut once no secret is left in it."""
REFUSED = "refused"
"""The ending of an attempt that the models' door ended."""

ReadFiles: TypeAlias = Callable[[str], tuple[FileSet, str]]
"""The files in a whole answer and the way they were found; an AgentError says what stands in the way."""


class ModelFailed(AgentError):
    """The call gave no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAgent:
    """One model as an agent."""

    name: str
    applier: Applying
    redactor: Redactor
    read: ReadFiles
    model: str = ""
    max_output: int = 16_384
    bounds: Bounds = field(default_factory=Bounds)
    memory_mb: int = 64
    max_calls: int = 0
    protocols: tuple[str, ...] = ("anthropic", "openai")

    @property
    def is_contained(self) -> bool:
        """It starts nothing, and what it writes is judged first."""
        return True

    async def work(self, task: AgentTask) -> AgentReport:
        """Ask, and apply the answer; an answer that is kept from before is applied without asking."""
        begin = time.monotonic()
        try:
            ending, sentence, output = await asyncio.wait_for(self._work(task), task.timeout)
        except TimeoutError:
            ending, sentence, output = AgentEnding.TIMED_OUT, "was stopped: its time was over", ""
        except httpx2.TransportError as failed:
            # the door is on this machine: without it no attempt says anything about its agent
            words = f"was lost: the models' door could not be reached ({type(failed).__name__})"
            ending, sentence, output = AgentEnding.LOST, words, ""
        except AgentError as failed:
            ending, sentence, output = AgentEnding.FAILED, failed.sentence, ""
        return AgentReport(
            ending=ending,
            sentence=clipped(self.redactor.redact(sentence), LONGEST_WORDS),
            output=self.redactor.redact(output)[-LONGEST_OUTPUT:],
            duration=time.monotonic() - begin,
            confined=True,
        )

    async def _work(self, task: AgentTask) -> tuple[str, str, str]:
        if task.visit is None:
            raise Bug(f"the agent {self.name} calls a model and was given no way to one")
        scope = task.workstream.scope
        known = self.redactor.without_keys
        prompt = await asyncio.to_thread(with_files, task.prompt, task.worktree, scope, known, self.bounds)
        asked = request(task.visit.access, SYSTEM, prompt.text, self.max_output)
        answer = await asyncio.to_thread(_kept, task.folder, asked)
        if answer is None:
            said = await until_stopped(task.visit, _asked(asked, task.visit.access.protocol))
            if not isinstance(said, Answer):
                return REFUSED, f"was stopped: {said.sentence}", ""
            answer = said
            await asyncio.to_thread(self._keep, task.folder, asked, answer)
        if answer.fault:
            return AgentEnding.FAILED, f"gave no usable answer: it {answer.fault}", answer.text
        files, strategy = await asyncio.to_thread(self.read, answer.text)
        await asyncio.to_thread(_must_have_seen, files, prompt.shown, task.worktree)
        applied = await self.applier.apply(task.worktree, files, ApplyRules(scope=scope))
        return AgentEnding.FINISHED, f"changed {len(applied.paths)} files (read as JSON: {strategy})", ""

    def _keep(self, folder: Path, asked: Request, answer: Answer) -> None:
        """Write the answer down, unless it holds a secret: what is applied must be what was kept, to the letter."""
        if self.redactor.without_keys(answer.text) == answer.text:
            _write(folder / KEPT, {"asked": _digest(asked), "text": answer.text, "stop": answer.stop})


def _must_have_seen(files: FileSet, shown: Collection[str], worktree: Path) -> None:
    """Raise an error where a file is there and was not shown: whoever writes it anew writes over what is in it."""
    names = (one.path for one in files.files if one.path not in shown)
    unseen = [name for name in names if os.path.lexists(worktree / name)]
    if unseen:
        raise ModelFailed(f"would write over files that it was not shown: {', '.join(map(ascii, unseen[:5]))}")


async def _asked(asked: Request, protocol: str) -> Answer:
    """One call, never repeated: the door alone does that."""
    headers = {**asked.headers, "accept-encoding": "identity"}
    async with (
        httpx2.AsyncClient(trust_env=False, timeout=None) as client,
        client.stream("POST", asked.url, headers=headers, json=asked.body) as response,
    ):
        content = bytearray()
        async for piece in response.aiter_bytes():
            content += piece
            if len(content) > LARGEST_RESPONSE:
                raise ModelFailed(f"was answered with more than {LARGEST_RESPONSE} bytes")
    if response.status_code != 200:
        said = read_failure(bytes(content))
        raise ModelFailed(f"was answered with HTTP {response.status_code}{f': {said}' if said else ''}")
    return await asyncio.to_thread(read_answer, protocol, bytes(content))


def _kept(folder: Path, asked: Request) -> Answer | None:
    """The answer to this very question that was kept before its owner died."""
    try:
        record = json.loads((folder / KEPT).read_bytes())
        if record["asked"] != _digest(asked):
            return None
        return Answer(text=str(record["text"]), stop=str(record["stop"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _digest(asked: Request) -> str:
    return hashlib.sha256(json.dumps(asked.body, sort_keys=True).encode()).hexdigest()


def _write(path: Path, record: dict[str, str]) -> None:
    """A file for its owner alone, there entirely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
        json.dump(record, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
