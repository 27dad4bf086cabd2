"""The section [checks]: the project's own commands, each by itself or in a named group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from penstock.config.shape import nearest
from penstock.config.values import Unfit, found, read
from penstock.domain.plan import Check
from penstock.domain.tools import LONGEST_TIME

_KINDS: Mapping[str, object] = {"command": str, "timeout": float | None, "success_codes": tuple[int, ...]}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSettings:
    """One check as a project writes it: a command, or a table with a command and how it is judged."""

    command: str
    """The shell command, run in a clean checkout of the tree in question."""
    timeout: float | None = None
    """Seconds of engine time; not set: `limits.check_timeout`."""
    success_codes: tuple[int, ...] = (0,)
    """The exit codes that count as passed."""

    @classmethod
    def from_settings(cls, value: object) -> CheckSettings:
        """Read `"command"` or `{command, timeout, success_codes}`."""
        table = {"command": value} if isinstance(value, str) else value
        if not isinstance(table, Mapping):
            raise Unfit("a command or a table with a command", value)
        for name in table:
            if name not in _KINDS:
                near = nearest(str(name), list(_KINDS))
                advice = f'did you mean "{near}"?' if near else f"known here: {', '.join(_KINDS)}"
                raise ValueError(f'has the unknown key "{name}"; {advice}')
        parts: dict[str, Any] = {str(name): _part(str(name), item) for name, item in table.items()}
        check = cls(**{"command": "", **parts})
        if not check.command.strip():
            raise ValueError("needs a command")
        if check.timeout is not None and not 0 < check.timeout <= LONGEST_TIME:
            raise ValueError(f"has the timeout {check.timeout}; it must be greater than 0 and not more than a year")
        if not check.success_codes:
            raise ValueError("has an empty list of success_codes: nothing could ever pass")
        return check

    def as_check(self, name: str, default_timeout: float) -> Check:
        """The check as the core knows it."""
        timeout = default_timeout if self.timeout is None else self.timeout
        return Check(name=name, command=self.command, timeout=timeout, success_codes=self.success_codes)


def _part(name: str, value: object) -> object:
    try:
        return read(_KINDS[name], value)
    except Unfit as error:
        raise ValueError(f"{name} must be {error.wanted}, found {found(error.value)}") from None


CheckGroup: TypeAlias = Mapping[str, CheckSettings]


class CheckEntry:
    """What stands under a name in [checks]: a check, or a group of checks under names of their own."""

    parts: ClassVar[type] = CheckSettings
    """What its keys mean, for the page about the settings."""

    @classmethod
    def from_settings(cls, value: object) -> CheckSettings | CheckGroup:
        """Read a check; a table without a command that holds only commands and tables is a group."""
        if isinstance(value, Mapping) and _is_group(value):
            return {str(name): _member(str(name), item) for name, item in value.items()}
        return CheckSettings.from_settings(value)


def _is_group(table: Mapping[object, object]) -> bool:
    """False where a name is so much like a check's own key that it must be a slip of the pen."""
    return all(
        isinstance(item, str | Mapping) and nearest(str(name), list(_KINDS)) is None for name, item in table.items()
    )


def _member(name: str, value: object) -> CheckSettings:
    try:
        return CheckSettings.from_settings(value)
    except Unfit as error:
        raise ValueError(f"{name} must be {error.wanted}, found {found(error.value)}") from None
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecksSettings:
    """The project's checks: of each candidate, of each merged tree, and the groups that test gates name."""

    integrate: Mapping[str, CheckSettings] = field(default_factory=dict)
    """What every merged tree must pass: a command, or a table. None: the same as every candidate."""
    entries: Mapping[str, CheckEntry] = field(default_factory=dict, metadata={"rest": True})
    """What every candidate must pass: a command, or a table; or a group of them, which `test_gates` names."""

    def __post_init__(self) -> None:
        if "static" in self.groups:
            raise ValueError("static is no group: a check of every candidate stands in [checks] itself")

    @property
    def static(self) -> Mapping[str, CheckSettings]:
        """The checks that stand by themselves."""
        return {name: entry for name, entry in self.entries.items() if isinstance(entry, CheckSettings)}

    @property
    def groups(self) -> Mapping[str, CheckGroup]:
        """The named groups."""
        return {name: entry for name, entry in self.entries.items() if isinstance(entry, Mapping)}

    def static_checks(self, default_timeout: float) -> tuple[Check, ...]:
        """What every candidate must pass."""
        return _as_checks(self.static, default_timeout)

    def integrate_checks(self, default_timeout: float) -> tuple[Check, ...]:
        """What every merged tree must pass: the static checks where nothing else is said."""
        return _as_checks(self.integrate or self.static, default_timeout)

    def group_checks(self, default_timeout: float) -> Mapping[str, tuple[Check, ...]]:
        """What the workstreams that name a group must pass."""
        return {name: _as_checks(group, default_timeout) for name, group in self.groups.items()}


def _as_checks(checks: Mapping[str, CheckSettings], default_timeout: float) -> tuple[Check, ...]:
    return tuple(check.as_check(name, default_timeout) for name, check in checks.items())
