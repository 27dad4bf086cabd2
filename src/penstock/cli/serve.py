"""The command that serves the HTTP API: serve."""

import logging
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli import exits
from penstock.cli import invocation as invocations
from penstock.domain.errors import UserError

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.cli.terminal import Terminal


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("serve", short_help="Serve the HTTP API", epilog="Example: penstock serve --port 8001")(serve)


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option("--host", metavar="NAME", help="Listen at this address.")] = "",
    port: Annotated[
        int | None, typer.Option("--port", metavar="N", min=0, max=65535, help="Listen on this port; 0: a free one.")
    ] = None,
    allow_unauthenticated: Annotated[
        bool,
        typer.Option("--allow-unauthenticated", help="Let everybody in who reaches the address, without a key."),
    ] = False,
) -> int:
    """Serve the HTTP API until Ctrl-C, and go on with all that is under way and that nobody works on.

    Requests that name no project mean the one that you stand in. A second Ctrl-C leaves at once; a kill is harmless.
    """
    invocation = invocations.of(context)
    if host:
        invocation.flags["server.host"] = host
    if port is not None:
        invocation.flags["server.port"] = port

    async def until_stopped(penstock: "Penstock") -> int:
        return await _serve(penstock, invocation.terminal, is_allowed=allow_unauthenticated)

    return invocation.perform(until_stopped)


async def _serve(penstock: "Penstock", terminal: "Terminal", *, is_allowed: bool) -> int:
    from penstock.api.app import create_app  # noqa: PLC0415 - slow to import, and only needed here
    from penstock.api.serving import listen, must_be_safe  # noqa: PLC0415 - as above
    from penstock.api.serving import serve as serve_until_stopped  # noqa: PLC0415 - as above
    from penstock.config.server import ServerSettings  # noqa: PLC0415 - as above

    own = penstock.parts.own_settings
    settings = own.node(ServerSettings)
    if not settings.data_driven_orchestration:
        raise UserError(
            f"data_driven_orchestration is false (by {own.origin('server.data_driven_orchestration')}), and there is "
            "no other way any more: phases and prompts are data in tables",
            hint="set DATA_DRIVEN_ORCHESTRATION=true, or leave it and WORKBENCH_DATA_DRIVEN_ORCHESTRATION out",
        )
    is_open = must_be_safe(settings.host, has_keys=bool(settings.api_keys), is_allowed=is_allowed)
    listening = listen(settings.host, settings.port)
    try:
        penstock.parts.database  # noqa: B018 - opened before anybody asks, so that what is wrong with it is said here
        penstock.parts.hide_keys()
        _log_to_stderr(penstock)
        for warning in (*own.warnings, *_warnings(penstock, is_open=is_open)):
            terminal.warn(warning)
        app = create_app(penstock, settings, is_unauthenticated=is_open)
        await serve_until_stopped(app, listening, terminal.line)
    finally:
        listening.close()
    return exits.COMPLETED


def _warnings(penstock: "Penstock", *, is_open: bool) -> list[str]:
    """What who starts the server should know."""
    from penstock.api.upstream import upstream_of  # noqa: PLC0415 - slow to import, and only needed here

    upstream = upstream_of(penstock)
    said = [] if upstream.status == "ready" else [f"phases: {upstream.message}"]
    return [*said, "anybody who reaches this address can use the server: it wants no key"] if is_open else said


def _log_to_stderr(penstock: "Penstock") -> None:
    redact = penstock.parts.redactor.redact

    class Redacting(logging.Formatter):
        """One line per event, without secrets."""

        def format(self, record: logging.LogRecord) -> str:
            return redact(super().format(record))

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Redacting("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("penstock")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
