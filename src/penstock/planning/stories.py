"""The stories of an epic, with what the analysis adds to them: who a workstream is for, in their own words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from penstock.planning.components import key_of
from penstock.planning.payloads import Payload, one_line, rows_in, text_in, texts_in

LONGEST_SHARED = 1500
MOST_MODELS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryTold:
    """One story."""

    id: str
    title: str = ""
    user_story: str = ""
    criteria: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """As a task tells for whom it is."""
        return f"This is for {': '.join(part for part in (self.id, self.title, self.user_story) if part)}"


def stories_of(epic: Payload, analysis: Payload) -> Mapping[str, StoryTold]:
    """Every story by what of its id counts; the criteria of both are put together."""
    found: dict[str, StoryTold] = {}
    for row in (*rows_in(epic, "stories"), *rows_in(analysis, "stories")):
        name = one_line(text_in(row, "id") or text_in(row, "story_id"))
        story = StoryTold(
            id=name,
            title=one_line(text_in(row, "title")),
            user_story=text_in(row, "user_story"),
            criteria=texts_in(row, "acceptance_criteria"),
        )
        key = key_of(name)
        if key:
            found[key] = _joined(found[key], story) if key in found else story
    return found


def _joined(one: StoryTold, other: StoryTold) -> StoryTold:
    return replace(
        one,
        title=one.title or other.title,
        user_story=one.user_story or other.user_story,
        criteria=tuple(dict.fromkeys((*one.criteria, *other.criteria))),
    )


def mentioning(stories: Iterable[StoryTold], words: Sequence[str]) -> tuple[StoryTold, ...]:
    """The stories in whose text one of the words stands."""
    wanted = [word.casefold() for word in words if len(word) > 2]
    return tuple(one for one in stories if any(word in _text_of(one) for word in wanted))


def _text_of(story: StoryTold) -> str:
    return " ".join((story.title, story.user_story, *story.criteria)).casefold()


def shared_notes(analysis: Payload) -> str:
    """What the analysis says to every workstream: rules of the business, and the data."""
    rules = [f"- {item}" for item in texts_in(analysis, "business_rules")]
    models = [_model(row) for row in rows_in(analysis, "data_models", most=MOST_MODELS)]
    parts = [(f"{title}:\n" + "\n".join(lines))[:LONGEST_SHARED] for title, lines in _titled(rules, models) if lines]
    return "\n".join(parts)


def _titled(rules: list[str], models: list[str]) -> tuple[tuple[str, list[str]], ...]:
    return (("Business rules", rules), ("Data", models))


def _model(row: Payload) -> str:
    fields = row.get("fields")
    names = [_field(item) for item in fields] if isinstance(fields, list) else []
    return f"- {one_line(text_in(row, 'model'))}: {', '.join(name for name in names if name)}"


def _field(item: object) -> str:
    if isinstance(item, str):
        return one_line(item, 80)
    if isinstance(item, Mapping):
        name, kind = text_in(item, "name"), text_in(item, "type")
        return one_line(f"{name} ({kind})" if name and kind else name or kind, 80)
    return ""
