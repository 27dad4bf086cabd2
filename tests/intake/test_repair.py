"""Old spellings written anew."""

from __future__ import annotations

import json
from pathlib import Path

from penstock.intake.bundles import BundleOptions, check
from penstock.intake.repair import fix
from penstock.intake.yaml_text import read_yaml

STRICT = BundleOptions(strict=True, has_checks=True)
WHOLE = (
    '{"id": "ws-a", "openspec_change": "OS-1", "gate": 1, "files-scope": ["src/ä.py"], "tasks": ["Do it"], '
    '"tool": "aider", "doc_id": "D-1", "$schema": "s", "_comment": "keep me", "x-team": "red"}'
)


def test_fix_makes_rotten_json_pass_strictly_and_loses_no_words(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text("/* DOC: 1 */\n[" + WHOLE + " // last\n]\n", encoding="utf-8")
    file.chmod(0o640)
    (repair,) = fix(tmp_path)
    assert repair.is_written
    assert check(tmp_path, STRICT).problems == ()
    (made,) = json.loads(file.read_text(encoding="utf-8"))
    assert made["files_scope"] == ["src/ä.py"]
    assert made["metadata"] == {"doc_id": "D-1", "x-team": "red", "notes": "DOC: 1\nlast\nkeep me"}
    assert file.stat().st_mode & 0o777 == 0o640
    assert fix(tmp_path) == ()
    assert [one.name for one in tmp_path.iterdir()] == ["a.json"]


def test_fix_adds_to_notes_that_are_there(tmp_path: Path) -> None:
    for name, notes, expected in (("a", ["x"], ["x", "keep me"]), ("b", "x", "x\nkeep me"), ("c", 3, 3)):
        value = {**json.loads(WHOLE), "id": f"ws-{name}", "files-scope": [name], "metadata": {"notes": notes}}
        (tmp_path / f"{name}.json").write_text(json.dumps(value))
        fix(tmp_path / f"{name}.json")
        metadata = json.loads((tmp_path / f"{name}.json").read_text())["metadata"]
        assert metadata["notes"] == expected
        assert name != "c" or metadata["comments"] == ["keep me"]


def test_fix_writes_yaml_as_yaml_unless_comments_would_be_lost(tmp_path: Path) -> None:
    text = "id: ws-a\nopenspec-change: OS-1\ngate: 1\nfiles-scope: [src/]\ntasks: [Do it]\ntool: aider\n"
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text("# mine\n" + text.replace("ws-a", "ws-b").replace("src", "lib"))
    written, left = fix(tmp_path)
    assert (written.is_written, left.is_written) == (True, False)
    assert "comments" in left.sentence
    assert {one.file for one in check(tmp_path, STRICT).problems} == {str(tmp_path / "b.yaml")}
    assert (tmp_path / "b.yaml").read_text().startswith("# mine")


def test_fix_keeps_the_texts_of_yaml_that_look_like_numbers(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    texts = ["09", "0089", "12e4", "12", "1e3", ".5", "~", "true", "yes", "on", "2026-01-01", "0x1F", "1:30", "=", ""]
    quoted = ", ".join(f"'{text}'" for text in texts)
    file.write_text(f"id: ws-a\nfiles-scope: [src/]\nmetadata: {{texts: [{quoted}], number: 12, truth: true}}\n")
    assert [one.is_written for one in fix(file)] == [True]
    value = read_yaml(file.read_text()).value
    metadata = {"texts": texts, "number": 12, "truth": True}
    assert value == {"id": "ws-a", "files_scope": ["src/"], "metadata": metadata}


def test_fix_leaves_a_file_where_two_things_would_have_to_stand_in_one_place(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    for metadata, clashing in (
        ({"doc_id": "INNER"}, "doc_id"),
        ({"x-team": "blue"}, "x-team"),
        ({"notes": {"a": 1}, "comments": "mine"}, "comments"),
    ):
        text = json.dumps({**json.loads(WHOLE), "metadata": metadata})
        file.write_text(text)
        (repair,) = fix(file)
        assert (repair.is_written, file.read_text()) == (False, text)
        assert f"`metadata` already holds another `{clashing}`" in repair.sentence
    file.write_text(json.dumps({**json.loads(WHOLE), "metadata": {"doc_id": "D-1"}}))
    assert [one.is_written for one in fix(file)] == [True]


def test_fix_writes_nothing_that_would_not_be_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    text = WHOLE.replace('"red"', "[" * 64 + "]" * 64)  # as deep as may be; under `metadata` it would be deeper
    file.write_text(text)
    (repair,) = fix(file)
    assert (repair.is_written, file.read_text()) == (False, text)
    assert "would read differently" in repair.sentence


def test_two_old_spellings_of_one_key_are_an_error(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    for fields in (
        {"max-cost_usd": 1, "max_cost-usd": 999},
        {"circuit_breaker": {"max-error_repeats": 1, "max_error-repeats": 9}},
    ):
        file.write_text(json.dumps({**json.loads(WHOLE), **fields}))
        assert "two spellings of one key" in " ".join(one.message for one in check(file).problems)
        assert [one.is_written for one in fix(file)] == [False]


def test_fix_leaves_alone_what_is_not_only_spelling(tmp_path: Path) -> None:
    for text in (
        WHOLE.replace('"gate": 1', '"gate": 1, "gate": 2'),
        WHOLE.replace('"gate": 1', '"gate": 1, "steps": []'),
        WHOLE.replace('"gate": 1', '"gate": 1, "files_scope": ["b"]'),
        WHOLE.replace('"gate": 1', '"gate": 1, "metadata": 3'),
        "[" + WHOLE + ", 3]",
    ):
        file = tmp_path / "a.json"
        file.write_text(text)
        assert [one.is_written for one in fix(file)] == [False]
        assert file.read_text() == text
    file.write_text("{")
    assert fix(file) == ()
