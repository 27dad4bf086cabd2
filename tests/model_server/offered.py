"""From an operation to a call of a tool that the request offers: each agent names its own differently."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .conversation import Asked
from .operations import Call, Edit, Operation, Read, Say, Shell, Write

_READ = ("Read", "read", "read_file")
_WRITE = ("Write", "write", "write_file")
_EDIT = ("Edit", "edit", "edit_file", "replace")
_SHELL = ("Bash", "bash", "exec_command", "shell_command", "run_shell_command", "shell")
_PATHS = ("file_path", "filePath", "absolute_path", "path")
_OLD = ("old_string", "oldString", "old_str", "before")
_NEW = ("new_string", "newString", "new_str", "after")

# For an agent whose only tool is a shell. The file is read and written as bytes: no newline changes on the way.
_REPLACE = (
    "import sys; path, old, new = sys.argv[1:]; text = open(path, 'rb').read().decode(); "
    "assert text.count(old) == 1, 'the text to be replaced is not there exactly once'; "
    "open(path, 'wb').write(text.replace(old, new).encode())"
)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool, and its arguments: fields, or plain text for a tool that takes that."""

    name: str
    arguments: Mapping[str, Any] | str


def translated(asked: Asked, operation: Operation) -> ToolCall | str:
    """The call that does it, or words where no tool that is offered can."""
    match operation:
        case Say(text=text):
            return text
        case Call(name=name, arguments=arguments):
            return ToolCall(name, arguments)
        case Shell(command=command):
            return _shell(asked, command) or "There is no tool to run a command with."
        case Read(path=path):
            return _file_tool(asked, _READ, path) or _shell_or_words(asked, f"cat {shlex.quote(path)}")
        case Write():
            return _write(asked, operation)
        case Edit():
            return _edit(asked, operation)


def _write(asked: Asked, write: Write) -> ToolCall | str:
    tool = _file_tool(asked, _WRITE, write.path, {"content": write.content})
    if tool is not None:
        return tool
    if _takes_patch(asked):
        lines = "".join(f"+{line}\n" for line in write.content.splitlines())
        return _patch(f"*** Add File: {write.path}\n{lines}")
    folder, path, content = map(shlex.quote, (posixpath.dirname(write.path) or ".", write.path, write.content))
    return _shell_or_words(asked, f"mkdir -p {folder} && printf %s {content} > {path}")


def _edit(asked: Asked, edit: Edit) -> ToolCall | str:
    name = _first(asked.tools, _EDIT)
    if name is not None:
        properties = asked.tools[name] or {}
        old, new = _key(properties, _OLD), _key(properties, _NEW)
        tool = _file_tool(asked, _EDIT, edit.path, {old: edit.old, new: edit.new})
        if tool is not None:
            return tool
    if _takes_patch(asked):
        gone = "".join(f"-{line}\n" for line in edit.old.splitlines())
        come = "".join(f"+{line}\n" for line in edit.new.splitlines())
        return _patch(f"*** Update File: {edit.path}\n@@\n{gone}{come}")
    return _shell_or_words(asked, shlex.join(["python3", "-c", _REPLACE, edit.path, edit.old, edit.new]))


def _patch(body: str) -> ToolCall:
    return ToolCall("apply_patch", f"*** Begin Patch\n{body}*** End Patch\n")


def _takes_patch(asked: Asked) -> bool:
    return "apply_patch" in asked.tools and asked.tools["apply_patch"] is None


def _first(tools: Mapping[str, object], names: Iterable[str]) -> str | None:
    return next((name for name in names if name in tools), None)


def _key(properties: Mapping[str, object], names: tuple[str, ...]) -> str:
    return _first(properties, names) or names[0]


def _file_tool(
    asked: Asked, names: tuple[str, ...], path: str, more: Mapping[str, Any] | None = None
) -> ToolCall | None:
    name = _first(asked.tools, names)
    if name is None:
        return None
    key = _key(asked.tools[name] or {}, _PATHS)
    return ToolCall(name, {key: posixpath.normpath(posixpath.join(asked.folder, path)), **(more or {})})


def _shell(asked: Asked, command: str) -> ToolCall | None:
    name = _first(asked.tools, _SHELL)
    if name is None:
        return None
    properties = asked.tools[name] or {}
    key = _key(properties, ("command", "cmd"))
    is_list = (properties.get(key) or {}).get("type") == "array"
    arguments: dict[str, Any] = {key: ["bash", "-c", command] if is_list else command}
    if "description" in properties:
        arguments["description"] = "Run a command"
    return ToolCall(name, arguments)


def _shell_or_words(asked: Asked, command: str) -> ToolCall | str:
    return _shell(asked, command) or "There is no tool to work on files with."
