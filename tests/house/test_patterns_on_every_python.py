"""No pattern says what an older Python that we support understands wrongly."""

from __future__ import annotations

import ast
import re._constants as codes
import re._parser as parser
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

SOURCES = sorted((Path(__file__).resolve().parents[2] / "src").rglob("*.py"))
PLAIN = {codes.LITERAL, codes.NOT_LITERAL, codes.ANY, codes.IN}


def patterns(file: Path) -> Iterator[str | bytes]:
    """What a file compiles, as far as it stands there."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="re")),
                args=[ast.Constant(value=str() | bytes() as text), *_],
            ):
                yield text


def is_misread(pattern: Iterable[object]) -> bool:
    """A group that is repeated possessively: before 3.11.5 (Debian 12 has 3.11.2) what its last, vain repetition has
    read is lost. An atomic group around a plain repetition means the same and is read rightly.
    """
    for part in pattern:
        match part:
            case (code, (_, _, repeated)) if code is codes.POSSESSIVE_REPEAT:
                if len(repeated) != 1 or repeated[0][0] not in PLAIN:
                    return True
            case tuple() | list() | parser.SubPattern():
                if is_misread(part):
                    return True
    return False


@pytest.mark.parametrize("text", [r"(?:ab|c)*+", r"x(?:(?:ab)++|c)", r"(?=(?:a\d){2,3}+)"])
def test_what_is_misread_is_found(text: str) -> None:
    assert is_misread(parser.parse(text))


def test_no_pattern_of_ours_is_misread() -> None:
    found = [(file.name, text) for file in SOURCES for text in patterns(file)]
    assert len(found) > 100
    assert [one for one in found if is_misread(parser.parse(one[1]))] == []
