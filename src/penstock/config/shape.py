"""The tree of keys that the nodes span: which keys exist, of which type, and what is like a misspelt one."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, get_args, get_origin, get_type_hints

Key = tuple[str, ...]
Nodes = Mapping[str, type]
"""Section name to the frozen dataclass that holds it; "" is the top of the tree."""


def dotted(key: Key) -> str:
    """A key as people write it."""
    return ".".join(key)


def is_node(kind: Any) -> bool:  # Any: a type annotation has no type of its own
    """True for a dataclass whose fields are keys; one that reads its own written form is a single value."""
    return isinstance(kind, type) and is_dataclass(kind) and not hasattr(kind, "from_settings")


def entry_kind(kind: Any) -> Any:
    """The type of a free table's entries, None where the type is no free table."""
    return get_args(kind)[1] if get_origin(kind) is Mapping else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One named field of a node."""

    kind: Any
    field: Field[Any]

    @property
    def default(self) -> Any:
        """What the field holds when nobody gives it."""
        if self.field.default is not MISSING:
            return self.field.default
        if self.field.default_factory is not MISSING:
            return self.field.default_factory()
        return MISSING


@cache
def places(node: type) -> Mapping[str, Place]:
    """The named fields of a node, without the one that takes the rest."""
    hints = get_type_hints(node)
    found = {item.name: Place(kind=hints[item.name], field=item) for item in fields(node)}
    return MappingProxyType({name: place for name, place in found.items() if not place.field.metadata.get("rest")})


@cache
def rest(node: type) -> tuple[str, Place] | None:
    """The field that takes every key which no other field names."""
    hints = get_type_hints(node)
    for item in fields(node):
        if item.metadata.get("rest"):
            return item.name, Place(kind=hints[item.name], field=item)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A value as it was written, and the type that it must become."""

    key: Key
    value: object
    kind: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """A key that no node knows, or a value where a table must be."""

    key: Key
    sentence: str


def spread(nodes: Nodes, tree: Mapping[str, object]) -> Iterator[Leaf | Stray]:
    """Every value of a written tree with its key and type."""
    top = nodes.get("")
    known = [*(places(top) if top else ()), *(section for section in nodes if section)]
    for name, value in tree.items():
        if name and name in nodes:
            yield from _spread(nodes[name], value, (name,))
        elif top and name in places(top):
            yield from _spread(places(top)[name].kind, value, (name,))
        else:
            yield _unknown((str(name),), known)


def _spread(kind: Any, value: object, key: Key) -> Iterator[Leaf | Stray]:
    entries = entry_kind(kind)
    if entries is None and not is_node(kind):
        yield Leaf(key=key, value=value, kind=kind)
    elif not isinstance(value, Mapping):
        yield Stray(key=key, sentence=f"{dotted(key)} must be a table")
    elif entries is not None:
        for name, item in value.items():
            yield from _spread(entries, item, (*key, str(name)))
    else:
        yield from _spread_node(kind, value, key)


def _spread_node(node: type, table: Mapping[str, object], key: Key) -> Iterator[Leaf | Stray]:
    remaining = rest(node)
    for name, item in table.items():
        if name in places(node):
            yield from _spread(places(node)[name].kind, item, (*key, name))
        elif remaining is not None:
            yield from _spread(entry_kind(remaining[1].kind), item, (*key, str(name)))
        else:
            yield _unknown((*key, str(name)), list(places(node)))


def _unknown(key: Key, known: list[str]) -> Stray:
    near = nearest(key[-1], known)
    advice = f'did you mean "{near}"?' if near else f"known here: {', '.join(sorted(known))}"
    return Stray(key=key, sentence=f'unknown key "{dotted(key)}"; {advice}')


def nearest(name: str, known: list[str]) -> str | None:
    """The known name that is most like this one, if any is."""
    spelt = {item.replace("-", "_").lower(): item for item in known}
    matches = difflib.get_close_matches(name.replace("-", "_").lower(), list(spelt), n=1, cutoff=0.6)
    return spelt[matches[0]] if matches else None


def kind_at(nodes: Nodes, key: Key) -> Any:
    """The type of the value at a key, None where there is none."""
    top = nodes.get("")
    kind: Any = nodes.get(key[0]) or (places(top)[key[0]].kind if top and key[0] in places(top) else None)
    for name in key[1:]:
        if is_node(kind):
            remaining = rest(kind)
            if name in places(kind):
                kind = places(kind)[name].kind
            else:
                kind = entry_kind(remaining[1].kind) if remaining else None
        else:
            kind = entry_kind(kind)
    return kind


def fixed_keys(nodes: Nodes) -> Iterator[tuple[Key, Any]]:
    """Every key that has one name, with its type: all but the entries of free tables."""
    for section, node in nodes.items():
        yield from _fixed(node, (section,) if section else ())


def _fixed(node: type, key: Key) -> Iterator[tuple[Key, Any]]:
    for name, place in places(node).items():
        if is_node(place.kind):
            yield from _fixed(place.kind, (*key, name))
        elif entry_kind(place.kind) is None and not hasattr(place.kind, "from_settings"):
            yield (*key, name), place.kind
