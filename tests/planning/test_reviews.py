"""What a reviewer sees: the true diff, bounded, with what was cut said; and how everything ended."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.planning.bounds import characters_of
from penstock.planning.reviews import CheckShown, diff_shown, review_sections

VERDICT: dict[str, Any] = {
    "tree": "1234567890abcdef",
    "members": ["ws-a"],
    "checks": ["pytest tests"],
    "known_failures": ["pytest old: test_x"],
    "confined": False,
}
ROW: dict[str, Any] = {"ws_id": "ws-a", "status": "done", "title": "A", "weakened_tests": ["test_b is skipped"]}


def part(path: str, lines: int = 1, *, sign: str = "+") -> str:
    head = f"diff --git a/{path} b/{path}\nindex 1..2 100644\n--- a/{path}\n+++ b/{path}\n@@ -1 +1,{lines} @@\n"
    return head + "".join(f"{sign}line {number} of {path}\n" for number in range(lines))


def test_everything_is_shown_where_there_is_room() -> None:
    found = dict(
        review_sections(part("a.py"), [VERDICT], [CheckShown(command="pytest", passed=True)], [ROW], max_tokens=2000)
    )
    assert list(found) == ["Diff", "Workstreams", "Test Results", "Verdicts"]
    assert found["Diff"] == part("a.py").strip()
    assert found["Workstreams"] == "- ws-a is done: A; tests that say less than before: test_b is skipped"
    assert found["Test Results"] == "- passed: pytest"
    assert found["Verdicts"] == (
        "- tree 1234567890ab with ws-a; passed: pytest tests; known failures: pytest old: test_x; not confined"
    )


def test_no_change_is_said_in_words() -> None:
    assert review_sections("", [], [], [], max_tokens=100) == (("Diff", "Nothing was changed."),)


def test_red_results_come_first_with_what_they_said() -> None:
    checks = [
        CheckShown(command="ruff", passed=True, output="not shown"),
        CheckShown(command="pytest", passed=False, output="E assert\nE more"),
    ]
    found = dict(review_sections("", [], checks, [], max_tokens=1000))
    assert found["Test Results"] == "- FAILED: pytest\n  E assert\n  E more\n- passed: ruff"


@pytest.mark.parametrize("path", ["uv.lock", "web/package-lock.json", "api_pb2.py", "app.min.js"])
def test_lock_and_generated_files_are_folded_to_their_numbers(path: str) -> None:
    shown = diff_shown(part(path, 5000) + part("a.py"), 10_000)
    assert "5000 lines more, 0 lines less" in shown
    assert "line 17 of" not in shown
    assert "line 0 of a.py" in shown


@pytest.mark.parametrize("path", ["vendor/evil.py", "dist/evil.py", "node_modules/evil.js", "build/x.py"])
def test_the_name_of_a_folder_hides_nothing_from_who_reviews(path: str) -> None:
    assert f"line 0 of {path}" in diff_shown(part(path), 10_000)


def test_long_files_are_cut_first_and_short_ones_stay_whole() -> None:
    shown = diff_shown(part("long.py", 2000) + part("short.py", 3), 5000)
    assert len(shown) <= 5000
    assert part("short.py", 3).strip() in shown
    assert "lines are left out here" in shown
    assert shown.endswith("[... 1 of 2 files are cut, 0 are not shown ...]")


def test_of_very_many_files_the_first_are_shown_and_others_named() -> None:
    shown = diff_shown("".join(part(f"f{number:04}.py", 20) for number in range(1000)), 10_000)
    assert len(shown) <= 10_000
    assert "line 3 of f0000.py" in shown
    assert "[... 25 of 1000 files are cut, 975 are not shown ...]\nf0025.py\nf0026.py" in shown
    assert "of 975 files that are not shown are left out here" in shown


def test_lines_that_look_like_the_head_of_a_file_begin_none() -> None:
    text = part("a.py") + "-diff --git a/uv.lock b/uv.lock\n+++ b/uv.lock\n+more\n"
    assert diff_shown(text, 10_000) == text.strip()


@pytest.mark.parametrize("tokens", [0, 1, 10, 50, 100, 1000, 5000])
def test_it_stays_within_its_tokens_whatever_there_is(tokens: int) -> None:
    diff = "".join(part(f"f{number}.py", 200) for number in range(50))
    checks = [CheckShown(command="c" * 500, passed=False, output="o\n" * 3000) for _ in range(400)]
    found = review_sections(diff, [VERDICT] * 100, checks, [ROW] * 300, max_tokens=tokens)
    assert sum(len(text) for _, text in found) <= max(characters_of(tokens), 40)
