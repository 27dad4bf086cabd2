"""Who imports whom, found by patterns in the text: for Python and for JavaScript and its kin. Other languages are not
looked into.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

PYTHON = (".py", ".pyi")
SCRIPTS = (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".vue", ".svelte")
ROOTS = frozenset(("src", "lib", "python", "app", "backend", "server", "packages"))
_STATEMENT = re.compile(
    rb"[ \t]*(?:from[ \t]+([.\w]{1,300})[ \t]+import[ \t]+(\([^)]{0,2000}\)|[^\n#(]{1,1000})"
    rb"|import[ \t]+([\w., \t]{1,1000}))"
)
_SCRIPT = re.compile(rb"(?:\bfrom|\brequire\(|\bimport\(?)[ \t]*[\"'](\.[^\"'\n]{1,300})[\"']")
_NAME = re.compile(rb"\w+")


def modules_of(path: str) -> frozenset[str]:
    """The names under which a Python file may be imported: from the top of the project, and from below its roots."""
    if not path.endswith(PYTHON):
        return frozenset()
    parts = path.rsplit(".", 1)[0].split("/")
    if parts[-1] == "__init__":
        parts = parts[:-1]
    depth = 0
    names = {".".join(parts)}
    while depth < len(parts) - 1 and parts[depth] in ROOTS:
        depth += 1
        names.add(".".join(parts[depth:]))
    return frozenset(names - {""})


class Importers:
    """The imports of some sources, read once."""

    def __init__(self, texts: Mapping[str, bytes], sources: Sequence[str]) -> None:
        self._texts, self._sources = texts, sources

    def of(self, targets: Iterable[str]) -> Mapping[str, int]:
        """Who imports some of these files, and how many of them."""
        wanted = list(targets)
        modules = {name: path for path in wanted for name in modules_of(path)}
        files = {path.rsplit(".", 1)[0]: path for path in wanted if path.endswith(SCRIPTS)}
        files |= {path.rsplit("/", 1)[0]: path for path in wanted if path.rsplit("/", 1)[-1].startswith("index.")}
        counts: Counter[str] = Counter()
        for path in self._sources:
            found = self._imported(path, modules, files) - {path}
            if found:
                counts[path] = len(found)
        return counts

    def _imported(self, path: str, modules: Mapping[str, str], files: Mapping[str, str]) -> set[str]:
        text = self._texts.get(path, b"")
        if path.endswith(PYTHON):
            return {modules[name] for name in _python(path, text) if name in modules} if modules else set()
        if path.endswith(SCRIPTS):
            return {files[name] for name in _scripts(path, text) if name in files} if files else set()
        return set()


def _python(path: str, text: bytes) -> Iterator[str]:
    for source, names, plain in _statements(text):
        if source:
            module = _absolute(path, source.decode("ascii", "replace"))
            yield module
            yield from (f"{module}.{name.decode('ascii', 'replace')}" for name in _NAME.findall(names))
        else:
            yield from (part.split()[0].decode("ascii", "replace") for part in plain.split(b",") if part.split())


def _statements(text: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """The import statements, one of a line: looked for by their word, for a pattern would look at every letter."""
    at = text.find(b"import")
    while at >= 0:
        start, end = text.rfind(b"\n", 0, at) + 1, text.find(b"\n", at)
        if (found := _STATEMENT.match(text, start)) is not None:
            yield found.group(1) or b"", found.group(2) or b"", found.group(3) or b""
        at = text.find(b"import", end) if end >= 0 else -1


def _absolute(path: str, source: str) -> str:
    """A relative import as one from the top of the project."""
    name = source.lstrip(".")
    level = len(source) - len(name)
    if not level:
        return name
    folder = path.split("/")[:-level] if level <= path.count("/") + 1 else []
    return ".".join([*folder, *([name] if name else [])])


def _scripts(path: str, text: bytes) -> Iterator[str]:
    folder = posixpath.dirname(path)
    for found in _SCRIPT.findall(text):
        target = posixpath.normpath(posixpath.join(folder, found.decode("utf-8", "replace")))
        yield target
        yield target.rsplit(".", 1)[0] if target.endswith(SCRIPTS) else target
