"""The folder of a recording: closed to others, whole at any instant, and read with care."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path, PurePosixPath

import pytest
from recording_support import Replaying, asks, record, says

from penstock.gateway.protocols.untrusted import LARGEST
from penstock.gateway.recordings.files import RecordingFailed, RecordingFolder, RecordingUnreadable
from penstock.gateway.replaying import ReplayMode

PLACE = PurePosixPath("api", "edit", "edit-1", "0000", "tools-000001.json")


def prepared(root: Path) -> RecordingFolder:
    folder = RecordingFolder(root)
    folder.prepare()
    return folder


def test_only_the_owner_can_read_it_whatever_the_mask(tmp_path: Path) -> None:
    root = tmp_path / "recording"
    root.mkdir(mode=0o777)
    before = os.umask(0)
    try:
        record(root, (asks(), says("done")))
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [root, *root.rglob("*")]}
    assert {path.is_dir() for path in modes} == {True, False}
    assert all(mode == (0o700 if path.is_dir() else 0o600) for path, mode in modes.items())


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    tmp_path.chmod(0o755)
    with pytest.raises(RecordingUnreadable, match="something else"):
        prepared(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_file_in_its_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "recording").write_text("x")
    with pytest.raises(RecordingUnreadable, match="no folder"):
        prepared(tmp_path / "recording")


def test_a_recording_goes_on_in_its_folder(tmp_path: Path) -> None:
    for _ in range(2):
        prepared(tmp_path / "deep" / "recording").put("x")
    assert len(list((tmp_path / "deep" / "recording" / "blocks").iterdir())) == 1


def test_two_that_begin_at_once_do_not_hinder_each_other(tmp_path: Path) -> None:
    (tmp_path / ".writing-abc").write_text("{")
    prepared(tmp_path)


@pytest.mark.parametrize("version", [0, 2, "1", None, [1]])
def test_another_format_is_refused_with_its_number(tmp_path: Path, version: object) -> None:
    prepared(tmp_path)
    (tmp_path / "format.json").write_text(json.dumps({"version": version}))
    for use in (RecordingFolder.prepare, RecordingFolder.check):
        with pytest.raises(RecordingUnreadable, match="format"):
            use(RecordingFolder(tmp_path))


def test_no_recording_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecordingUnreadable, match="no recording"):
        Replaying(tmp_path / "nothing").ask(asks())


@pytest.mark.parametrize("content", [{"a": [1, None]}, "text", ["x"], 3, None, True])
def test_blocks_of_any_kind_come_back(tmp_path: Path, content: object) -> None:
    folder = prepared(tmp_path)
    assert folder.get(folder.put(content)) == content


@pytest.mark.parametrize("name", ["../format", "a" * 64, "A" * 64, "", None, 3, "a" * 63 + "/"])
def test_what_names_no_block_is_refused(tmp_path: Path, name: object) -> None:
    with pytest.raises(RecordingUnreadable, match="damaged"):
        prepared(tmp_path).get(name)


def test_a_block_that_was_changed_is_refused(tmp_path: Path) -> None:
    folder = prepared(tmp_path)
    name = folder.put("rm -rf build")
    (tmp_path / "blocks" / f"{name}.json").write_text('"rm -rf /"')
    with pytest.raises(RecordingUnreadable, match="not what it was"):
        folder.get(name)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": NaN}', "[" * 5000, '{"a":' * 5000])
def test_a_call_that_is_damaged_is_named(tmp_path: Path, content: str) -> None:
    folder = prepared(tmp_path)
    folder.write_call(PLACE, {"fine": True})
    assert folder.read_call(PLACE) == {"fine": True}
    (tmp_path / "calls" / PLACE).write_text(content)
    with pytest.raises(RecordingUnreadable, match=r"tools-000001\.json"):
        folder.read_call(PLACE)


@pytest.mark.parametrize(
    "call",
    [
        {},
        {"wire": "anthropic"},
        {"wire": "anthropic", "asked": {"text": "x"}, "answer": []},
        {"wire": "anthropic", "asked": {"text": "x"}, "answer": {}},
        {"wire": "anthropic", "asked": {}, "answer": {"content": ["x", 3, {"block": {}}]}, "tokens": {"input": -3}},
    ],
)
def test_a_call_of_another_shape_is_refused(tmp_path: Path, call: dict[str, object]) -> None:
    prepared(tmp_path).write_call(PLACE, call)
    with pytest.raises(RecordingUnreadable, match="damaged"):
        Replaying(tmp_path, mode=ReplayMode.LENIENT).ask(asks())


def test_neither_links_nor_pipes_nor_folders_are_read(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "recording")
    (tmp_path / "outside.json").write_text('{"secret": 1}')
    target = tmp_path / "recording" / "calls" / PLACE
    target.parent.mkdir(parents=True)
    for make in (lambda: target.symlink_to(tmp_path / "outside.json"), lambda: os.mkfifo(target), target.mkdir):
        make()
        with pytest.raises(RecordingUnreadable):
            folder.read_call(PLACE)
        target.rmdir() if target.is_dir() else target.unlink()


def test_a_file_larger_than_any_is_not_read(tmp_path: Path) -> None:
    folder = prepared(tmp_path)
    folder.write_call(PLACE, {})
    with (tmp_path / "calls" / PLACE).open("r+b") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(RecordingUnreadable):
        folder.read_call(PLACE)


def test_what_is_too_large_to_be_read_again_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(RecordingFailed, match="larger"):
        prepared(tmp_path).put("x" * LARGEST)


def test_a_recorder_that_died_while_writing_leaves_what_was_whole(tmp_path: Path) -> None:
    record(tmp_path, (asks(), says("one")), (asks(outputs=("a",)), says("two")))
    calls = sorted(tmp_path.glob("calls/**/*.json"))
    (calls[0].parent / ".writing-x").write_text('{"key": {"work')  # and its third call never got its name
    (tmp_path / "blocks" / ".writing-y").write_text("half")
    playing = Replaying(tmp_path)
    assert [playing.text(asks()), playing.text(asks(outputs=("a",)))] == ["one", "two"]


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    folder = prepared(tmp_path)
    (tmp_path / "blocks").rmdir()
    (tmp_path / "blocks").write_text("no folder any more")
    with pytest.raises((RecordingFailed, RecordingUnreadable)):
        folder.put("x")
