"""Agents that offer no tools want a whole round in one answer: aider blocks, a direct call JSON with whole files."""

from __future__ import annotations

import json
from collections.abc import Iterable

from .conversation import Asked
from .operations import Edit, Operation, Say, Shell, Write
from .scripts import Round


def answered(asked: Asked, played: Round) -> str:
    """What an agent without tools is told; a side question, such as one for a title, gets a few words."""
    said = "\n".join(turn.text for turn in asked.turns)
    if "SEARCH/REPLACE" in said:
        return "\n".join([*_blocks(played.operations), played.final])
    if "CodeDeliverable" in said or ('"files"' in said and '"content"' in said):
        return _deliverable(played)
    return played.final if not played.steps else "A short answer"


def _blocks(operations: Iterable[Operation]) -> Iterable[str]:
    for one in operations:
        match one:
            case Write(path=path, content=content):
                yield _block(path, "", content)
            case Edit(path=path, old=old, new=new):
                yield _block(path, old, new)
            case Shell(command=command):
                yield f"```bash\n{command}\n```\n"
            case Say(text=text):
                yield text


def _block(path: str, old: str, new: str) -> str:
    return f"{path}\n```\n<<<<<<< SEARCH\n{_lines(old)}=======\n{_lines(new)}>>>>>>> REPLACE\n```\n"


def _lines(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _deliverable(played: Round) -> str:
    files = played.deliverable
    if files is None:
        files = {one.path: one.content for one in played.operations if isinstance(one, Write)}
    return json.dumps({"files": [{"path": path, "content": content} for path, content in files.items()]}, indent=1)
