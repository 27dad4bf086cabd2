"""Tools as people use them, with real parts: listed, looked for, run, and what came of it claimed in a run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from penstock.adapters.tools import SHIPPED, UnknownTool
from penstock.domain.breaker import signature
from penstock.domain.errors import UserError
from penstock.domain.tools import ToolNotRenderable
from penstock.submission import NotTrusted
from penstock.tooling import ToolOrder
from service_support import SETTINGS, Desk, awaited, bundle

OWN = SETTINGS + '[tools.count]\ntype = "static-check"\ncommand = "ls"\nargs = ["nowhere.txt"]\n'


@awaited
async def test_every_shipped_tool_is_known_and_the_projects_own_with_its_file(tmp_path: Path) -> None:
    penstock = Desk(tmp_path, settings=OWN).penstock()
    known = {tool.id: tool for tool in penstock.tooling.known()}
    assert set(known) == {*SHIPPED, "count"}
    assert (known["count"].origin, known["count"].command_line) == ("penstock.toml", "ls nowhere.txt")
    assert known["pytest"].origin == "default"
    await penstock.close()


@awaited
async def test_a_program_is_found_with_its_version_or_said_to_be_missing(tmp_path: Path) -> None:
    own = '[tools.mine]\ncommand = "ls"\n'
    penstock = Desk(tmp_path, settings=SETTINGS + own).penstock()
    mine, echo, missing = await penstock.tooling.check(["mine", "echo-json", "missing-tool"])
    assert (Path(mine.path).name, mine.version) == ("ls", "")
    assert (Path(echo.path).name, echo.version.startswith("Python 3")) == ("python3", True)
    assert (missing.path, missing.version) == ("", "")
    with pytest.raises(UserError, match="there is no tool 'mein'"):
        await penstock.tooling.check(["mein"])
    await penstock.close()


@awaited
async def test_a_tool_runs_in_the_folder_that_was_named_and_leaves_no_records(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    penstock = desk.penstock()
    result = await penstock.tooling.run(ToolOrder(tool_id="echo-json", message='{"a": "$(id)"}', folder=Path("src")))
    assert (result.stdout, result.exit_code, result.success) == ('{"message": "{\\"a\\": \\"$(id)\\"}"}\n', 0, True)
    assert list((desk.home / "projects").glob("*/runs/.tools/*/*")) == []
    await penstock.close()


@awaited
async def test_a_projects_own_tool_runs_only_after_trust_and_in_the_folder(tmp_path: Path) -> None:
    desk = Desk(tmp_path, settings=OWN)
    penstock = desk.penstock()
    with pytest.raises(NotTrusted, match="nowhere"):
        await penstock.tooling.run(ToolOrder(tool_id="count"))
    async with penstock.projects.opened(penstock.projects.current()) as opened:
        penstock.projects.trust(opened)
    (desk.project / "src" / "nowhere.txt").write_text("here\n")
    assert not (await penstock.tooling.run(ToolOrder(tool_id="count"))).success
    assert (await penstock.tooling.run(ToolOrder(tool_id="count", folder=Path("src")))).stdout == "nowhere.txt\n"
    await penstock.close()


@awaited
async def test_what_came_of_a_tool_is_an_event_and_a_counted_error_of_the_run(tmp_path: Path) -> None:
    penstock = Desk(tmp_path, bundle("ws-a")).trusted()
    run_id = await penstock.assembly.create()
    await penstock.assembly.add(run_id, bundle("ws-a"))
    for _ in range(2):
        await penstock.tooling.run(ToolOrder(tool_id="missing-tool", run_id=run_id, workstream="ws-a", step="static"))
    await penstock.tooling.run(ToolOrder(tool_id="echo", message="hi", run_id=run_id))
    told = [event for event in penstock.parts.views.events(run_id) if event["event_type"] == "tool_run"]
    assert [(one["ws_id"], one["payload"]["passed"], one["payload"]["error"]) for one in told] == [
        ("ws-a", False, "missing_binary"),
        ("ws-a", False, "missing_binary"),
        (None, True, ""),
    ]
    (error,) = penstock.parts.views.errors(run_id)
    text = "nonexistent-binary-12345: not found on PATH"
    assert (error["error_code"], error["count"], error["step"], error["message"]) == (
        "missing_binary",
        2,
        "static",
        text,
    )
    assert error["signature"] == signature("missing_binary", text)
    assert error["last_seen_at"] > error["first_seen_at"]
    assert penstock.parts.views.run(run_id)["workstreams"][0]["status"] == "pending"
    await penstock.close()


@pytest.mark.parametrize(
    ("order", "error", "sentence"),
    [
        (ToolOrder(tool_id="echoo", message="x"), UnknownTool, "there is no tool"),
        (ToolOrder(tool_id="echo"), ToolNotRenderable, "needs {message}"),
        (ToolOrder(tool_id="echo", message="x", folder=Path("nowhere")), UserError, "is not a folder"),
        (ToolOrder(tool_id="echo", message="x", run_id="run-x"), UserError, "there is no run 'run-x'"),
        (ToolOrder(tool_id="echo", message="x", workstream="ws-a"), UserError, "without its run"),
        (ToolOrder(tool_id="echo", message="x", run_id="r", step="lint"), UserError, "possible are edit, fix, static"),
    ],
)
@awaited
async def test_a_tool_that_can_not_be_run_is_refused_in_words(
    tmp_path: Path, order: ToolOrder, error: type[Exception], sentence: str
) -> None:
    penstock = Desk(tmp_path).penstock()
    with pytest.raises(error, match=sentence):
        await penstock.tooling.run(order)
    await penstock.close()


@awaited
async def test_a_model_comes_from_the_order_else_from_the_settings(tmp_path: Path) -> None:
    show = "import sys; print(sys.argv[1])"
    own = f'[tools.ask]\ntype = "ai"\ncommand = "{sys.executable}"\nargs = ["-c", "{show}", "{{model_name}}"]\n'
    penstock = Desk(tmp_path, settings=SETTINGS + own + '[agents.ask]\nmodel = "usual"\n').trusted()
    assert (await penstock.tooling.run(ToolOrder(tool_id="ask"))).stdout == "usual\n"
    assert (await penstock.tooling.run(ToolOrder(tool_id="ask", model="other"))).stdout == "other\n"
    await penstock.close()
