"""An epic as Markdown with headings, read into the fields that an epic has today. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

MOST_LINES = 20_000
_HEADING = re.compile(r"(#{1,4})\s+(\S.*?)\s*#*")
_BULLET = re.compile(r"\s*(?:[-*+]|\d{1,4}[.)])\s+(?:\[[ xX]\]\s+)?(\S.*)")
_LABEL = re.compile(r"\*\*([^*:]{1,60}):?\*\*:?\s*(.*)")
_HOURS = re.compile(r"(\d{1,5})\s*(?:h\b|hour)")
_STORY = re.compile(r"([A-Za-z][\w.-]{0,60}?\d[\w.-]{0,20})\s*[:–—-]\s*(\S.*)")
_LISTS = {
    "success criteria": "success_criteria",
    "acceptance criteria": "success_criteria",
    "out of scope": "out_of_scope",
    "non goals": "out_of_scope",
    "risks": "risks",
    "risks and assumptions": "risks",
}
_PRIORITIES = ("critical", "high", "medium", "low")


def epic_of(text: str, epic_id: str) -> Mapping[str, Any] | None:
    """The epic that a document tells, or nothing where it has no title or no story; `epic_id` unless it names one."""
    lines = text.splitlines()[:MOST_LINES]
    parts = _parts(lines)
    title = next((words for level, words, _ in parts if level == 1), "")
    stories = _stories(parts)
    if not title or not stories:
        return None
    found: dict[str, Any] = {"epic_id": epic_id, "title": title, "goal": "", "success_criteria": [], "stories": stories}
    for level, words, body in parts:
        name = _LISTS.get(_plain(words))
        if level == 2 and name:
            found[name] = [*found.get(name, []), *_bullets(body)]
        elif level == 2 and _plain(words) == "goal":
            found["goal"] = _prose(body)
        elif level == 1:
            labels = _labels(body)
            found["goal"] = found["goal"] or labels.get("goal", "") or _prose(body)
            found["epic_id"] = labels.get("epic id") or labels.get("id") or found["epic_id"]
    found["success_criteria"] = found["success_criteria"] or [
        text for story in stories for text in story["acceptance_criteria"]
    ]
    return {**found, "total_estimate_hours": sum(story["estimate_hours"] for story in stories) or 1}


def _parts(lines: Sequence[str]) -> list[tuple[int, str, list[str]]]:
    """Each heading with its level and the lines up to the next one; headings in fences are none."""
    parts: list[tuple[int, str, list[str]]] = []
    is_fenced = False
    for line in lines:
        is_fenced ^= line.lstrip().startswith("```")
        heading = None if is_fenced else _HEADING.fullmatch(line)
        if heading is not None:
            parts.append((len(heading[1]), heading[2], []))
        elif parts:
            parts[-1][2].append(line)
    return parts


def _stories(parts: Sequence[tuple[int, str, list[str]]]) -> list[dict[str, Any]]:
    stories: list[dict[str, Any]] = []
    is_inside = False
    for level, words, body in parts:
        if level <= 2:
            is_inside = _plain(words) in ("stories", "user stories", "backlog")
        elif level == 3 and is_inside:
            stories.append(_story(words, body, len(stories) + 1))
    return stories


def _story(words: str, body: Sequence[str], number: int) -> dict[str, Any]:
    named, labels = _STORY.fullmatch(words), _labels(body)
    hours = _HOURS.search(labels.get("estimate", "").lower())
    priority = labels.get("priority", "").strip().lower()
    return {
        "id": named[1] if named else f"STORY-{number}",
        "title": named[2] if named else words,
        "user_story": labels.get("user story") or _prose(body),
        "acceptance_criteria": _bullets(body),
        "estimate_hours": int(hours[1]) if hours else 0,
        "priority": priority if priority in _PRIORITIES else "medium",
    }


def _labels(body: Sequence[str]) -> dict[str, str]:
    """`**Goal:** words` as names in small letters."""
    found = (_LABEL.fullmatch(line.strip()) for line in body)
    return {_plain(match[1]): match[2].strip() for match in found if match is not None}


def _bullets(body: Sequence[str]) -> list[str]:
    return [match[1].strip() for line in body if (match := _BULLET.fullmatch(line.rstrip())) is not None]


def _prose(body: Sequence[str]) -> str:
    """The first paragraph that is neither a list nor a label."""
    words: list[str] = []
    for line in body:
        is_text = bool(line.strip()) and not _BULLET.fullmatch(line.rstrip()) and not _LABEL.fullmatch(line.strip())
        if is_text:
            words.append(line.strip())
        elif words:
            break
    return " ".join(words)


def _plain(words: str) -> str:
    return " ".join(re.sub(r"[^a-z]+", " ", words.lower()).split())
