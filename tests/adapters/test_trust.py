from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from penstock.adapters.trust import TrustStore
from penstock.domain.errors import Bug

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 1, 2, tzinfo=UTC)
TEXT = '{\n "checks.lint": "ruff check"\n}'


def test_nothing_is_trusted_before_it_was_recorded(tmp_path: Path) -> None:
    assert not TrustStore(home=tmp_path).is_trusted("p", TEXT)


def test_exactly_what_was_recorded_is_trusted(tmp_path: Path) -> None:
    store = TrustStore(home=tmp_path)
    store.record("p", TEXT, AT)
    assert store.is_trusted("p", TEXT)
    assert not store.is_trusted("p", TEXT.replace("ruff", "rm"))
    assert not store.is_trusted("other", TEXT)
    trusted = TrustStore(home=tmp_path).trusted("p")
    assert trusted is not None
    assert trusted.at == AT


def test_recording_again_replaces_what_was_trusted(tmp_path: Path) -> None:
    store = TrustStore(home=tmp_path)
    store.record("p", TEXT, AT)
    store.record("p", '{"checks.lint": "other"}', AT)
    assert not store.is_trusted("p", TEXT)


def test_a_project_that_brings_nothing_to_run_needs_no_trust(tmp_path: Path) -> None:
    assert TrustStore(home=tmp_path).is_trusted("p", "{}")


def test_the_file_is_its_owners_alone_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    TrustStore(home=tmp_path).record("p", TEXT, AT)
    (file,) = (tmp_path / "trust").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"hash": "x", "text": "y", "at": "2026-01-02"}'])
def test_a_damaged_record_counts_as_no_trust(tmp_path: Path, damage: str) -> None:
    store = TrustStore(home=tmp_path)
    store.record("p", TEXT, AT)
    (tmp_path / "trust" / "p.json").write_text(damage)
    assert not store.is_trusted("p", TEXT)


def test_a_record_whose_text_was_changed_counts_as_no_trust(tmp_path: Path) -> None:
    store = TrustStore(home=tmp_path)
    store.record("p", TEXT, AT)
    file = tmp_path / "trust" / "p.json"
    record = json.loads(file.read_text())
    file.write_text(json.dumps({**record, "text": "other"}))
    assert not store.is_trusted("p", TEXT)


def test_the_difference_is_told_line_by_line(tmp_path: Path) -> None:
    store = TrustStore(home=tmp_path)
    assert '+ "checks.lint": "ruff check"' in store.difference("p", TEXT)
    store.record("p", TEXT, AT)
    assert store.difference("p", TEXT) == ""
    told = store.difference("p", TEXT.replace("ruff check", "ruff check --fix"))
    assert '- "checks.lint": "ruff check"' in told
    assert '+ "checks.lint": "ruff check --fix"' in told


@pytest.mark.parametrize("project", ["../p", "", "a/b", ".hidden"])
def test_an_id_that_would_leave_the_folder_is_a_bug(tmp_path: Path, project: str) -> None:
    with pytest.raises(Bug):
        TrustStore(home=tmp_path).record(project, TEXT, AT)
