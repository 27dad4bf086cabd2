"""What a role is shown of the code before: signatures, as a planner of Penstock is, or whole files."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping


def signatures(files: Mapping[str, str]) -> str:
    """The list of files, then the signatures of those that are Python and the text of others."""
    parts = ["\n".join(files)]
    for path, text in files.items():
        shown = "\n".join(_signatures(ast.parse(text).body)) if ".py" in path else text.strip()
        parts.append(f"{path}\n{shown}")
    return "\n\n".join(parts)


def whole(files: Mapping[str, str]) -> str:
    """All files from beginning to end."""
    return "\n\n".join(f"## {path}\n\n```\n{text}```" for path, text in files.items())


def _signatures(body: list[ast.stmt], indent: str = "") -> Iterator[str]:
    for node in body:
        match node:
            case ast.ClassDef():
                yield f"{indent}class {node.name}({', '.join(map(ast.unparse, node.bases))})"
                yield from _signatures(node.body, f"{indent}  ")
            case ast.FunctionDef() | ast.AsyncFunctionDef() if not node.name.startswith("_") or node.name == "__init__":
                returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
                yield f"{indent}def {node.name}({ast.unparse(node.args)}){returns}"
            case ast.AnnAssign(target=ast.Name() as target):
                yield f"{indent}{target.id}: {ast.unparse(node.annotation)}"
            case _:
                pass
