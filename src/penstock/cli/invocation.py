"""One call of the command line: where the user stands, the environment, the terminal, and the way to a Penstock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.cli.terminal import Terminal
from penstock.domain.errors import UserError

if TYPE_CHECKING:
    import typer

    from penstock.bootstrap import Penstock


class NoSuchFolder(UserError):
    """`--project` names something that is no folder."""


@dataclass(slots=True, kw_only=True)
class Invocation:
    """What every command has at hand."""

    folder: Path
    environ: Mapping[str, str]
    terminal: Terminal
    flags: dict[str, object] = field(default_factory=dict)

    def stand_in(self, folder: Path) -> None:
        """Do as if the user stood in another folder."""
        place = self.place(folder)
        if not place.is_dir():
            raise NoSuchFolder(f"--project names {place}, which is not a folder", hint="name the folder of a project")
        self.folder = place

    def place(self, path: Path) -> Path:
        """Where a path leads that the user wrote, from where he stands."""
        try:
            return self.folder / path.expanduser()
        except RuntimeError:
            said = f"{path} begins with a home folder, and nobody knows where that is"
            raise UserError(said, hint="name the place by its whole path") from None

    def build(self) -> Penstock:
        """Penstock for this invocation."""
        from penstock.bootstrap import build  # noqa: PLC0415 - slow to import, and `--help` does without

        return build(folder=self.folder, environ=self.environ, flags=self.flags)

    def perform(self, use_case: Callable[[Penstock], Awaitable[int]]) -> int:
        """Build Penstock, do one thing with it, and close it again."""
        import asyncio  # noqa: PLC0415 - slow to import, and `--help` does without

        async def whole() -> int:
            penstock = self.build()
            try:
                return await use_case(penstock)
            finally:
                await penstock.close()
                for text in penstock.parts.news:
                    self.terminal.note(text)

        return asyncio.run(whole())


def of(context: typer.Context) -> Invocation:
    """The invocation that a command belongs to."""
    found = context.find_object(Invocation)
    assert found is not None  # noqa: S101 - `enter` always hands it over
    return found
