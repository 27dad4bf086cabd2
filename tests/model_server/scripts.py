"""Scripts: what the model does, as data.

A script has rounds; a round has steps, of which each is one answer of the model, and a last word. The round is found by
what the prompt says (`when`), the step by the calls that the conversation holds already. So the server remembers
nothing of a conversation, and any number of agents may work at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .operations import Edit, Operation, Write, read_operation


class ScriptInvalid(ValueError):
    """A script's file does not hold a script."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One prompt's worth of work."""

    steps: tuple[tuple[Operation, ...], ...] = ()
    final: str = "Done."
    """What is said when all steps are done."""
    ended: str = ""
    """Why it stopped after saying that, whatever it said: `length` or `refusal`; empty where it was simply done."""
    when: tuple[str, ...] = ()
    """It is played for a prompt that holds one of these texts; with none, for every other prompt."""
    loop: bool = False
    """The last step is played again and again, for ever."""
    name: str = "edit"
    deliverable: Mapping[str, str] | None = None
    """The whole files that the round leads to, for an agent that wants them in one answer."""

    @property
    def operations(self) -> Sequence[Operation]:
        """Those of all steps, for an agent that does everything in one answer."""
        return [one for step in self.steps for one in step]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Rounds, tried in their order."""

    name: str
    rounds: tuple[Round, ...]
    about: tuple[str, ...] = ()
    """It is chosen by itself for a prompt that holds one of these texts."""

    def round_for(self, prompt: str) -> Round:
        """The first whose `when` is met, else the first that has none, else one of words alone."""
        for one in self.rounds:
            if any(text in prompt for text in one.when):
                return one
        return next((one for one in self.rounds if not one.when), Round(final="There is nothing to do."))


def read_script(data: Mapping[str, Any], *, name: str = "", project: Path | None = None) -> Script:
    """A script from its file's content; with the project's folder, whole files are known for each round as well."""
    try:
        rounds = data.get("rounds", [data])
        made = Script(
            name=str(data.get("name", name)),
            about=tuple(data.get("about", ())),
            rounds=tuple(_round(one) for one in rounds),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ScriptInvalid(f"the script {name or data.get('name')!r}: {error}") from error
    return made if project is None else replace(made, rounds=tuple(_with_files(made.rounds, project)))


def load_scripts(folder: Path) -> tuple[Script, ...]:
    """All scripts of a folder, `NAME.json` each; a folder `NAME` beside it in the parent folder is its project."""
    found = []
    for file in sorted(folder.glob("*.json")):
        project = folder.parent / file.stem
        data = json.loads(file.read_text(encoding="utf-8"))
        found.append(read_script(data, name=file.stem, project=project if project.is_dir() else None))
    return tuple(found)


def _round(data: Mapping[str, Any]) -> Round:
    known = {name: data[name] for name in ("final", "ended", "loop", "name", "deliverable") if name in data}
    return Round(
        steps=tuple(tuple(read_operation(one) for one in step) for step in data.get("steps", ())),
        when=tuple(data.get("when", ())),
        **known,
    )


def _with_files(rounds: Iterable[Round], project: Path) -> Iterable[Round]:
    files: dict[str, str] = {}
    for one in rounds:
        files |= dict(_changed(one, files, project))
        yield replace(one, deliverable={each.path: files[each.path] for each in _edits(one)})


def _edits(one: Round) -> Iterable[Write | Edit]:
    return (each for each in one.operations if isinstance(each, Write | Edit))


def _changed(one: Round, files: Mapping[str, str], project: Path) -> Iterable[tuple[str, str]]:
    now = dict(files)
    for each in _edits(one):
        if isinstance(each, Write):
            now[each.path] = each.content
        else:
            before = now[each.path] if each.path in now else (project / each.path).read_text(encoding="utf-8")
            if before.count(each.old) != 1:
                raise ScriptInvalid(f"round {one.name}: {each.path} does not hold exactly once: {each.old!r}")
            now[each.path] = before.replace(each.old, each.new)
        yield each.path, now[each.path]
