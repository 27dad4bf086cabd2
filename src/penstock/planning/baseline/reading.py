"""What is read of a commit for the baseline: the listing and the sources, bounded in size and number, in two calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from penstock.domain.changes import EXECUTABLE, REGULAR
from penstock.planning.file_kinds import FileKind, kind_of
from penstock.ports import Contents, Listed

LARGEST_SOURCE = 256 << 10
LARGEST_SUM = 48 << 20
MOST_SOURCES = 8000
LARGEST_TEXT = 64 << 10
GUIDES = ("AGENTS.md", "CLAUDE.md")
READMES = ("README.md", "README.rst", "README.txt", "README", "readme.md", "Readme.md")
TESTING = ("penstock.toml", "pyproject.toml", "package.json", "Makefile", "tox.ini", "go.mod", "Cargo.toml")
SOURCES = frozenset(
    (
        *(
            "py",
            "pyi",
            "js",
            "jsx",
            "mjs",
            "cjs",
            "ts",
            "tsx",
            "mts",
            "go",
            "rs",
            "java",
            "kt",
            "kts",
            "scala",
            "swift",
        ),
        *("c", "h", "cc", "cpp", "hpp", "cs", "rb", "php", "ex", "exs", "lua", "sh", "sql", "vue", "svelte", "proto"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A commit, as far as it was read."""

    files: tuple[Listed, ...]
    """All of them."""
    texts: Mapping[str, bytes]
    """What the sources and some files at the top hold, by path."""
    unread: int = 0
    """How many sources were too large, or too many."""

    @property
    def sources(self) -> list[str]:
        """The sources that were read, in the order of their paths."""
        return sorted(path for path in self.texts if is_source(path))


def is_source(path: str) -> bool:
    """Whether a file is in a language of which something can be shown."""
    return path.rpartition(".")[2] in SOURCES and kind_of(path) is FileKind.SOURCE


async def read(contents: Contents, commit: str) -> Repository:
    """The listing of a commit and what of it is looked into."""
    files = await contents.listing(commit)
    top = [one for one in files if one.path in {*GUIDES, *READMES, *TESTING} and one.size <= LARGEST_SOURCE]
    sources = [one for one in files if _is_read(one)]
    wanted = _within_bounds(sources)
    texts = await contents.contents([*top, *wanted])
    return Repository(files=files, texts=texts, unread=sum(map(_is_large_source, files)) + len(sources) - len(wanted))


def _is_read(one: Listed) -> bool:
    return one.mode in {REGULAR, EXECUTABLE} and one.size <= LARGEST_SOURCE and is_source(one.path)


def _is_large_source(one: Listed) -> bool:
    return one.size > LARGEST_SOURCE and is_source(one.path)


def _within_bounds(sources: Sequence[Listed]) -> list[Listed]:
    """Those nearest to the top first, as far as they may be read together."""
    kept: list[Listed] = []
    room = LARGEST_SUM
    for one in sorted(sources, key=lambda file: (file.path.count("/"), file.path))[:MOST_SOURCES]:
        if one.size <= room:
            kept.append(one)
            room -= one.size
    return kept
