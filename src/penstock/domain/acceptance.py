"""What a line of acceptance is taken for: a command that we run, a sentence that we execute ourselves, or prose.

Decided here and nowhere else, from the text alone: what PATH holds plays no part. Nothing is run here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from penstock.domain.plan import Acceptance, AcceptanceKind
from penstock.domain.sentences import Builtin, BuiltinKind, parse_builtin

__all__ = ["NEVER", "RUNNERS", "Builtin", "BuiltinKind", "classify", "parse_builtin"]

RUNNERS = frozenset(
    (
        *("pytest", "python", "python3", "ruff", "mypy", "black", "uv", "tox"),
        *("node", "npm", "npx", "pnpm", "yarn", "go", "cargo", "dotnet", "mvn", "gradle", "make"),
        *("bash", "sh", "pwsh", "cat", "grep", "ls", "test", "["),
    )
)
"""First words that may begin a command, besides places of programs: `./…`, `scripts/…`, `.venv/bin/…`."""
NEVER = frozenset(
    (
        *("true", "false", ":", "echo", "printf", "exit", "type", "time", "set", "cd", "export"),
        *("source", "eval", "exec", "alias", "read", "wait", "sleep", "yes"),
    )
)
"""First words that begin no command unless it stands in backticks or is said to be run."""

_PASSES_ON = {"npm": {"run", "exec"}, "pnpm": {"run", "exec"}, "yarn": {"run", "exec"}, "uv": {"run"}, "cargo": {"run"}}
_IN_BACKTICKS = re.compile(r"(?:[Rr]un:?\s+)?(`{1,3})([^`]+)\1\.?")
_RUN_ITEM = re.compile(r"run:\s*(\S.*)", re.DOTALL)
_WORD = re.compile(r"""(?:"[^"]*"|'[^']*'|\S)+""")
_PROGRAM = re.compile(r"(?:\./|scripts/)\S|(?:\S*/)?\.?bin/[^/.]+$")
_FLAG = re.compile(r"--?[A-Za-z0-9]")
_SUFFIX = re.compile(r"[^\s/]*[\w*\]}]\.[A-Za-z][A-Za-z0-9]{0,7}")
_QUOTE = re.compile(r"""(?:^|[=(,])["']""")
_OPERATOR = re.compile(r"\|\|?|&&?|;|[0-9]?>>?.*|<<?.*")
_TEST_OPERATOR = re.compile(r"=|==|!=|=~|<|>|\|\|?|&&|-[a-z]{1,2}")
_SENTENCE_END = re.compile(r"[.,:;!?]$")


def classify(
    line: str | Mapping[str, object],
    *,
    tool_commands: Collection[str] = (),
    runners: Collection[str] = RUNNERS,
    make_targets: Collection[str] | None = None,
) -> Acceptance:
    """What the line is; `{"run": …}` and `{"prose": …}` say it themselves.

    `make_targets` are those of the project; None means that nobody looked, and then one word is believed.
    """
    if not isinstance(line, str):
        kind = AcceptanceKind.COMMAND if "run" in line else AcceptanceKind.PROSE
        return Acceptance(kind=kind, text=str(line.get("run", line.get("prose", ""))))
    text = line.strip()
    quoted = _IN_BACKTICKS.fullmatch(text) or _RUN_ITEM.fullmatch(text)
    if quoted is not None:
        command = quoted.group(quoted.lastindex or 0).strip()
        inner = _IN_BACKTICKS.fullmatch(command)
        return Acceptance(kind=AcceptanceKind.COMMAND, text=inner.group(2).strip() if inner else command)
    if _is_command(text, {*tool_commands, *runners}, make_targets):
        return Acceptance(kind=AcceptanceKind.COMMAND, text=text)
    kind = AcceptanceKind.PROSE if parse_builtin(text) is None else AcceptanceKind.BUILTIN
    return Acceptance(kind=kind, text=text)


def _is_command(text: str, starters: Collection[str], make_targets: Collection[str] | None) -> bool:
    first, *rest = _WORD.findall(text) or [""]
    if first in NEVER or not (first in starters or _PROGRAM.match(first)):
        return False
    if first in {"test", "["}:
        return _looks_like_test(first, rest)
    if first == "make":
        return _looks_like_make(rest, make_targets)
    words = rest[1:] if rest and rest[0] in _PASSES_ON.get(first, ()) else rest
    is_one_word = len(words) <= 1 and not any(_SENTENCE_END.search(word) for word in words)
    return is_one_word or any(map(_is_argument, rest))


def _is_argument(word: str) -> bool:
    """True for what prose has no use for: a flag, a path, a quote, a pipe or another operator."""
    is_path = word == "." or "/" in word or _SUFFIX.fullmatch(word) is not None
    return is_path or any(
        (_FLAG.match(word), _QUOTE.search(word), _OPERATOR.fullmatch(word), word.endswith(";") and word != ";")
    )


def _looks_like_test(first: str, rest: list[str]) -> bool:
    """`test` is an English word too: a flag comes first, or an operator second, and `[` is closed."""
    if first == "[" and "]" not in {word.rstrip(";") for word in rest[1:]}:
        return False
    while rest and rest[0] in {"!", "("}:
        rest = rest[1:]
    begins_with_flag = bool(rest) and _FLAG.match(rest[0]) is not None
    return begins_with_flag or (len(rest) > 2 and _TEST_OPERATOR.fullmatch(rest[1]) is not None)


def _looks_like_make(rest: list[str], make_targets: Collection[str] | None) -> bool:
    """`make` is an English word too: each target must exist."""
    operator = next((place for place, word in enumerate(rest) if _OPERATOR.fullmatch(word)), len(rest))
    mine = rest[:operator]
    if any(word in {"-C", "-f"} or word.startswith(("--directory", "--file")) for word in mine):
        return True  # targets of another file: nobody can know them here
    counts = {place + 1 for place, word in enumerate(mine) if word in {"-j", "-l"}}
    targets = [
        word
        for place, word in enumerate(mine)
        if not _FLAG.match(word) and "=" not in word and not (place in counts and word.isdigit())
    ]
    if make_targets is None:
        return len(targets) <= 1
    return bool(make_targets) and all(target in make_targets for target in targets)
