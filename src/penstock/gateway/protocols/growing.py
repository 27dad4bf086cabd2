"""An object that comes in pieces and is put together at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SAID_ONCE = frozenset({"role", "id", "type", "name"})
"""Some servers repeat these with every piece."""


class Growing:
    """Texts are joined, lists extended, objects grow within; of anything else the last value counts."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def merge(self, piece: Mapping[str, Any]) -> None:
        """Take one piece."""
        for name, value in piece.items():
            if isinstance(value, str) and name in _SAID_ONCE:
                self._values[name] = self._values.get(name) or value
            elif isinstance(value, str):
                self._of_kind(name, _Text).parts.append(value)
            elif isinstance(value, list):
                self._of_kind(name, list).extend(value)
            elif isinstance(value, dict):
                self._of_kind(name, Growing).merge(value)
            elif value is not None or name not in self._values:
                self._values[name] = value

    def whole(self) -> dict[str, Any]:
        """The object as it is now."""
        return {name: _whole(value) for name, value in self._values.items()}

    def _of_kind(self, name: str, kind: type[Any]) -> Any:
        if not isinstance(self._values.get(name), kind):
            self._values[name] = kind()
        return self._values[name]


class _Text:
    def __init__(self) -> None:
        self.parts: list[str] = []


def _whole(value: object) -> object:
    match value:
        case _Text():
            return "".join(value.parts)
        case Growing():
            return value.whole()
        case _:
            return value
