"""Writes old spellings of bundles in today's form, each file at once or not at all. It mends nothing but spelling."""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from penstock.intake.bundle_files import Source, find_sources, read_document
from penstock.intake.positions import Document, Unreadable
from penstock.intake.tolerance import Tidied, tidy
from penstock.intake.yaml_text import is_plain_text

_YAML_COMMENT = re.compile(r"(^|\s)#", re.MULTILINE)


class _Dumper(yaml.SafeDumper):
    """Writes in quotes each text that our reader, which knows YAML 1.2, would not take for one if it were plain."""


def _text_in_yaml(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if is_plain_text(text) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text_in_yaml)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What was done to a file, or why it was left alone."""

    file: str
    is_written: bool
    sentence: str


def fix(path: Path) -> tuple[Repair, ...]:
    """Mend the spelling of all bundle files of a folder, or of one file; comments and stray keys move to `metadata`."""
    found = (_fix_file(source) for source in find_sources(path, []))
    return tuple(repair for repair in found if repair is not None)


def _fix_file(source: Source) -> Repair | None:
    try:
        document = read_document(source)
    except Unreadable:
        return None
    values = document.value if isinstance(document.value, list) else [document.value]
    tidied = [tidy(value) if isinstance(value, dict) else None for value in values]
    tolerated = [odd for one in tidied if one is not None for odd in one.oddities if odd.is_tolerated]
    if not tolerated and not document.comments:
        return None
    reason = _reason_against(source, document, tidied)
    if reason is not None:
        return Repair(file=source.name, is_written=False, sentence=f"left as it is: {reason}")
    mended = [_mended(document, number, one) for number, one in enumerate(tidied) if one is not None]
    value = mended if isinstance(document.value, list) else mended[0]
    text = _text(source, value)
    if not _reads_as(source, text, value):
        sentence = "left as it is: written anew it would read differently; change the keys by hand"
        return Repair(file=source.name, is_written=False, sentence=sentence)
    _write(Path(source.name), text)
    count = len(tolerated) + len(document.comments)
    return Repair(file=source.name, is_written=True, sentence=f"{count} old spelling{'' if count == 1 else 's'} mended")


def _reason_against(source: Source, document: Document, tidied: list[Tidied | None]) -> str | None:
    if document.twice or any(one is None for one in tidied):
        return "a key stands twice, or something is no bundle; mend that first"
    for number, one in enumerate(tidied):
        if one is not None and any(not odd.is_tolerated for odd in one.oddities):
            return "it has keys that are no old spelling; mend them first"
        if one is not None and not isinstance(one.fields.get("metadata") or {}, dict):
            return "its `metadata` is no object"
        clashes = [] if one is None else one.clashes(_comments(document, number))
        if clashes:
            return f"`metadata` already holds another {', '.join(f'`{key}`' for key in clashes)}; keep one of them"
    if not source.name.lower().endswith(".json") and _YAML_COMMENT.search(source.content.decode("utf-8-sig")):
        return "writing YAML anew would lose its comments; change the keys by hand"
    return None


def _mended(document: Document, number: int, tidied: Tidied) -> dict[str, object]:
    return tidied.mended(_comments(document, number))


def _comments(document: Document, number: int) -> list[str]:
    """The comments that stood in a bundle; those outside of any belong to the first."""
    is_list = isinstance(document.value, list)
    return [
        remark.text for remark in document.comments if not is_list or (remark.place[0] if remark.place else 0) == number
    ]


def _text(source: Source, value: object) -> str:
    if source.name.lower().endswith(".json"):
        return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _reads_as(source: Source, text: str, value: object) -> bool:
    """Whether exactly this would be read from the text: a whole number that became a fraction is not the same."""
    try:
        found = read_document(Source(name=source.name, content=text.encode()))
    except Unreadable:
        return False
    return repr(found.value) == repr(value)


def _write(path: Path, text: str) -> None:
    """Replace a file by one that is whole on disk, with the same rights."""
    path = path.resolve()
    mode = path.stat().st_mode & 0o777
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
