"""The known sentences of acceptance, executed by Penstock itself in a clean checkout. Reads declared files; runs
nothing.
"""

from __future__ import annotations

import io
import json
import os
import tokenize
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import assert_never

import yaml

from penstock import disk
from penstock.compiling import must_compile
from penstock.domain import scope as scopes
from penstock.domain.plan import Scope
from penstock.domain.sentences import Builtin, BuiltinKind

MOST_BYTES = 16 * 1024 * 1024
"""A bigger file is not read."""

_SUFFIXES = {"JSON": (".json",), "YAML": (".yaml", ".yml"), "TOML": (".toml",), "Python": (".py", ".pyi")}
_MOST_PARSED = {"YAML": 512 * 1024, "Python": 512 * 1024}
"""Each byte of a file may cost its parser a thousand, and some microseconds: what is bigger is not parsed."""
_PYTHON_ENCODINGS = frozenset({"utf-8", "utf-8-sig", "ascii", "iso-8859-1", "cp1252"})
"""Some others take a day to decode what was made for that."""


def _python(content: bytes) -> object:
    encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    if encoding not in _PYTHON_ENCODINGS:
        raise ValueError(f"it is written in {encoding}")
    must_compile(content.decode(encoding))
    return None


_PARSERS: dict[str, Callable[[bytes], object]] = {
    "JSON": lambda content: json.loads(content, parse_int=str),  # a number of any length
    "YAML": lambda content: list(yaml.compose_all(content, Loader=yaml.SafeLoader)),
    "TOML": lambda content: tomllib.loads(content.decode("utf-8")),
    "Python": _python,
}


def run_builtin(builtin: Builtin, checkout: Path, scope: Scope) -> tuple[bool, str]:
    """Whether a sentence holds of the declared files, and why not."""
    for claim in (builtin, *builtin.also):
        fault = _fault(claim, checkout, scope)
        if fault:
            return False, fault
    return True, ""


def _fault(claim: Builtin, checkout: Path, scope: Scope) -> str:
    match claim.kind:
        case BuiltinKind.EXISTS:
            return _not_there(checkout, scope)
        case BuiltinKind.VALID:
            return _does_not_parse(claim.language, checkout, scope)
        case BuiltinKind.CONTAINS:
            found = any(claim.text in text for _, text in _texts(checkout, scope))
            return "" if found else f"no declared file contains {claim.text!r}"
        case BuiltinKind.AT_LEAST_LINES:
            most = max((len(text.splitlines()) for _, text in _texts(checkout, scope)), default=0)
            return "" if most >= claim.lines else f"the longest declared file has {most} lines, not {claim.lines}"
        case _:
            assert_never(claim.kind)


def _not_there(checkout: Path, scope: Scope) -> str:
    named = [scopes.normalise(pattern) for pattern in scope.patterns if scopes.is_literal(pattern)]
    # whatever its name, this never raises
    missing = [path for path in named if not os.path.exists(checkout / path)]  # noqa: PTH110
    if missing:
        return f"{', '.join(missing)} does not exist"
    return "" if named or any(_declared(checkout, scope)) else "no declared file exists"


def _does_not_parse(language: str, checkout: Path, scope: Scope) -> str:
    most = _MOST_PARSED.get(language, MOST_BYTES)
    paths = [path for path in _declared(checkout, scope) if path.endswith(_SUFFIXES[language])]
    for path in paths:
        size = (checkout / path).stat().st_size
        if size > most:
            return f"{path} has {size} bytes; {language} is looked at only up to {most}"
        try:
            _PARSERS[language]((checkout / path).read_bytes())
        except (ValueError, SyntaxError, yaml.YAMLError, RecursionError, MemoryError) as error:
            return f"{path} is not valid {language}: {str(error).splitlines()[0] if str(error) else 'unreadable'}"
    return "" if paths else f"no declared file is {language}"


def _texts(checkout: Path, scope: Scope) -> Iterator[tuple[str, str]]:
    for path in _declared(checkout, scope):
        file = checkout / path
        if file.stat().st_size <= MOST_BYTES:
            yield path, file.read_text("utf-8", "replace")


def _declared(checkout: Path, scope: Scope) -> Iterator[str]:
    """The regular files that a scope's patterns hold; links are not followed."""
    for entry in disk.below(checkout, leaving_out=(".git",)):
        path = os.path.relpath(entry.path, checkout)
        if entry.is_file(follow_symlinks=False) and scopes.matches_any(scope.patterns, path):
            yield path
