"""The one plain prompt: tasks, scope, acceptance and, for a fix, what went wrong. Everything from a tool or a person
is fenced as data.
"""

from __future__ import annotations

from collections.abc import Sequence

from penstock.domain.changes import Finding
from penstock.domain.plan import Workstream
from penstock.ports import History

RULES = (
    "Change nothing else. Do not commit, switch branches, or change git's configuration or hooks: "
    "what counts is the content of the files when you end."
)
GUIDES = ("AGENTS.md", "CLAUDE.md")
MOST_TEXT = 6000
MOST_FINDINGS = 20


async def guide(history: History, commit: str) -> str:
    """What the project itself tells agents, as it stands in a commit."""
    contents = [await history.read(commit, name) for name in GUIDES]
    texts = [content.decode("utf-8", "replace").strip() for content in contents if content]
    return "\n\n".join(dict.fromkeys(text for text in texts if text))


def render(workstream: Workstream, *, project_guide: str = "", findings: Sequence[Finding] = (), note: str = "") -> str:
    """The prompt of an edit, or of a fix when there is something to mend."""
    parts = [
        f"# {workstream.title or workstream.id}",
        _bullets("Tasks", workstream.tasks),
        _bullets("You may change only these paths", workstream.scope.files),
        _bullets("You may create only these paths", workstream.scope.create or workstream.scope.files),
        _bullets("It is accepted when", [line.text for line in workstream.acceptance]),
        _problems(findings, note),
        f"## What the project says to agents\n{_fenced(project_guide)}" if project_guide else "",
        RULES,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _bullets(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"## {title}", *(f"- {line}" for line in lines)]) if lines else ""


def _problems(findings: Sequence[Finding], note: str) -> str:
    if not findings and not note:
        return ""
    parts = ["## What must be mended"]
    if note:
        parts.append(f"A reviewer says:\n{_fenced(note)}")
    parts += [
        f"{finding.code}:\n{_fenced(finding.text)}" for finding in findings[:MOST_FINDINGS] if finding.text != note
    ]
    if len(findings) > MOST_FINDINGS:
        parts.append(f"and {len(findings) - MOST_FINDINGS} more")
    return "\n\n".join(parts)


def _fenced(text: str) -> str:
    shown = text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT // 2]}\n…\n{text[-MOST_TEXT // 2 :]}"
    fence = "```"
    while fence in shown:
        fence += "`"
    return f"{fence}\n{shown}\n{fence}"
