"""What `doctor` finds, and what it looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from penstock.config.environment import read_environment
from penstock.domain.errors import PenstockError
from penstock.parts import Parts
from penstock.projects import Projects

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found about one part, and what to do where it is not as it should be."""

    name: str
    level: Level
    sentence: str
    remedy: str = ""


class Built(Protocol):
    """What `bootstrap` builds."""

    @property
    def projects(self) -> Projects: ...
    @property
    def parts(self) -> Parts: ...
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is looked at."""

    folder: Path
    environ: Mapping[str, str]
    build: Callable[[], Built]

    @property
    def home(self) -> Path:
        """Where Penstock keeps its state."""
        return read_environment(self.environ, {}).places.home


Look = Callable[[Patient], Iterator[Finding]]


def guarded(name: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """The findings of a look; what it raises becomes a finding too, so that the next look goes on."""
    try:
        yield from look()
    except PenstockError as error:
        yield Finding(name=name, level="fail", sentence=error.sentence, remedy=error.hint or "")
    except Exception as error:  # noqa: BLE001 - a part may be broken in any way: that is what is asked here
        yield Finding(name=name, level="fail", sentence=f"can't be looked at: {type(error).__name__}: {error}")
