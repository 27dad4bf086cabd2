"""What can be used of a source, in a few lines: Python by its syntax, others by lines that look like declarations."""

from __future__ import annotations

import re

from penstock.planning.bounds import path_shown
from penstock.planning.python_outlines import outline_of

MOST_LINES = 80
LONGEST_LINE = 160
HEAD_LINES = 12
_SCRIPT = (
    r"export\b.*|(?:async )?function\b.*|(?:abstract )?class\b.*|interface\b.*|type \w.*|enum\b.*|module\.exports\b.*"
)
_JVM = (
    r"\s*(?:@\w+\s+)*(?:(?:public|protected|internal|abstract|final|static|sealed|data|open|override|suspend|async"
    r"|virtual|partial|readonly)\s+)+[^;{}=]*(?:[({].*)?|\s*(?:class|interface|enum|record|object|fun)\s+\w.*"
)
_C = (
    r"(?:typedef|struct|enum|union|class|namespace|template)\b.*"
    r"|[A-Za-z_][\w\s*&:<>,]{0,120}\([^;{}]{0,200}\)\s*[;{]?\s*"
)
_LANGUAGES = {
    **dict.fromkeys(("js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "vue", "svelte"), _SCRIPT),
    "go": r"func\b.*|type \w.*|package \w+",
    "rs": r"\s*(?:pub(?:\([^)]*\))? )(?:async |unsafe )*(?:fn|struct|enum|trait|type|mod|const)\b.*|impl\b.*",
    **dict.fromkeys(("java", "kt", "kts", "scala", "cs", "swift"), _JVM),
    **dict.fromkeys(("c", "h", "cc", "cpp", "hpp"), _C),
    "rb": r"\s*(?:class|module|def)\s+.*",
    "php": r"\s*(?:(?:abstract|final|public|protected|static)\s+)*(?:class|interface|trait|function)\s+.*",
    **dict.fromkeys(("ex", "exs"), r"\s*(?:defmodule|def|defmacro)\s+.*"),
    "proto": r"\s*(?:message|service|rpc|enum)\s+.*",
    "sql": r"(?:create|alter)\s+.*",
}
_COMPILED = {
    suffix: re.compile(pattern, re.IGNORECASE if suffix == "sql" else 0) for suffix, pattern in _LANGUAGES.items()
}


def signatures_of(path: str, content: bytes) -> list[str]:
    """The lines that show a source, its path first."""
    shown, suffix = path_shown(path), path.rpartition(".")[2]
    if b"\0" in content:
        return [f"{shown} (no text)"]
    outline = outline_of(content) if suffix in {"py", "pyi"} else None
    if outline is not None:
        doc = [f'    """{outline.doc}"""'] if outline.doc else []
        return [shown, *_bounded([*doc, *(f"    {line}" for line in outline.signatures)])]
    lines = [line[:LONGEST_LINE].rstrip() for line in content.decode("utf-8", "replace").splitlines()]
    pattern = _COMPILED.get(suffix)
    found = [line.rstrip("{ ") for line in lines if pattern is not None and pattern.fullmatch(line)]
    if found:
        return [f"{shown} (lines that look like declarations)", *_bounded([f"    {line}" for line in found])]
    head = [f"    {line}" for line in lines if line.strip()][:HEAD_LINES]
    return [f"{shown} (its first lines)", *head]


def _bounded(lines: list[str]) -> list[str]:
    if len(lines) <= MOST_LINES:
        return lines
    return [*lines[:MOST_LINES], f"    [... {len(lines) - MOST_LINES} more lines ...]"]
