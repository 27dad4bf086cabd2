"""What a Python file imports and defines, read from its syntax: nothing of it is run or imported.

A file with a syntax error, or one made to exhaust who reads it, has no outline.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

LARGEST = 256 << 10
MOST_NAMES = 500
LONGEST_PART = 120
_PROSE = re.compile(r"\s+")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonOutline:
    """What a file says of itself."""

    doc: str = ""
    imports: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()
    """Lines that show what can be used from outside, with bodies and values left out."""


def outline_of(content: bytes) -> PythonOutline | None:
    """The outline of a file, or None where there is none to be had."""
    if len(content) > LARGEST:
        return None
    try:
        tree = _parsed(content)
        return PythonOutline(
            doc=_first_line(ast.get_docstring(tree, clean=False)),
            imports=tuple(dict.fromkeys(_imports(tree)))[:MOST_NAMES],
            classes=tuple(one.name for one in tree.body if isinstance(one, ast.ClassDef))[:MOST_NAMES],
            functions=tuple(one.name for one in tree.body if isinstance(one, _Function))[:MOST_NAMES],
            signatures=tuple(line for node in tree.body for line in _signature(node))[:MOST_NAMES],
        )
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # all that hostile source has raised in `ast`
        return None


def _parsed(content: bytes) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about escapes in foreign strings
        return ast.parse(content)


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def _signature(node: ast.stmt, indent: str = "") -> Iterator[str]:
    match node:
        case ast.FunctionDef(decorator_list=[ast.Name(id="property")]) if _is_shown(node.name):
            kind = f": {_part(node.returns)}" if node.returns is not None else ""
            yield f"{indent}{node.name}{kind}"
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            if _is_shown(node.name):
                yield from _decorators(node, indent)
                yield indent + _function(node)
        case ast.ClassDef():
            if not _is_shown(node.name):
                return
            yield from _decorators(node, indent)
            yield indent + _class(node)
            if doc := _first_line(ast.get_docstring(node, clean=False)):
                yield f'{indent}    """{doc}"""'
            if not indent:
                for inner in node.body:
                    yield from _signature(inner, "    ")
        case ast.AnnAssign(target=ast.Name(id=name)) if _is_shown(name):
            yield f"{indent}{name}: {_part(node.annotation)}"
        case ast.Assign(targets=[ast.Name(id=name)]) if name.isupper() and not indent and _is_shown(name):
            yield f"{name} = ..."


def _is_shown(name: str) -> bool:
    return not name.startswith("_") or name == "__init__"


def _decorators(node: _Function | ast.ClassDef, indent: str) -> Iterator[str]:
    """As they are written, for they may say how it is called; of a dataclass only that it is one."""
    for one in node.decorator_list[:10]:
        called = one.func if isinstance(one, ast.Call) else one
        yield f"{indent}@{_part(called if isinstance(called, ast.Name) and called.id == 'dataclass' else one)}"


def _class(node: ast.ClassDef) -> str:
    bases = [*map(_part, node.bases[:20]), *(f"{one.arg}={_part(one.value)}" for one in node.keywords[:10] if one.arg)]
    return f"class {node.name}({', '.join(bases)})" if bases else f"class {node.name}"


def _function(node: _Function) -> str:
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = f" -> {_part(node.returns)}" if node.returns is not None else ""
    return f"{word} {node.name}({_parameters(node.args)}){returns}"


def _parameters(found: ast.arguments) -> str:
    """The parameters with what stands for their values: a value may be long, or a secret."""
    plain = [*found.posonlyargs, *found.args]
    optional = len(plain) - len(found.defaults)
    shown = [_parameter(one, has_default=place >= optional) for place, one in enumerate(plain)]
    if found.posonlyargs:
        shown.insert(len(found.posonlyargs), "/")
    if found.vararg is not None:
        shown.append("*" + _parameter(found.vararg))
    elif found.kwonlyargs:
        shown.append("*")
    values = zip(found.kwonlyargs, found.kw_defaults, strict=True)
    shown += [_parameter(one, has_default=value is not None) for one, value in values]
    if found.kwarg is not None:
        shown.append("**" + _parameter(found.kwarg))
    return ", ".join(shown)


def _parameter(one: ast.arg, *, has_default: bool = False) -> str:
    kind = f": {_part(one.annotation)}" if one.annotation is not None else ""
    return f"{one.arg}{kind}{' = ...' if has_default and kind else '=...' if has_default else ''}"


def _part(node: ast.expr) -> str:
    text = _PROSE.sub(" ", ast.unparse(node))
    return text if len(text) <= LONGEST_PART else f"{text[: LONGEST_PART - 1]}…"


def _first_line(doc: str | None) -> str:
    line = next((line.strip() for line in (doc or "").splitlines() if line.strip()), "")
    return line if len(line) <= LONGEST_PART else f"{line[: LONGEST_PART - 1]}…"
