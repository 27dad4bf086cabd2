"""The part of Jinja in which prompts are written: conditions, and loops over the lists that there are.

Nothing in it can call, import, compute or repeat without a bound, so that a template of a project is only words. It is
checked when it is read, and runs in Jinja's sandbox besides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache, lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, UndefinedError, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from penstock.domain.errors import UserError
from penstock.engine.prompts.fencing import Fences, Plain

FENCES = "_fences"
"""Where in a template's context its fences are; no template can name it."""
OF_JINJA = ("_loop_vars", "_block_vars")
"""What Jinja adds to the arguments of a call."""
LARGEST = 32 * 1024
MOST_LOOPS, DEEPEST = 20, 2
LISTS = frozenset({"acceptance_tests", "constraints", "error_summaries", "files_create", "files_scope", "tasks"})
VARIABLES = LISTS | {
    *("attempt", "ccpm_issue", "data", "gate", "guide", "note", "notes", "openspec_change", "repo_root", "run_id"),
    *("step", "title", "worktree_path", "ws_id"),
}
FILTERS = ("capitalize", "count", "default", "first", "last", "length", "lower", "sort", "trim", "unique", "upper")
TESTS = ("defined", "eq", "even", "in", "ne", "none", "odd", "undefined")
_STATEMENTS = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign)
_EXPRESSIONS = (nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Getattr, nodes.Getitem, nodes.Slice)
_LOGIC = (nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr, nodes.Neg)
_CALLS = (nodes.Call, nodes.Keyword, nodes.Filter, nodes.Test)
_KNOWN: tuple[type[nodes.Node], ...] = (*_STATEMENTS, *_EXPRESSIONS, *_LOGIC, *_CALLS)


class TemplateUnfit(UserError):
    """A prompt template can't be used: which one, on which line, and why."""

    def __init__(self, place: str, line: int, reason: str) -> None:
        self.place, self.line, self.reason = place, line, reason
        where = f"{place}, line {line}" if line else place
        super().__init__(f"the prompt template {where}: {reason}", hint="docs/prompts.md says what a template may hold")


class PromptLanguage(ImmutableSandboxedEnvironment):
    """Jinja without what a prompt does not need. It loads nothing: it is given texts."""

    def __init__(self) -> None:
        super().__init__(
            undefined=StrictUndefined,
            finalize=_printed,
            autoescape=False,  # prompts are plain text, and what is not ours is fenced
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self.globals.clear()
        self.filters = {name: self.filters[name] for name in FILTERS}
        self.tests = {name: self.tests[name] for name in TESTS}

    def call(self, context: Context, called: Any, /, *args: Any, **kwargs: Any) -> Any:  # what a template may hand over
        """Call `data`, and nothing else, whatever a template has got hold of."""
        fences = _fences_of(context)
        if called != fences.data:
            raise SecurityError("nothing can be called but data(text, label)")
        for name in OF_JINJA:
            kwargs.pop(name, None)
        return fences.data(*args, **kwargs)


@pass_context
def _printed(context: Context, value: object) -> object:
    if isinstance(value, Plain | Undefined):
        return value
    return _fences_of(context).shown(value)


def _fences_of(context: Context) -> Fences:
    fences = context[FENCES]
    if not isinstance(fences, Fences):  # without them nothing is printed, rather than what is not ours as it stands
        raise SecurityError("a prompt is made with its fences")
    return fences


@cache
def _language() -> PromptLanguage:
    return PromptLanguage()


@lru_cache(maxsize=32)
def compiled(place: str, text: str) -> Template:
    """The template, ready to be filled, if it holds nothing but what this language has."""
    if len(text) > LARGEST:
        raise TemplateUnfit(place, 0, f"it holds more than {LARGEST} characters")
    language = _language()
    try:
        tree = language.parse(text)
        for line, reason in _faults(tree):
            raise TemplateUnfit(place, line, reason)
        code = language.compile(tree, place, place)
    except TemplateSyntaxError as error:
        raise TemplateUnfit(place, error.lineno, error.message or "it can't be read") from error
    except (RecursionError, ValueError, SyntaxError, MemoryError) as error:  # as deep or long as no template is
        raise TemplateUnfit(place, 0, f"it can't be read: {reason_of(error)}") from error
    return Template.from_code(language, code, {})


def line_of(error: BaseException, file: str) -> int:
    """The last line of a template that an error went through; 0 if it went through none."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def reason_of(error: Exception) -> str:
    """What an error in a template says, in one line."""
    text = " ".join(str(error).split())
    if isinstance(error, UndefinedError):
        return f"something that it names is not there: {text}"
    return text if isinstance(error, TemplateError) else f"{type(error).__name__}: {text}"


def _faults(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    own = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"} | {"loop"}
    for node in tree.find_all(nodes.Node):
        if (reason := _fault(node, own)) is not None:
            yield node.lineno, reason
    loops = [loop.lineno for loop in tree.find_all(nodes.For)]
    if len(loops) > MOST_LOOPS:
        yield loops[MOST_LOOPS], f"a template may have {MOST_LOOPS} loops at most"
    yield from ((line, f"loops may be {DEEPEST} deep at most") for line in _too_deep(tree, 0))


def _too_deep(node: nodes.Node, depth: int) -> Iterator[int]:
    for child in node.iter_child_nodes():
        inside = depth + isinstance(child, nodes.For)
        if inside > DEEPEST:
            yield child.lineno
        else:
            yield from _too_deep(child, inside)


def _fault(node: nodes.Node, own: Collection[str]) -> str | None:
    reason = None
    match node:
        case nodes.Name():
            reason = _fault_of_name(node, own)
        case nodes.Filter() if node.name not in FILTERS:
            reason = f'the filter "{node.name}" can\'t be used here; possible are {", ".join(FILTERS)}'
        case nodes.Test() if node.name not in TESTS:
            reason = f'the test "{node.name}" can\'t be used here; possible are {", ".join(TESTS)}'
        case nodes.Call() if not (isinstance(node.node, nodes.Name) and node.node.name == "data"):
            reason = "nothing can be called but data(text, label)"
        case nodes.For() if node.recursive or not _is_list(node.iter):
            reason = f"a loop goes over one of the lists: {', '.join(sorted(LISTS))}"
        case _ if not isinstance(node, _KNOWN):
            reason = f"{type(node).__name__.lower()} can't be used here: it has texts, variables, `if` and `for`"
    return reason


def _fault_of_name(name: nodes.Name, own: Collection[str]) -> str | None:
    if name.ctx != "load":
        return f'"{name.name}" is a variable already; give yours another name' if name.name in VARIABLES else None
    if name.name in VARIABLES or name.name in own:
        return None
    return f'"{name.name}" is no variable; possible are {", ".join(sorted(VARIABLES - {"data"}))}'


def _is_list(node: nodes.Node) -> bool:
    match node:
        case nodes.Name():
            return node.name in LISTS
        case nodes.Or():
            return _is_list(node.left) and _is_list(node.right)
        case nodes.Getitem():
            return isinstance(node.arg, nodes.Slice) and _is_list(node.node)
        case nodes.Filter():
            return node.name in {"sort", "unique"} and node.node is not None and _is_list(node.node)
        case _:
            return False
