"""Paths that differ from one run to the next, written as placeholders: `{{worktree}}/src/app.py`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from penstock.domain.errors import UserError

_LIKE_ONE = re.compile(r"\{\{((?:literal:)*)([a-z][a-z0-9_]*)\}\}")
_NO_PATH = re.compile(r"(?!)")
_PATH_ENDS = r"(?![A-Za-z0-9_-]|\.[A-Za-z0-9_])"
"""`/srv/one` is no part of `/srv/one-more` or `/srv/one.old`, but stands at the end of a sentence."""


class PlaceUnknown(UserError):
    """A recording speaks of a place that this attempt does not have."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f'the recording speaks of the place "{name}", which this attempt does not have',
            hint="was it written by a newer version, or for another kind of attempt? record the run again",
        )


class Places:
    """An attempt's own paths by name, `worktree` and `home` among them."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        self._paths = {name: path.rstrip("/") for name, path in paths.items()}
        named = sorted((path, name) for name, path in self._paths.items() if path.startswith("/"))
        self._names = dict(reversed(named))
        longest_first = sorted(self._names, key=lambda path: (-len(path), path))
        inside = "|".join(re.escape(path) for path in longest_first)
        self._found = re.compile(f"(?:{inside}){_PATH_ENDS}") if inside else _NO_PATH

    def written(self, text: str) -> str:
        """The text with placeholders for the paths. What looks like a placeholder is marked as none."""
        if "{{" in text:
            text = _LIKE_ONE.sub(r"{{literal:\1\2}}", text)
        return self._found.sub(lambda match: "{{" + self._names[match[0]] + "}}", text)

    def filled(self, text: str) -> str:
        """The text with this attempt's paths in place of the placeholders."""
        return _LIKE_ONE.sub(self._filled, text) if "{{" in text else text

    def _filled(self, match: re.Match[str]) -> str:
        marks, name = match.groups()
        if marks:
            return "{{" + marks.removeprefix("literal:") + name + "}}"
        if name not in self._paths:
            raise PlaceUnknown(name)
        return self._paths[name]
