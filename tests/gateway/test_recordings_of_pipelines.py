"""What the phases of a pipeline asked is recorded, and answers another pipeline that goes the same way."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

import pytest
from asking_support import EPIC, GOOD, MENDED, UNTITLED, Talk, says, talking, told

from penstock.domain.redaction import Redactor
from penstock.domain.usage import Caller
from penstock.gateway.library import Library
from penstock.gateway.recordings.files import RecordingUnreadable
from penstock.gateway.settings import GatewaySettings
from penstock.planning.conversation import AskingStopped
from penstock.ports import StopReason
from penstock.ports.models import Stay

OF_PIPELINE = Stay(replay_of="pip_1", is_lenient=True)


def library(root: Path, **settings: object) -> Library:
    return Library(projects=root, settings=GatewaySettings(**settings), redact=Redactor().redact)


def recorded(root: Path) -> None:
    """A conversation of two answers, of which the first would not do."""
    with talking(says(GOOD, when=MENDED), says(UNTITLED), remember=library(root, record=True).remember) as talk:
        talk.answer()
        talk.visit.close()


def prints(root: Path) -> dict[str, str]:
    return {
        str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in root.rglob("*")
        if file.is_file()
    }


def played(talk: Talk) -> tuple[str, list[tuple[str, ...]]]:
    title = talk.answer().value.title
    assert talk.home.models.requests == ()
    return title, [one.errors for one in talk.kept]


def test_a_pipelines_calls_are_recorded_under_its_id_by_phase_voice_and_round(tmp_path: Path) -> None:
    recorded(tmp_path)
    places = [str(one.relative_to(tmp_path)) for one in tmp_path.rglob("plain-*.json")]
    folder = "p/recordings/pip_1/calls/=/pm_phase/1-1/0000"
    assert sorted(places) == [f"{folder}/plain-000001.json", f"{folder}/plain-000002.json"]


def test_another_pipeline_is_answered_from_it_without_a_model(tmp_path: Path) -> None:
    recorded(tmp_path)
    remember = library(tmp_path).remember
    with talking(says("no"), remember=remember, answers_for_all="replay", stay=OF_PIPELINE) as talk:
        assert played(talk) == ("Health", [(MENDED,), ()])
        assert {row["upstream"] for row in talk.home.rows()} == {"replay"}


def test_the_settings_may_name_the_recording(tmp_path: Path) -> None:
    recorded(tmp_path)
    remember = library(tmp_path, recording="pip_1", replay_mode="lenient").remember
    with talking(says("no"), remember=remember, answers_for_all="replay") as talk:
        assert played(talk)[0] == "Health"


def test_why_an_answer_stopped_is_played_too(tmp_path: Path) -> None:
    with talking(says(GOOD, "length"), remember=library(tmp_path, record=True).remember) as talk:
        talk.ask()
    with talking(says("no"), remember=library(tmp_path).remember, answers_for_all="replay", stay=OF_PIPELINE) as talk:
        assert talk.ask().stop is StopReason.LENGTH


def test_after_a_restart_the_recording_goes_on_where_it_was(tmp_path: Path) -> None:
    recorded(tmp_path)
    remember = library(tmp_path).remember
    with talking(says("no"), remember=remember, answers_for_all="replay", stay=OF_PIPELINE) as talk:
        talk.answer()
        first = [one for one in talk.kept if one.number == 1]
    later = Stay(replay_of="pip_1", is_lenient=True, calls_before=1)
    with talking(says("no"), remember=remember, answers_for_all="replay", stay=later) as talk:
        talk.kept = first
        assert talk.answer().value.title == "Health"
        assert len(talk.home.rows()) == 1


def test_after_a_restart_what_was_recorded_before_is_not_overwritten(tmp_path: Path) -> None:
    record = library(tmp_path, record=True).remember
    with talking(says(UNTITLED), remember=record) as talk:
        talk.ask()
        talk.home.rows()
    with talking(says(GOOD), remember=record, stay=Stay(calls_before=1)) as talk:
        talk.ask()
        talk.home.rows()
    remember = library(tmp_path).remember
    with talking(says("no"), remember=remember, answers_for_all="replay", stay=OF_PIPELINE) as talk:
        assert [talk.ask().text, talk.ask().text] == [UNTITLED, GOOD]


def test_what_nobody_recorded_stops_it_with_a_sentence(tmp_path: Path) -> None:
    remember = library(tmp_path).remember
    with (
        talking(says("no"), remember=remember, answers_for_all="replay", stay=OF_PIPELINE) as talk,
        pytest.raises(AskingStopped, match="no recording"),
    ):
        talk.answer()


def test_nothing_is_recorded_unless_it_is_asked_for(tmp_path: Path) -> None:
    with talking(says(told(EPIC)), remember=library(tmp_path).remember) as talk:
        talk.answer()
    assert prints(tmp_path) == {}


def test_a_recording_that_is_shipped_lies_in_the_package(tmp_path: Path) -> None:
    folder = library(tmp_path).folder("p", "shipped:some-epic")
    assert folder == Path(str(resources.files("penstock.demo"))) / "recordings/some-epic"


@pytest.mark.parametrize("name", ["", "..", "../sample", "a/b", "/etc", "A", "x" * 65, "a\n"])
def test_no_name_leads_out_of_the_shipped_recordings(name: str, tmp_path: Path) -> None:
    with pytest.raises(RecordingUnreadable, match="can't name a recording"):
        library(tmp_path).folder("p", f"shipped:{name}")


def test_every_shipped_recording_can_be_read_and_playing_changes_none(tmp_path: Path) -> None:
    root = Path(str(resources.files("penstock.demo"))) / "recordings"
    before = prints(root)
    for folder in (one for one in root.iterdir() if one.is_dir()) if root.is_dir() else ():
        caller = Caller(project="p", pipeline="pip_9", phase="pm_phase", attempt="1-1")
        memory = library(tmp_path).remember(caller, Stay(replay_of=f"shipped:{folder.name}"), is_replay=True)
        assert memory is not None
        assert (folder / "epic.txt").read_text("utf-8").strip()
        assert (folder / "format.json").is_file()
    assert prints(root) == before
