"""What a Python file says of itself, read without running any of it."""

from __future__ import annotations

import asyncio

import pytest

from penstock.planning.python_outlines import LARGEST, PythonOutline, outline_of

SOURCE = b'''"""First line.

More.
"""
import os
from .near import thing

LIMIT = "s3cret"
_HIDDEN = 1
router: Router = make()

@router.get("/health", tags=["a"])
async def health(name: str, /, kind="x", *rest: int, deep: list[int] = [1], **more) -> dict[str, int]:
    """Doc."""

@dataclass(frozen=True)
class Count(Base, metaclass=Meta):
    """Counts."""
    value: int = 3

    def __init__(self, start=1): ...
    def _own(self): ...
    @property
    def total(self) -> int: ...
    @staticmethod
    def plain(*, only): ...

def _private(): ...
class _Private: ...
'''


def outline(content: bytes) -> PythonOutline:
    found = outline_of(content)
    assert found is not None
    return found


def test_signatures_are_shown_without_bodies_and_values() -> None:
    found = outline(SOURCE)
    assert found.doc == "First line."
    assert found.imports == ("os", ".near")
    assert found.classes == ("Count", "_Private")
    assert found.functions == ("health", "_private")
    assert found.signatures == (
        "LIMIT = ...",
        "router: Router",
        "@router.get('/health', tags=['a'])",
        "async def health(name: str, /, kind=..., *rest: int, deep: list[int] = ..., **more) -> dict[str, int]",
        "@dataclass",
        "class Count(Base, metaclass=Meta)",
        '    """Counts."""',
        "    value: int",
        "    def __init__(self, start=...)",
        "    total: int",
        "    @staticmethod",
        "    def plain(*, only)",
    )
    assert "s3cret" not in "".join(found.signatures)


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbfx = 1\n", b"# coding: latin-1\nx = '\xe9'\n", b"x = '\\d'\n"])
def test_odd_but_good_source_has_an_outline(content: bytes) -> None:
    assert outline_of(content) is not None


@pytest.mark.parametrize(
    "content",
    [
        b"def (",
        b"a\0b",
        b"\xff\xfe",
        b"# coding: nonsense\n",
        b"(" * 100_000,
        b"x = " + b"-" * 100_000 + b"1",
        b"x = " + b"1+" * 50_000 + b"1",
        b"x = a" + b".a" * 60_000,
        b"def f(x: " + b"a|" * 40_000 + b"b): pass",
        b"x: " + b"not " * 30_000 + b"1",
        b"f'" + b"{" * 5000,
        b"#" * (LARGEST + 1),
    ],
    ids=range(12),
)
def test_broken_and_hostile_source_has_none_also_in_a_thread(content: bytes) -> None:
    assert outline_of(content) is None
    assert asyncio.run(asyncio.to_thread(outline_of, content)) is None


def test_many_names_are_bounded() -> None:
    found = outline(b"".join(b"def f%d(): ...\n" % number for number in range(2000)))
    assert len(found.functions) == len(found.signatures) == 500
