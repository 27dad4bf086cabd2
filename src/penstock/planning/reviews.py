"""What a reviewer sees of a run: the true diff, the verdicts, what was checked, how each workstream ended. Bounded, and
it says what was cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from penstock.planning.bounds import characters_of, first_lines, path_shown, shares
from penstock.planning.file_kinds import FileKind, kind_of
from penstock.planning.leftovers import Told
from penstock.planning.payloads import Payload, one_line, text_in, texts_in

MOST_CHECKS = 200
LEAST_OF_A_FILE = 400
REMARK = 80
FOLDED = (FileKind.LOCK, FileKind.GENERATED)
"""What looks vendored is shown: else a folder's name would hide what an agent wrote."""
SHARE_OF_RESULTS = 0.25
"""So much of the room may everything take that is not the diff."""
_FILE = re.compile(r"^diff --git ", re.MULTILINE)
_NAMES = re.compile(r'^(?:\+\+\+ "?b/(.*?)"?|--- "?a/(.*?)"?)$', re.MULTILINE)
_HEADER = re.compile(r'diff --git "?a/(.*?)"? "?b/')


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckShown:
    """What one command came to on the tree that is judged."""

    command: str
    passed: bool
    output: str = ""
    """Of a red one: what it said."""


def review_sections(
    diff: str,
    verdicts: Sequence[Payload],
    checks: Sequence[CheckShown],
    workstreams: Sequence[Payload],
    *,
    max_tokens: int,
) -> tuple[Told, ...]:
    """The sections of a review; verdicts and workstreams are as `Views` tells them."""
    room = characters_of(max_tokens)
    results = [
        ("Workstreams", [_workstream(row) for row in workstreams]),
        ("Test Results", _checked(checks)),
        ("Verdicts", [_verdict(row) for row in verdicts]),
    ]
    sizes = (sum(len(line) + 1 for line in lines) for _, lines in results)
    given = shares(sizes, int(room * SHARE_OF_RESULTS))
    shown = [(title, first_lines(lines, most)) for (title, lines), most in zip(results, given, strict=True) if lines]
    left = room - sum(len(text) for _, text in shown)
    return (("Diff", diff_shown(diff, left) or "Nothing was changed."), *shown)


def diff_shown(diff: str, most: int) -> str:
    """A diff that fits into so many characters: what nobody reads is folded, the longest files are cut first, and of
    very many only the first are shown; the others are named as far as there is room.
    """
    parts = [_folded(part) for part in _files(diff)]
    if sum(len(part) + 1 for part in parts) <= most:
        return "\n".join(parts)
    count = min(len(parts), max(most // LEAST_OF_A_FILE, 1))
    named = [path_shown(_path_of(part)) for part in parts[count:]]
    names = first_lines(named, most // 5, what="files that are not shown")
    room = max(most - len(names) - REMARK - count, 0)
    given = shares((len(part) for part in parts[:count]), room)
    shown = [first_lines(part.splitlines(), size, what="lines") for part, size in zip(parts, given, strict=False)]
    cut = sum(len(part) > size for part, size in zip(parts, given, strict=False))
    remark = f"[... {cut} of {len(parts)} files are cut, {len(named)} are not shown ...]"
    return "\n".join(part for part in (*shown, remark, names) if part)[: max(most, 0)]


def _files(diff: str) -> Iterator[str]:
    """The parts of a diff, one per file; what comes before the first is nobody's."""
    starts = [match.start() for match in _FILE.finditer(diff)]
    for start, end in pairwise([*starts, len(diff)] if starts else []):
        yield diff[start:end].rstrip("\n")


def _folded(part: str) -> str:
    path = _path_of(part)
    kind = kind_of(path)
    if kind not in FOLDED:
        return part
    lines = part.splitlines()[4:]
    more, less = (sum(line.startswith(sign) for line in lines) for sign in "+-")
    return f"{part.splitlines()[0]}\n[{kind.value} file, folded: {more} lines more, {less} lines less]"


def _path_of(part: str) -> str:
    head = part[:20_000]
    found = next((one or other for one, other in _NAMES.findall(head)), "")
    if found:
        return found
    named = _HEADER.match(head)
    return named.group(1) if named else ""


def _workstream(row: Payload) -> str:
    said = ": ".join(part for part in (text_in(row, "reason"), text_in(row, "sentence")) if part)
    weakened = texts_in(row, "weakened_tests")
    parts = [
        f"- {text_in(row, 'ws_id')} is {text_in(row, 'status')}: {one_line(text_in(row, 'title'))}",
        one_line(said, 400),
        f"tests that say less than before: {one_line('; '.join(weakened), 600)}" if weakened else "",
    ]
    return "; ".join(part for part in parts if part)


def _checked(checks: Sequence[CheckShown]) -> list[str]:
    """Red ones first, with what they said."""
    lines = []
    for check in sorted(checks[:MOST_CHECKS], key=lambda one: one.passed):
        lines.append(f"- {'passed' if check.passed else 'FAILED'}: {one_line(check.command, 300)}")
        if not check.passed and check.output:
            lines += [f"  {line}" for line in check.output[-2000:].splitlines()]
    if len(checks) > MOST_CHECKS:
        lines.append(f"[... {len(checks) - MOST_CHECKS} more results are left out here ...]")
    return lines


def _verdict(row: Payload) -> str:
    checks = texts_in(row, "checks")
    known = texts_in(row, "known_failures")
    parts = [
        f"- tree {text_in(row, 'tree')[:12]} with {', '.join(texts_in(row, 'members')) or 'nothing new'}",
        f"passed: {one_line('; '.join(checks), 600)}" if checks else "nothing was checked",
        f"known failures: {one_line('; '.join(known), 400)}" if known else "",
        "not confined" if row.get("confined") is False else "",
    ]
    return "; ".join(part for part in parts if part)
