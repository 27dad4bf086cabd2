"""What roles are told, from the command line to the tables and back: performed in this process."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Desk


def prompts_of(ask, role: str) -> list[tuple[str, bool]]:
    return [(one["version"], one["is_active"]) for one in ask("prompts", "list", "--role", role, "--json").json]


def shipped_version(ask, role: str = "pm") -> str:
    return str(ask("prompts", "list", "--role", role, "--json").json[0]["version"])


def test_what_is_brought_is_there_at_the_first_look(ask) -> None:
    roles = {one["role_name"]: one for one in ask("prompts", "list", "--json").json}
    assert {"pm", "architect", "ba", "dev", "qa", "commit", "pm_mentor", "qa_mentor"} <= {*roles}
    assert roles["edit"]["template"]
    phases = ask("prompts", "phases", "--json").json
    assert [one["phase_name"] for one in phases] == [
        *("pm_phase", "arch_phase", "ba_phase", "dev_phase", "qa_phase", "commit_phase")
    ]


def test_seeding_twice_stores_nothing_twice(ask) -> None:
    first = ask("prompts", "seed", "--json").json["done"]
    assert len(first) > 15
    assert ask("prompts", "seed", "--json").json["done"] == []
    assert "there already" in ask("prompts", "seed").out


def test_an_edited_prompt_is_another_version_and_in_force(ask, desk: Desk) -> None:
    brought = shipped_version(ask)
    desk.write("pm.txt", "Say it in one word.\n")
    made = ask("prompts", "edit", "pm", "--file", "pm.txt", "--notes", "shorter", "--json").json
    assert (made["instructions"], made["notes"], made["created_by"]) == ("Say it in one word.", "shorter", "tester")
    assert prompts_of(ask, "pm") == [(brought, False), (f"{brought}+1", True)]
    assert "Say it in one word." in ask("prompts", "show", "pm").out
    assert ask("prompts", "seed", "--json").json["done"] == []
    assert prompts_of(ask, "pm")[-1] == (f"{brought}+1", True)


def test_an_older_version_can_be_put_in_force_again_and_compared(ask, desk: Desk) -> None:
    brought = shipped_version(ask)
    desk.write("pm.txt", "Say it in one word.\n")
    ask("prompts", "edit", "pm", "--file", "pm.txt", "--version", "mine", "--inactive")
    assert prompts_of(ask, "pm") == [(brought, True), ("mine", False)]
    assert "in force" in ask("prompts", "activate", "pm@mine").out
    assert ask("prompts", "activate", f"pm@{brought}", "--json").json["is_active"]
    told = ask("prompts", "diff", f"pm@{brought}", "pm@mine").out.splitlines()
    assert "+Say it in one word." in told
    assert ask("prompts", "diff", "pm", "pm").out == "nothing differs\n"


def test_what_is_shown_can_be_given_back(ask, desk: Desk) -> None:
    shown = ask("prompts", "show", "architect").out
    desk.write("architect.txt", shown)
    refused = ask("prompts", "edit", "architect", "--file", "architect.txt")
    assert (refused.code, "nothing differs" in refused.err) == (2, True)
    mark = "=== working_schema ===\n"
    desk.write("architect.txt", shown.replace(mark, f'{mark}{{"of": "my own"}}\n'))
    made = ask("prompts", "edit", "architect", "--file", "architect.txt", "--json")
    assert made.json["working_schema"] == {"of": "my own"}


def test_the_users_editor_is_used(ask, desk: Desk) -> None:
    editor = desk.write("editor.sh", "#!/bin/sh\necho 'And be brief.' >> \"$1\"\n")
    editor.chmod(0o755)
    made = ask("prompts", "edit", "commit", "--json", EDITOR=str(editor))
    assert (made.code, made.err) == (0, "")
    assert "And be brief." in json.dumps(made.json)
    editor.write_text("#!/bin/sh\nexit 3\n")
    refused = ask("prompts", "edit", "commit", EDITOR=str(editor))
    assert (refused.code, "exit code 3" in refused.err) == (2, True)
    assert "set EDITOR" in ask("prompts", "edit", "commit").err
    assert ask("prompts", "edit", "commit", EDITOR=os.fspath(desk.project / "gone")).code == 3


def test_ctrl_c_is_a_key_of_the_editor_while_it_runs(desk: Desk) -> None:
    editor = desk.write("editor.sh", "#!/bin/sh\nkill -INT $PPID\nsleep 0.2\necho 'And be brief.' >> \"$1\"\n")
    editor.chmod(0o755)
    made = desk.run("prompts", "edit", "commit", "--json", environ={"EDITOR": str(editor)})
    assert made.code == 0, made.err
    assert "And be brief." in json.dumps(made.json)


@pytest.mark.parametrize("ends", ["exit 0", "exit 3"])
def test_what_was_written_and_is_not_taken_is_kept(ask, desk: Desk, ends: str, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    editor = desk.write("editor.sh", f"#!/bin/sh\nprintf 'mine\\007' > \"$1\"\n{ends}\n")
    editor.chmod(0o755)
    refused = ask("prompts", "edit", "commit", EDITOR=str(editor))
    (kept,) = tmp_path.glob("penstock-*/prompt.txt")
    assert (refused.code, kept.read_text()) == (2, "mine\a")
    assert f"what you wrote is kept in {kept}" in refused.err
    editor.write_text("#!/bin/sh\nexit 3\n")
    assert ask("prompts", "edit", "commit", EDITOR=str(editor)).code == 2
    assert list(tmp_path.glob("penstock-*/prompt.txt")) == [kept]


@pytest.mark.parametrize(
    ("arguments", "text", "said"),
    [
        (("pm",), "", "the prompt is empty"),
        (("nobody",), "x", "there is no prompt 'nobody'; the roles are"),
        (("pm@99",), "x", "has no version '99'"),
        (("edit",), "x", "is the template"),
        (("pm", "--version", "a b"), "x", "can't name a version"),
        (("pm", "--version", "x" * 17), "x", "can't name a version"),
        (("pm", "--notes", "x" * 3000), "x", "possible are notes"),
    ],
)
def test_a_prompt_that_can_not_be_is_refused_and_nothing_is_stored(
    arguments: tuple[str, ...], text: str, said: str, ask, desk: Desk
) -> None:
    before = ask("prompts", "list", "--json").json
    desk.write("given.txt", text)
    refused = ask("prompts", "edit", *arguments, "--file", "given.txt")
    assert refused.code == 2
    assert said in refused.err
    assert ask("prompts", "list", "--json").json == before


def test_a_version_of_the_same_name_is_refused(ask, desk: Desk) -> None:
    desk.write("pm.txt", "One.\n")
    assert ask("prompts", "edit", "pm", "--file", "pm.txt", "--version", "mine").code == 0
    desk.write("pm.txt", "Two.\n")
    refused = ask("prompts", "edit", "pm", "--file", "pm.txt", "--version", "mine")
    assert refused.code == 2
    assert "mine" in refused.err


def test_what_is_exported_can_be_taken_back_elsewhere(ask, desk: Desk) -> None:
    ask("prompts", "export", "out/prompts")
    folder = desk.project / "out" / "prompts"
    assert (folder / "pm.txt").read_text() == ask("prompts", "show", "pm").out
    phases = json.loads((folder / "phases.json").read_text())
    assert phases == ask("prompts", "phases", "--json").json
    refused = ask("prompts", "export", "out/prompts")
    assert (refused.code, "nothing was written" in refused.err) == (2, True)
    assert ask("prompts", "export", "out/prompts", "--force").code == 0
    assert ask("prompts", "phases", "--file", "out/prompts/phases.json").code == 0


def test_an_export_goes_nowhere_else_through_a_link(ask, desk: Desk) -> None:
    desk.write("out/README", "")
    (desk.project / "out" / "pm.txt").symlink_to(desk.project / "elsewhere.txt")
    (desk.project / "out" / "ba.txt").mkdir()
    refused = ask("prompts", "export", "out", "--force")
    assert (refused.code, "name another folder" in refused.err) == (3, True), refused.err
    (desk.project / "out" / "ba.txt").rmdir()
    assert ask("prompts", "export", "out", "--force").code == 0
    assert not (desk.project / "elsewhere.txt").exists()


def phase(ask, name: str) -> dict[str, object]:
    return next(one for one in ask("prompts", "phases", "--json").json if one["phase_name"] == name)


def test_a_changed_phase_is_stored_if_all_is_sound(ask, desk: Desk) -> None:
    before = phase(ask, "ba_phase")
    changed = {**before, "config": {**before["config"], "requires_approval": True}}
    desk.write("phases.json", json.dumps([changed]))
    assert ask("prompts", "phases", "--file", "phases.json").code == 0
    assert phase(ask, "ba_phase") == changed


def test_a_phase_between_two_others_is_given_together_with_the_one_before(ask, desk: Desk) -> None:
    first, second = phase(ask, "pm_phase"), phase(ask, "arch_phase")
    between = {**second, "phase_name": "look_phase", "next_phase": "arch_phase"}
    desk.write("phases.json", json.dumps([between]))
    assert "more than one beginning" in ask("prompts", "phases", "--file", "phases.json").err
    desk.write("phases.json", json.dumps([between, {**first, "next_phase": "look_phase"}]))
    assert ask("prompts", "phases", "--file", "phases.json").code == 0
    assert [one["phase_name"] for one in ask("prompts", "phases", "--json").json][:3] == [
        *("pm_phase", "look_phase", "arch_phase")
    ]
    assert "phase look_phase: no longer active" in ask("prompts", "seed", "--phases").out
    assert phase(ask, "pm_phase")["next_phase"] == "arch_phase"


def test_a_phase_that_wants_several_proposals_puts_its_mentor_in_force(ask, desk: Desk) -> None:
    assert prompts_of(ask, "architect_mentor")[0][1] is False
    before = phase(ask, "arch_phase")
    desk.write("phases.json", json.dumps([{**before, "config": {**before["config"], "proposals": 3}}]))
    assert ask("prompts", "phases", "--file", "phases.json").code == 0
    assert prompts_of(ask, "architect_mentor")[0][1] is True


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"next_phase": "nowhere"}, "does not exist or is not active"),
        ({"next_phase": "pm_phase"}, "nothing leads to"),
        ({"role_name": "nobody"}, "has no active prompt"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_phases_that_can_not_be_gone_through_change_nothing(change, said: str, ask, desk: Desk) -> None:
    before = ask("prompts", "phases", "--json").json
    desk.write("phases.json", json.dumps([{**phase(ask, "arch_phase"), **change}]))
    refused = ask("prompts", "phases", "--file", "phases.json")
    assert refused.code == 2
    assert said in refused.err
    assert ask("prompts", "phases", "--json").json == before


@pytest.mark.parametrize("text", ["{}", "[1]", "no json", "[" * 50_000])
def test_what_is_no_list_of_phases_is_refused(text: str, ask, desk: Desk) -> None:
    desk.write("phases.json", text)
    refused = ask("prompts", "phases", "--file", "phases.json")
    assert refused.code == 2
    assert "Traceback" not in refused.err
