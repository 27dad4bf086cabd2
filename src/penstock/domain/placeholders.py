"""Content that is not whole: places left out, fences left around it, marks of a conflict. Judged line by line.

Only what is new counts: what a file held before is not the deliverable's doing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

PROSE = (".md", ".markdown", ".rst", ".txt", ".adoc")
_FENCE = re.compile(r"[ \t]{0,3}(?:```+|~~~+)[\w+#.-]*[ \t]*")
_LEAD = r"[ \t]*(?:#+|//+|/\*+|<!--+|--+|;+|\*+|%+|\"\"\"|'''|\{/\*)?[ \t]*"
_COMMENT = r"[ \t]*(?://+|#+|/\*+|<!--+|--+|;+|%+|\{/\*)[ \t]*"
_DOTS = r"(?:\.{3,}|…)"
_WHAT = (
    r"(?:(?:the )?(?:rest|remainder) of\b|(?:the )?(?:remaining|existing|unchanged|previous|original|other|same)\b"
    r"(?: \w+){0,3}|(?:code|content|methods?|functions?|lines?|imports?) (?:omitted|unchanged|as before|remains?)\b)"
)
_SAME = r"(?:the same|unchanged|as (?:before|is|it is|it was)|here)"
_ENDING = rf"(?:(?:remains?|stays?|is|are|goes)(?: {_SAME})?|unchanged|here|omitted|as (?:before|is))"
_TAIL = r"[ \t.…)\]>*/}-]*"
_ANYWHERE = (
    # ... rest of the file unchanged ...
    rf"{_LEAD}[\[(<]?{_DOTS}[ \t(\[]*{_WHAT}.{{0,80}}",
    # [...], <snip>
    rf"[ \t]*(?:\[{_DOTS}\]|[<\[](?:snip|omitted|truncated)[>\]])[ \t]*",
)
_IN_CODE = (
    # // existing code ... ; // rest of the code here
    rf"{_COMMENT}{_WHAT}.{{0,60}}?(?:{_DOTS}|{_ENDING}\b){_TAIL}",
    # existing code ...
    rf"[ \t]*{_WHAT}.{{0,60}}?{_DOTS}{_TAIL}",
    # // existing code (and nothing else)
    rf"{_COMMENT}existing (?:code|content|implementation|imports?)\b{_TAIL}",
    # // ...
    rf"{_COMMENT}{_DOTS}{_TAIL}",
    rf"{_COMMENT}(?:{_DOTS})?[ \t]*(?:snip|truncated|omitted for brevity|code omitted)\b{_TAIL}",
)
_ELIDED_ANYWHERE, _ELIDED_IN_CODE = (
    re.compile("|".join(patterns), re.IGNORECASE) for patterns in (_ANYWHERE, (*_ANYWHERE, *_IN_CODE))
)
_MARKS = ("<<<<<<< ", ">>>>>>> ", "||||||| ")
LONGEST_LINE = 400
"""A place left out is said in few words; what is longer is not looked at."""


def content_faults(path: str, new: bytes, old: bytes | None, *, allow_binary: bool = False) -> tuple[str, ...]:
    """What is wrong with the content that a file would have."""
    if b"\0" in new:
        was_text = old is not None and b"\0" not in old
        return () if allow_binary else (f"binary content{' in place of text' if was_text else ''}",)
    try:
        text = new.decode()
    except UnicodeDecodeError as fault:
        if allow_binary or (old is not None and not _is_text(old)):
            return ()
        return (f"content that is no valid UTF-8 (at byte {fault.start})",)
    before = "" if old is None else old.decode("utf-8", "replace")
    return (*_conflicts(text, before), *_elisions(path, text, before), *_fences(path, text, before))


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in content


def _is_prose(path: str) -> bool:
    return path.lower().endswith(PROSE)


def _added(text: str, before: str) -> Iterator[tuple[int, str]]:
    """The lines that the text has more often than it had, by number."""
    left = Counter(before.splitlines())
    for number, line in enumerate(text.splitlines(), 1):
        if left[line] > 0:
            left[line] -= 1
        else:
            yield number, line


def _conflicts(text: str, before: str) -> Iterator[str]:
    for number, line in _added(text, before):
        if line.startswith(_MARKS):
            yield f"a conflict marker in line {number}"
            return


def _elisions(path: str, text: str, before: str) -> Iterator[str]:
    elided = _ELIDED_ANYWHERE if _is_prose(path) else _ELIDED_IN_CODE
    for number, line in _added(text, before):
        if len(line) <= LONGEST_LINE and elided.fullmatch(line):
            yield f"something was left out in line {number} ({line.strip()[:60]!r}): the whole content is needed"
            return


def _fences(path: str, text: str, before: str) -> Iterator[str]:
    lines = [line for line in text.splitlines() if line.strip()]
    first, last = (lines[0], lines[-1]) if lines else ("", "")
    opens, closes = (_FENCE.fullmatch(line) is not None for line in (first, last))
    if _is_prose(path):
        is_wrapped = re.fullmatch(r"```+(?:markdown|md)[ \t]*", first, re.IGNORECASE) is not None and closes
        if is_wrapped and len(lines) > 1 and first not in before.splitlines():
            yield "a code fence around the whole content"
        elif _is_open(text) and not _is_open(before):
            yield "an end inside a code fence: it was cut off"
    elif (opens and first not in before.splitlines()) or (closes and last not in before.splitlines()):
        yield "a code fence left around the content"


def _is_open(text: str) -> bool:
    """Whether a text ends inside a fence, as Markdown counts them."""
    mark = ""
    for line in text.splitlines():
        found = re.match(r" {0,3}(`{3,}|~{3,})(.*)", line)
        if found is None:
            continue
        if not mark:
            mark = found[1] if "`" not in found[2] or found[1][0] == "~" else ""
        elif found[1][0] == mark[0] and len(found[1]) >= len(mark) and not found[2].strip():
            mark = ""
    return bool(mark)
