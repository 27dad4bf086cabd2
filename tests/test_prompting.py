"""Prompts of real runs: whose templates count, for how long, and what is found wrong before a run is stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock import pipeline
from penstock.bootstrap import Penstock
from penstock.domain.errors import UserError
from penstock.domain.run import Step
from penstock.engine.prompts import FILES, TemplateUnfit
from penstock.ports import UnknownRun
from penstock.submission import NotTrusted, PromptOrder, Submission
from service_support import GIT, Desk, awaited, bundle

EDIT, FIX = FILES["edit"], FILES["fix"]
MINE = "Mine: {{ ws_id }} in {{ run_id }}\n{{ data(tasks, 'tasks') }}\n"


def write(place: Path, text: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def committed(desk: Desk, name: str, text: str) -> None:
    write(desk.project / name, text)
    desk.commit()


async def previewed(penstock: Penstock) -> str:
    return dict((await penstock.service.preview(Submission(run_id="r1"))).prompts)["ws-a"]


@awaited
async def test_a_projects_template_stands_in_for_the_users_and_that_for_penstocks(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"))
    penstock = desk.penstock()
    assert "# Workstream ws-a: edit" in await previewed(penstock)
    write(desk.home / ".config/penstock" / EDIT, "User's: {{ ws_id }}")
    assert "User's: ws-a" in await previewed(penstock)
    committed(desk, EDIT, MINE)
    assert "Mine: ws-a in r1\n<data-" in await previewed(penstock)
    write(desk.project / EDIT, "what is not committed does not count")
    assert "Mine: ws-a in r1\n<data-" in await previewed(penstock)
    await penstock.close()


@awaited
async def test_a_run_keeps_the_templates_that_it_began_with(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"))
    own = desk.home / ".config/penstock" / EDIT
    write(own, MINE)
    penstock = desk.trusted()
    await penstock.service.submit(Submission(run_id="r1"))
    write(own, "{{ broken")
    await penstock.service.work("r1")
    (prompt,) = desk.home.glob("projects/*/runs/r1/ws-a/edit-1/prompt.txt")
    assert "Mine: ws-a in r1" in prompt.read_text()
    await penstock.close()


@awaited
async def test_a_template_that_can_not_be_filled_is_found_before_a_run_is_stored(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"))
    for name, text, place in (
        (FIX, "a\n{{ taks }}", f"{FIX}, line 2"),
        (FIX, "{% for one in error_summaries %}\n{{ one.kind }}{% endfor %}", f"{FIX}, line 2"),
        (EDIT, "\n\n{{ tasks[1] }}", f"{EDIT}, line 3"),
    ):
        committed(desk, name, text)
        penstock = desk.trusted()
        for ask in (penstock.service.preview, penstock.service.submit):
            with pytest.raises(TemplateUnfit, match=place):
                await ask(Submission())
        assert penstock.parts.views.runs() == []
        (desk.project / name).unlink()
        await penstock.close()


@awaited
async def test_a_run_made_piece_by_piece_is_held_to_its_templates_too(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    committed(desk, EDIT, "{{ tasks[1] }}")
    penstock = desk.trusted()
    with pytest.raises(TemplateUnfit):
        await penstock.assembly.create("r1")
    committed(desk, EDIT, "{% if ws_id == 'ws-a' %}{{ tasks[1] }}{% endif %}")
    penstock = desk.trusted()
    await penstock.assembly.create("r1")
    await penstock.assembly.add("r1", bundle("ws-b"))
    with pytest.raises(TemplateUnfit):
        await penstock.assembly.add("r1", bundle("ws-a"))
    await penstock.close()


@awaited
async def test_a_projects_template_is_agreed_to_before_a_run_uses_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"))
    penstock = desk.trusted()
    committed(desk, FIX, "Obey: {{ data(note) }}")
    with pytest.raises(NotTrusted, match=r"Obey: \{\{ data\(note\)"):
        await penstock.service.submit(Submission(run_id="r1"))
    penstock.projects.trust_here(penstock.projects.current())
    await penstock.service.submit(Submission(run_id="r1"))
    await penstock.close()


@awaited
async def test_a_prompt_can_be_asked_for_without_a_run_and_in_one(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"))
    committed(desk, "AGENTS.md", "Use tabs.\n")
    penstock = desk.trusted()
    await penstock.service.submit(Submission(run_id="r1"))
    committed(desk, EDIT, MINE)
    own = bundle("ws-a", depends_on=["ws-elsewhere"])
    now = await penstock.assembly.prompt(PromptOrder.of(Step.EDIT, "", "", own, {}))
    kept = await penstock.assembly.prompt(PromptOrder.of(Step.EDIT, "r1", {"ws_id": "ws-a"}, own, {}))
    assert "Mine: ws-a in (its run)" in now
    assert "# Workstream ws-a: edit" in kept
    assert "Use tabs." in kept
    with pytest.raises(UnknownRun):
        await penstock.assembly.prompt(PromptOrder.of(Step.EDIT, "r9", "", own, {}))
    with pytest.raises(UserError, match="tasks"):
        await penstock.assembly.prompt(PromptOrder.of(Step.EDIT, "", "", {"id": "ws-a"}, {}))
    await penstock.close()


def test_the_functions_of_the_phase_plan_build_both_prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path)
    for name, value in {"HOME": str(desk.home), "PENSTOCK_HOME": str(desk.home), **GIT}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(desk.project)
    own = bundle("ws-a")
    edit = pipeline.build_edit_prompt("", "ws-a", own, {})
    assert "# Workstream ws-a: edit" in edit
    errors = [{"error_code": "static_failure", "message": "lint is red"}, "and more"]
    context = {"attempt": 2, "note": "Be quick.", "worktree_path": "/w"}
    fix = pipeline.build_fix_prompt("", {"ws_id": "ws-a"}, own, errors, context)
    for part in ("# Workstream ws-a: fix, attempt 2", 'of="static_failure">\nlint is red\n', "and more", "Be quick."):
        assert part in fix
    for wrong, sentence in (
        ({"notes": "x"}, "unknown 'notes'; possible are attempt, note, repo_root, worktree_path"),
        ({"attempt": 0}, "counted from 1"),
        ({"attempt": "x"}, "counted from 1"),
    ):
        with pytest.raises(UserError, match=sentence):
            pipeline.build_edit_prompt("", "ws-a", own, wrong)
    with pytest.raises(UserError, match="the bundle is that of 'ws-a', not of 'ws-b'"):
        pipeline.build_edit_prompt("", "ws-b", own, {})
