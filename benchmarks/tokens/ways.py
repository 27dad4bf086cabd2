"""The same work asked for in three ways: as JSON, as documents of prose, and as one conversation over whole files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from epics import Epic
from penstock.domain.phases import RolePrompt, options_of
from penstock.planning.artifacts import model_of
from penstock.planning.prompting import Matter, PromptParts, Section, compose, stable_part
from penstock.planning.seeds import shipped_phases, shipped_prompts

AT = datetime(2026, 11, 28, tzinfo=UTC)
PROMPTS: Mapping[str, RolePrompt] = {one.role: one for one in shipped_prompts(AT)}
PHASES = shipped_phases(AT)
ROLES = tuple(one.role for one in PHASES)
SEES_CODE = ("architect", "ba", "dev")
COMPLAINT = (
    "That is not valid: stories[0].priority: input should be 'critical', 'high', 'medium' or 'low'; found \"High\"\
. Output the whole JSON again."
)
_PROSE = Path(__file__).resolve().parent / "prose"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One answer: what is sent that a cache can't know, what it can (a beginning sent before), and what comes back."""

    role: str
    fresh: str
    before: str = ""
    answer: str
    is_again: bool = False


def fixed_texts() -> dict[str, str]:
    """What Penstock says itself, per role, whatever the epic."""
    return {one.role: stable_part(PROMPTS[one.role], model_of(one.artifact_type)) for one in PHASES}


def as_json(epic: Epic, *, blanks: tuple[str, str] = (",", ":"), indent: int | None = None) -> Iterator[Call]:
    """Penstock's own prompts, answered by JSON; each answer also a second time, after a complaint."""
    known: dict[str, object] = {}
    for phase in PHASES:
        sees = options_of(phase.config).sees
        matter = Matter(
            epic=epic.wish,
            state={"epic_id": "EPIC-4f1c09ab", "phase": phase.phase, "round": 1},
            artifacts={kind: payload for kind, payload in known.items() if sees is None or kind in sees},
            sections=tuple(Section(title=title, text=text) for title, text in _shown(epic, phase.role)),
        )
        parts: PromptParts = compose(PROMPTS[phase.role], model_of(phase.artifact_type), matter)
        asked = f"{parts.stable}\n\n{parts.asked}"
        payload = epic.payloads[phase.artifact_type]
        answer = json.dumps(payload, ensure_ascii=False, separators=blanks, indent=indent)
        yield Call(role=phase.role, fresh=asked, answer=answer)
        yield Call(role=phase.role, before=asked, fresh=f"{answer}\n{COMPLAINT}", answer=answer, is_again=True)
        known[phase.artifact_type] = payload


def as_documents(epic: Epic) -> Iterator[Call]:
    """Each role is sent all documents before, and answers with one."""
    documents: list[str] = []
    for phase in PHASES:
        own = _prompt(epic, phase.role)
        document = _document(epic, phase.artifact_type)
        asked = "\n\n".join([own[0], f"# Epic\n\n{epic.wish}", *documents, *own[1:]])
        yield Call(role=phase.role, fresh=asked, answer=document)
        documents.append(document)


def as_conversation(epic: Epic) -> Iterator[Call]:
    """One conversation that begins with all files, and all of which is sent again with each message."""
    said: list[str] = []
    first = [f"# Epic\n\n{epic.wish}", f"# Code\n\n{epic.whole_files}"]
    for phase in PHASES:
        own = "\n\n".join([*([] if said else first), *_prompt(epic, phase.role, sees_code=False)])
        document = _document(epic, phase.artifact_type)
        yield Call(role=phase.role, before="\n\n".join(said), fresh=own, answer=document)
        said += [own, document]


def _prompt(epic: Epic, role: str, *, sees_code: bool = True) -> list[str]:
    words = (_PROSE / f"{role}.prompt.md").read_text(encoding="utf-8").strip()
    return [words, *(f"# {title}\n\n{text}" for title, text in _shown(epic, role, sees_code=sees_code))]


def _shown(epic: Epic, role: str, *, sees_code: bool = True) -> Iterator[tuple[str, str]]:
    """What a role is shown besides artifacts."""
    if sees_code and role in SEES_CODE:
        yield "Baseline Code", epic.signatures
    if role == "qa":
        yield "Diff", epic.diff
        yield "Results", epic.results
    if role == "commit":
        yield "Changed Files", "\n".join(line for line in epic.diff.splitlines() if line.startswith("+++ "))


def _document(epic: Epic, kind: str) -> str:
    environment = Environment(
        loader=FileSystemLoader(_PROSE), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(f"{kind}.md.j2").render(
        it=epic.models[kind],
        wish=epic.wish,
        epic=epic.models["epic"],
        architecture=epic.models["arch_notes"],
        specification=epic.models["ba_spec"],
    )
