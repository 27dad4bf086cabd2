"""Whose template counts, what is read of a project for agents, and how texts are cut."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from penstock.adapters.memory import MemoryProject
from penstock.domain.cutting import cut, first_of, level
from penstock.engine.prompts import FILES, PromptTemplates, chosen, read_guide, shipped
from penstock.engine.prompts.guide import LARGEST

EDIT, FIX = FILES["edit"], FILES["fix"]


def test_a_projects_template_goes_before_the_users_and_that_before_penstocks() -> None:
    assert chosen({}, {}, most=60_000, redact=str) == PromptTemplates()
    found = chosen({EDIT: b"project"}, {EDIT: b"user", FIX: b"\xef\xbb\xbfuser\r\n"}, most=20_000, redact=str)
    assert (found.edit.text, found.edit.place, found.edit.is_shipped) == ("project", EDIT, False)
    assert (found.fix.text, found.fix.place) == ("user\n", f"{FIX} of your own configuration")
    assert found.most == 20_000
    assert chosen({FIX: b"x"}, {}, most=60_000, redact=str).edit == shipped("edit")


def test_a_secret_in_a_template_is_not_kept() -> None:
    found = chosen(
        {EDIT: b"use s3cr3t"}, {FIX: b"s3cr3t"}, most=60_000, redact=lambda text: text.replace("s3cr3t", "-")
    )
    assert (found.edit.text, found.fix.text) == ("use -", "-")


def test_what_a_project_says_to_agents_is_taken_from_the_commit_and_once() -> None:
    def said(**files: str) -> str:
        project = MemoryProject(files={name.replace("_", "."): text for name, text in files.items()})
        return asyncio.run(read_guide(project, project.base))

    assert said(AGENTS_md="Use tabs.\n", CLAUDE_md="Use tabs.\n\n") == "Use tabs."
    assert said(AGENTS_md="a", CLAUDE_md="b") == "a\n\nb"
    assert said(AGENTS_md="\n") == said() == ""
    assert said(AGENTS_md="x" * (LARGEST + 7)).endswith("\n[... 7 bytes more are left out here ...]")


@given(st.text(max_size=2000), st.integers(min_value=120, max_value=1500))
def test_a_cut_text_is_short_and_says_so(text: str, most: int) -> None:
    shown = cut(text, most)
    assert len(shown) <= most
    assert (shown == text) == (len(text) <= most)
    if shown != text:
        assert f"[... {len(text)} characters" in shown
        assert shown.endswith(text[-10:])
        assert shown.startswith(text[:10])


@given(st.lists(st.integers(min_value=0, max_value=5000), max_size=30), st.integers(min_value=0, max_value=50_000))
def test_texts_cut_to_a_level_fit_and_leave_no_room_unused(sizes: list[int], room: int) -> None:
    found = level(sizes, room)
    used = sum(min(size, found) for size in sizes)
    assert used <= room
    assert used == sum(sizes) or used > room - len(sizes)


def test_what_is_left_out_of_a_list_is_said() -> None:
    assert first_of(["a", "b"], 2) == ("a", "b")
    assert first_of(["a", "b", "c"], 1) == ("a", "[... 2 more are left out here ...]")
