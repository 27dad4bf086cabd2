"""From arguments to an exit code: parses, performs, and turns every failure into a sentence and a code.

Nothing gets past it.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from typer import TyperException

import penstock
from penstock.cli import exits
from penstock.cli.app import command_line
from penstock.cli.invocation import Invocation
from penstock.cli.terminal import Terminal, standard
from penstock.domain.errors import AgentError, Bug, PenstockError, UserError, WorldError

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock

CODES = ((UserError, exits.WRONG_USE), (WorldError, exits.ENVIRONMENT), (AgentError, exits.FAILED), (Bug, exits.BUG))


def enter(
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    terminal: Terminal | None = None,
) -> int:
    """Perform a command; the exit code."""
    surroundings = os.environ if environ is None else environ
    screen = terminal or standard(surroundings)
    return _guarded(screen, arguments, surroundings, lambda: _perform(arguments, surroundings, folder, screen))


def perform(
    use_case: Callable[[Penstock, Invocation], Awaitable[int]], *, environ: Mapping[str, str] | None = None
) -> int:
    """Do one thing with a Penstock, for a script; its exit code, with the same words as a command has when it fails."""
    surroundings = os.environ if environ is None else environ
    screen = standard(surroundings)

    def work() -> int:
        invocation = Invocation(folder=_standing(), environ=surroundings, terminal=screen)
        return invocation.perform(lambda penstock: use_case(penstock, invocation))

    return _guarded(screen, sys.argv[1:], surroundings, work)


def _guarded(
    screen: Terminal, arguments: Sequence[str], surroundings: Mapping[str, str], work: Callable[[], int]
) -> int:
    """The exit code of some work; whatever goes wrong in it is said and becomes one."""
    try:
        return work()
    except TyperException as wrong:
        _say_wrong_use(screen, wrong)
        return exits.WRONG_USE
    except (UserError, WorldError, AgentError) as error:
        screen.error(str(error))
        return next(code for kind, code in CODES if isinstance(error, kind))
    except KeyboardInterrupt:
        screen.note("interrupted")
        return exits.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last border: whatever got here and is not the machine's is a bug
        if (refused := _refused(error)) is not None:
            screen.error(str(refused))
            return exits.ENVIRONMENT
        screen.error(_bug_report(error, arguments, surroundings))
        return exits.BUG
    finally:
        screen.close()


def _refused(error: Exception) -> WorldError | None:
    """What the machine refused, if that is what went wrong."""
    if not isinstance(error, OSError):
        return None
    from penstock.engine.machine import in_words  # noqa: PLC0415 - only needed when something is wrong

    return in_words(error)


def _standing() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise WorldError("the folder that you stand in is gone", hint="change to a folder that exists") from None


def _perform(arguments: Sequence[str], environ: Mapping[str, str], folder: Path | None, screen: Terminal) -> int:
    invocation = Invocation(folder=folder or _standing(), environ=environ, terminal=screen)
    code = command_line().main(
        args=with_resume_value(arguments), prog_name="penstock", standalone_mode=False, obj=invocation
    )
    if screen.is_lost and not code:
        return exits.ENVIRONMENT
    return code if isinstance(code, int) else exits.COMPLETED


def with_resume_value(arguments: Sequence[str]) -> list[str]:
    """`run --resume` may stand alone; the parser wants a value."""
    given = list(arguments)
    for place, word in enumerate(given):
        follower = given[place + 1] if place + 1 < len(given) else "-"
        if word == "--resume" and "run" in given[:place] and follower.startswith("-"):
            given[place] = "--resume=latest"
    return given


def _say_wrong_use(screen: Terminal, wrong: TyperException) -> None:
    context = getattr(wrong, "ctx", None)
    if type(wrong).__name__ == "NoArgsIsHelpError":
        screen.note(wrong.format_message())
        return
    screen.error(wrong.format_message())
    path = context.command_path if context is not None else "penstock"
    screen.note(f"hint: see `{path} --help`")


def _bug_report(error: Exception, arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    from penstock.domain.redaction import Redactor, secret_values  # noqa: PLC0415 - only when something is wrong

    what = error.sentence if isinstance(error, PenstockError) else f"{type(error).__name__}: {error}"
    redact = Redactor(secret_values(environ)).redact
    trace = redact(f"arguments: {' '.join(arguments)}\n\n{''.join(traceback.format_exception(error))}")
    try:
        where = f"the traceback is in {_keep(trace, environ)}"
    except Exception:  # noqa: BLE001 - a report about a bug must not fail by a second one
        where = f"the traceback could not be stored:\n{trace}"
    return f"this is a bug in Penstock: {redact(what)}\nhint: please report it; {where}"


def _keep(trace: str, environ: Mapping[str, str]) -> Path:
    from penstock.config.environment import read_environment  # noqa: PLC0415 - only when something is wrong

    now = datetime.now(UTC)
    folder = read_environment(environ, {}).places.home / "logs"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"bug-{now:%Y%m%dT%H%M%SZ}-{os.getpid()}.txt"
    path.write_text(f"penstock {penstock.__version__}\n{trace}", encoding="utf-8", errors="backslashreplace")
    return path
