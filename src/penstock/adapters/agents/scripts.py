"""The language of scripted agents: a list of turns, each a list of actions. Checks a script; plays nothing.

Turn 1 is the first attempt's, and the last turn repeats. An action is a word (`nothing`, `hang`, `lie`) or a table of
one word with what it needs (`write: {path: a.txt, content: "…"}`).
"""

from __future__ import annotations

import difflib
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What an action needs: the keys of its table with their types, or the type of its one value."""

    needs: Mapping[str, tuple[type, ...]]
    may: Mapping[str, tuple[type, ...]]
    value: tuple[type, ...] = ()
    bare: bool = False


_SIGNALS = {name for item in signal.Signals for name in (item.name, item.name.removeprefix("SIG"))}
_TEXT, _NUMBER, _TRUTH = (str,), (int, float), (bool,)


def _table(needs: str, *, numbers: str = "", may: Mapping[str, tuple[type, ...]] | None = None) -> Form:
    keys = {**dict.fromkeys(needs.split(), _TEXT), **dict.fromkeys(numbers.split(), _NUMBER)}
    return Form(needs=keys, may=may or {})


def _value(*types: type, bare: bool = False) -> Form:
    return Form(needs={}, may={}, value=types, bare=bare)


FORMS: Mapping[str, Form] = {
    "write": _table("path content"),
    "append": _table("path content"),
    "replace": _table("path old new"),
    "chmod": _table("path mode"),
    "symlink": _table("path target"),
    "hardlink": _table("path target"),
    "spawn": _table("path content", numbers="after", may={"setsid": _TRUTH}),
    "crash": Form(needs={}, may={"code": _NUMBER, "signal": _TEXT}, bare=True),
    "delete": _value(str),
    "mkdir": _value(str),
    "run": _value(list),
    "say": _value(str),
    "sleep": _value(int, float),
    "hang": _value(bare=True),
    "nothing": _value(bare=True),
    "lie": _value(bare=True),
}


def validate_script(script: object) -> list[str]:
    """What is wrong with a script, each problem with its place; an empty list if it can be played."""
    turns = script.get("turns") if isinstance(script, Mapping) and set(script) == {"turns"} else script
    if not isinstance(turns, list) or not turns:
        return ["a script must be a list of turns, each a list of actions, with at least one turn"]
    problems: list[str] = []
    for number, turn in enumerate(turns, start=1):
        if not isinstance(turn, list):
            problems.append(f"turn {number} must be a list of actions")
            continue
        for place, action in enumerate(turn, start=1):
            problems.extend(f"turn {number}, action {place}: {problem}" for problem in _problems(action))
    return problems


def turn_of(script: object, number: int) -> list[Mapping[str, object]]:
    """The actions of an attempt: the last turn repeats."""
    turns = script["turns"] if isinstance(script, Mapping) else script
    assert isinstance(turns, list)  # noqa: S101 - validate_script has passed before
    turn = turns[min(number, len(turns)) - 1]
    return [action if isinstance(action, Mapping) else {action: None} for action in turn]


def _problems(action: object) -> Iterator[str]:
    if isinstance(action, str):
        name, given = action, None
    elif isinstance(action, Mapping) and len(action) == 1:
        name, given = next(iter(action.items()))
    else:
        yield "must be a word or a table with one word"
        return
    form = FORMS.get(name)
    if form is None:
        near = difflib.get_close_matches(str(name), FORMS, n=1)
        yield f'unknown action "{name}"; ' + (f'did you mean "{near[0]}"?' if near else f"known: {', '.join(FORMS)}")
    elif given is None:
        if not form.bare:
            yield f'"{name}" needs {_wanted(form)}'
    elif form.needs or form.may:
        yield from _table_problems(name, form, given)
    elif not _fits(given, form.value):
        yield f'"{name}" needs {_wanted(form)}'
    elif name == "run" and not (given and all(isinstance(item, str) for item in given)):
        yield '"run" needs a command and its arguments as a list of texts'


def _table_problems(name: str, form: Form, given: object) -> Iterator[str]:
    if not isinstance(given, Mapping):
        yield f'"{name}" needs {_wanted(form)}'
        return
    known = {**form.needs, **form.may}
    for key in form.needs:
        if key not in given:
            yield f'"{name}" lacks "{key}"'
    for key, value in given.items():
        if key not in known:
            yield f'"{name}" does not know "{key}"; known: {", ".join(known)}'
        elif not _fits(value, known[key]):
            yield f'"{name}": "{key}" must be {_words(known[key])}'
    if name == "chmod" and isinstance(given.get("mode"), str) and not _is_mode(given["mode"]):
        yield '"chmod": "mode" must be octal digits in quotes, such as "755"'

    if name == "crash" and isinstance(given.get("signal"), str) and given["signal"].upper() not in _SIGNALS:
        yield f'"crash": there is no signal "{given["signal"]}"; write KILL, TERM, SEGV …'


def _is_mode(text: str) -> bool:
    return 0 < len(text) <= 4 and set(text) <= set("01234567")


def _fits(value: object, types: tuple[type, ...]) -> bool:
    return isinstance(value, types) and (bool in types or not isinstance(value, bool))


def _wanted(form: Form) -> str:
    return f"a table with {', '.join({**form.needs, **form.may})}" if form.needs or form.may else _words(form.value)


def _words(types: tuple[type, ...]) -> str:
    words = {str: "a text", int: "a number", float: "a number", bool: "true or false", list: "a list of texts"}
    return " or ".join(dict.fromkeys(words[item] for item in types)) or "nothing"
