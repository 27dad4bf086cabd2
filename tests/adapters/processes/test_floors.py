"""Room is judged on what the machine says, and a lack of it is a sentence."""

from __future__ import annotations

from penstock.adapters.processes.floors import free_disk_gb, free_memory_mb, lacking


def test_this_machine_has_memory_and_disk(tmp_path):
    assert free_memory_mb() > 0
    assert free_disk_gb(tmp_path) > 0


def test_a_path_that_is_not_there_yet_is_judged_by_its_file_system(tmp_path):
    assert free_disk_gb(tmp_path / "not" / "there") > 0


def test_nothing_lacks_without_floors(tmp_path):
    assert lacking(0, 0, tmp_path) is None


def test_the_sentence_names_what_is_lacking_and_its_floor(tmp_path):
    assert "9e+09 MB" in (lacking(9e9, 0, tmp_path) or "")
    assert f"free for {tmp_path}" in (lacking(0, 1e9, tmp_path) or "")
