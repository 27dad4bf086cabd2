"""Builds the settings from their layers and reports all that is wrong at once. Reads no file and no variable itself."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from penstock.config.files import SECTION_FILES, Document, SettingsFileUnreadable, read_document
from penstock.config.settings import Given, Layer, Settings
from penstock.config.shape import (
    Key,
    Leaf,
    Nodes,
    Place,
    Stray,
    dotted,
    entry_kind,
    is_node,
    kind_at,
    places,
    rest,
    spread,
)
from penstock.config.upstreams import upstream_in
from penstock.config.values import found, read
from penstock.domain.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.config.environment import EnvironmentReading

USER_ONLY = (
    "agents.*.args",
    "agents.*.binary",
    "agents.*.command",
    "agents.*.env*",
    "agents.*.gateway",
    "agents.*.home",
    "agents.*.kind",
    "agents.*.script",
    "agents.*.tool",
    "*api_base",
    "*api_key",
    "*base_url",
    "budgets",
    "budgets.*",
    "confine",
    "database",
    "dry_run",
    "gateway",
    "gateway.*",
    "keys",
    "keys.*",
    "models",
    "models.*",
    "notifications",
    "notifications.*",
    "server",
    "server.*",
    "tool_profiles_path",
    "upstreams",
    "upstreams.*",
)
"""Keys that a project may not give: what runs unasked, holds keys, or says whom to talk to."""


class SettingsInvalid(UserError):
    """The settings can't be used; every problem is named."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problems" if len(self.problems) > 1 else "a problem"
        super().__init__(
            "\n".join([f"the settings have {count}:", *(f"  {item}" for item in self.problems)]),
            hint="mend what is named; of a project's files a run reads what is committed",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the layers say. A project's files come from the commit that is worked on, never from a checkout."""

    environment: EnvironmentReading
    user: bytes | None = None
    project: Mapping[str, bytes] = field(default_factory=dict)
    tool_profiles: tuple[str, bytes] | None = None
    """The file that `tool_profiles_path` names; it stands in for the project's own."""
    flags: Mapping[str, object] = field(default_factory=dict)


def load(nodes: Nodes, sources: Sources) -> Settings:
    """One frozen tree from all layers, or `SettingsInvalid` with everything that is wrong."""
    gathering = _Gathering(nodes=nodes)
    gathering.problems.extend(sources.environment.problems)
    _take_files(gathering, sources)
    for item in sources.environment.values:
        gathering.give(item.key, item.value, Layer.ENVIRONMENT, f"environment {item.variable}")
    for name, value in sources.flags.items():
        key = tuple(name.split("."))
        if kind_at(nodes, key) is None:
            gathering.problems.append(f'flag: unknown key "{name}"')
        else:
            gathering.give(key, value, Layer.FLAG, "flag")
    gathering.problems.extend(_spelt_alike(gathering.given))
    built = {section: gathering.build(node, (section,) if section else ()) for section, node in nodes.items()}
    if gathering.problems:
        raise SettingsInvalid(gathering.problems)
    return Settings(
        nodes=built,
        given={dotted(key): item for key, item in gathering.given.items()},
        values={dotted(key): value for section, node in built.items() for key, value in _values(section, node)},
        warnings=(*sources.environment.warnings, *_not_used_yet(nodes, gathering.given)),
    )


def _spelt_alike(given: Mapping[Key, Given]) -> Iterator[str]:
    """Two keys that read the same, for a name may hold a dot: of the two only one would be shown to people."""
    first: dict[str, Given] = {}
    for key, item in given.items():
        other = first.setdefault(dotted(key), item)
        if other is not item:
            yield f"{item.place}: {dotted(key)} is written as two keys, here and in {other.place}; rename one of them"


def _not_used_yet(nodes: Nodes, given: Mapping[Key, Given]) -> Iterator[str]:
    """What was given for a part of Penstock that is not there yet: kept as written, and said."""
    for section, node in nodes.items():
        remaining = rest(node)
        later = remaining[1].field.metadata.get("later") if remaining else None
        origins = dict.fromkeys(item.origin for key, item in given.items() if key[0] == section)
        if later and origins:
            yield f"{', '.join(origins)}: [{section}] is kept as written; nothing uses it yet, {later} will"


def _take_files(gathering: _Gathering, sources: Sources) -> None:
    if sources.user is not None:
        gathering.take(str(sources.environment.places.user_file), sources.user, (), Layer.USER)
    replaced = sources.tool_profiles is not None
    for name, prefix in SECTION_FILES.items():
        if name in sources.project and not (replaced and prefix == ("tools",)):
            gathering.take(name, sources.project[name], prefix, Layer.PROJECT)
    if sources.tool_profiles is not None:
        name, content = sources.tool_profiles
        gathering.take(name, content, ("tools",), Layer.ENVIRONMENT)


@dataclass(slots=True, kw_only=True)
class _Gathering:
    nodes: Nodes
    given: dict[Key, Given] = field(default_factory=dict)
    below: dict[Key, dict[str, None]] = field(default_factory=dict)
    """The names that were given right below each key."""
    problems: list[str] = field(default_factory=list)

    def take(self, name: str, content: bytes, prefix: Key, layer: Layer) -> None:
        try:
            document = read_document(name, content, prefix)
        except SettingsFileUnreadable as error:
            self.problems.append(error.sentence)
            return
        for item in spread(self.nodes, document.tree):
            if layer is Layer.PROJECT and (reason := _not_for_projects(item)):
                self.problems.append(f"{document.place(item.key)}: {reason}")
            elif isinstance(item, Leaf):
                self._give_from(document, item, layer)
            else:
                self.problems.append(f"{document.place(item.key)}: {item.sentence}")

    def _give_from(self, document: Document, leaf: Leaf, layer: Layer) -> None:
        before, place = self.given.get(leaf.key), document.place(leaf.key)
        if before is not None and before.layer is layer:
            self.problems.append(f"{place}: {dotted(leaf.key)} is also given in {before.place}; keep one of the two")
            return
        self.give(leaf.key, leaf.value, layer, document.name, place)

    def give(self, key: Key, value: object, layer: Layer, origin: str, place: str = "") -> None:
        self.given[key] = Given(key=key, value=value, layer=layer, origin=origin, place=place or origin)
        for depth, name in enumerate(key):
            self.below.setdefault(key[:depth], {})[name] = None

    def build(self, node: type, key: Key) -> Any:  # Any: the type is the caller's `node`
        values: dict[str, Any] = {}
        for name, place in places(node).items():
            values[name] = self._field(place, (*key, name))
        remaining = rest(node)
        if remaining is not None:
            taken = set(places(node))
            values[remaining[0]] = self._entries(remaining[1], key, taken)
        if any(value is MISSING for value in values.values()):
            return MISSING
        try:
            return node(**values)
        except ValueError as error:
            self.problems.append(f"{self._whereabouts(key)}{error}")
            return MISSING

    def _field(self, place: Place, key: Key) -> Any:
        if is_node(place.kind):
            return self.build(place.kind, key)
        if entry_kind(place.kind) is not None:
            return self._entries(place, key, set())
        if key not in self.given:
            if place.default is MISSING:
                self.problems.append(f"{self._whereabouts(key[:-1])}{dotted(key)} is missing")
            return place.default
        return self._read(place.kind, key, place.field.metadata)

    def _entries(self, place: Place, key: Key, taken: set[str]) -> Mapping[str, Any]:
        kind = entry_kind(place.kind)
        entries: dict[str, Any] = {} if place.default is MISSING else dict(place.default)
        for name in self.below.get(key, ()):
            if name in taken:
                continue
            own = (*key, name)
            value = self.build(kind, own) if is_node(kind) else self._read(kind, own, {})
            if value is not MISSING:
                entries[name] = value
        return entries

    def _read(self, kind: Any, key: Key, limits: Mapping[str, Any]) -> Any:
        written = self.given[key]
        try:
            value = read(kind, written.value)
        except (ValueError, UserError) as error:
            sentence = error.sentence if isinstance(error, UserError) else str(error)
            self.problems.append(f"{written.place}: {dotted(key)} {sentence}")
            return MISSING
        if (least := limits.get("minimum")) is not None and value < least:
            self.problems.append(f"{written.place}: {dotted(key)} must be at least {least}, found {value}")
            return MISSING
        if (most := limits.get("maximum")) is not None and value > most:
            self.problems.append(f"{written.place}: {dotted(key)} must be at most {most}, found {found(value)}")
            return MISSING
        return value

    def _whereabouts(self, key: Key) -> str:
        if not key:
            return ""
        near = [item.place for own, item in self.given.items() if own[: len(key)] == key]
        section = f"[{dotted(key)}] "
        return f"{near[-1]}: {section}" if near else section


def is_for_users_only(key: Key) -> bool:
    """Whether a project may not give a key."""
    return any(fnmatchcase(dotted(key), pattern) for pattern in USER_ONLY)


def _not_for_projects(item: Leaf | Stray) -> str | None:
    name = dotted(item.key)
    if not is_for_users_only(item.key):
        part = upstream_in(item.key, item.value) if isinstance(item, Leaf) else None
        if part is None:
            return None
        name = f"{part} of {name}, which says whom an agent talks to or with which key,"
    return f"{name} belongs in the user's own configuration (~/.config/penstock/config.toml), not in a project's file"


def _values(section: str, node: object) -> Iterator[tuple[Key, object]]:
    yield from _values_of(type(node), node, (section,) if section else ())


def _values_of(kind: Any, value: Any, key: Key) -> Iterator[tuple[Key, object]]:
    if is_node(kind):
        for name, place in places(kind).items():
            yield from _values_of(place.kind, getattr(value, name), (*key, name))
        if (remaining := rest(kind)) is not None:
            yield from _values_of(remaining[1].kind, getattr(value, remaining[0]), key)
    elif (entries := entry_kind(kind)) is not None:
        for name, item in value.items():
            yield from _values_of(entries, item, (*key, name))
    else:
        yield key, value
