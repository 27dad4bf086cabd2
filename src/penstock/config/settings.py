"""All settings of one process, frozen, each with its origin: the one answer to "which value, and who said so"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, TypeVar

from penstock.config.values import plain
from penstock.domain.errors import Bug
from penstock.domain.redaction import Redactor, is_secret_name

if TYPE_CHECKING:
    from penstock.config.shape import Key

Node = TypeVar("Node")


class Layer(IntEnum):
    """Who gives a value; the later one wins."""

    DEFAULT = 0
    USER = 1
    PROJECT = 2
    ENVIRONMENT = 3
    FLAG = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A value as it was written, by whom, and where exactly."""

    key: Key
    value: object
    layer: Layer
    origin: str
    place: str


Row = tuple[str, object, str]
"""A key, its value as JSON can hold it, and its origin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The frozen tree: a node per section, and where each value comes from."""

    nodes: Mapping[str, object]
    given: Mapping[str, Given]
    values: Mapping[str, object]
    """Every key with its value in force, defaults too."""
    warnings: tuple[str, ...] = ()

    def node(self, kind: type[Node]) -> Node:
        """The section that is held by this dataclass."""
        for node in self.nodes.values():
            if type(node) is kind:
                return node
        raise Bug(f"no section of the settings is a {kind.__name__}")

    def origin(self, key: str) -> str:
        """Who gave the value of a key: a file's name, a variable, a flag, or "default"."""
        if key in self.given:
            return self.given[key].origin
        if key in self.values:
            return "default"
        raise Bug(f'there is no setting "{key}"')

    def of_project(self, section: str) -> frozenset[str]:
        """The entries of a section that the project's files give."""
        given = (item for item in self.given.values() if item.layer is Layer.PROJECT)
        return frozenset(item.key[1] for item in given if item.key[0] == section and len(item.key) > 1)

    def rows(self) -> list[Row]:
        """Every value with its origin, for people. Secrets are never among them."""
        return [(key, _shown(key, value), self.origin(key)) for key, value in sorted(self.values.items())]


def _shown(name: str, value: object) -> object:
    if is_secret_name(name.rpartition(".")[2]) and isinstance(value, str | tuple):
        return "(set, not shown)" if value else ""
    value = plain(value)
    if isinstance(value, str):
        return Redactor().redact(value)
    if isinstance(value, list):
        return [_shown(name, item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _shown(str(key), item) for key, item in value.items()}
    return value
