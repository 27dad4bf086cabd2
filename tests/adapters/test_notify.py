"""The user's channels, over a real receiver on loopback."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from penstock.adapters.notify import MOST_MEMORY, Channels, NotificationsSettings, Target
from penstock.bootstrap import NODES
from penstock.config import Settings, SettingsInvalid, Sources, load, read_environment
from penstock.domain.redaction import Redactor
from receiver import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


def channels(*addresses: str, seconds: float = 10.0, **settings: Any) -> Channels:
    targets = tuple(Target.from_settings(address) for address in addresses)
    return Channels(
        NotificationsSettings(targets=targets, **settings),
        Redactor(["a-very-secret-word"]).redact,
        os.environ,
        seconds=seconds,
    )


def tell(told: Channels, event: str = "budget_alert", title: str = "a title", text: str = "a text") -> None:
    asyncio.run(told.notify(event, title, text))


def test_every_channel_is_told(receiver: Receiver) -> None:
    tell(channels(receiver.address, receiver.address))
    assert [(one["title"], one["message"]) for one in receiver.told] == [("a title", "a text")] * 2


def test_nobody_is_told_of_what_they_did_not_ask_for(receiver: Receiver) -> None:
    tell(channels(receiver.address, events=("pipeline_failed",)))
    assert receiver.told == []


def test_what_is_told_holds_no_secret_no_control_and_has_an_end(receiver: Receiver) -> None:
    tell(channels(receiver.address), title="a-very-secret-word\x1b[31m", text="x" * 100_000)
    assert receiver.told[0]["title"] == "[redacted][31m"
    assert len(receiver.told[0]["message"]) == 4000


def test_a_text_is_told_as_it_is(receiver: Receiver) -> None:
    tell(channels(receiver.address), text="<b>{{ 7 * 7 }}</b> ${HOME} :smile: \\n *x*")
    assert receiver.told[0]["message"] == "<b>{{ 7 * 7 }}</b> ${HOME} :smile: \\n *x*"


def test_a_channel_that_refuses_or_is_not_there_stops_no_other_one(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"json://user:hidden-password@127.0.0.1:{closed.getsockname()[1]}/x"
        with caplog.at_level(logging.WARNING):
            tell(channels(nobody, "nosuchkind://somewhere", receiver.address))
    assert len(receiver.told) == 1
    logged = [json.loads(record.message) for record in caplog.records]
    assert sorted((one["event"], one["channel"]) for one in logged) == [
        ("notification_failed", "json"),
        ("notification_failed", "nosuchkind"),
    ]
    assert "hidden-password" not in caplog.text


def test_a_channel_that_says_no_is_logged(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    receiver.status = 500
    tell(channels(receiver.address))
    assert "not delivered" in caplog.text


def test_a_channel_that_never_answers_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        tell(channels(f"json://127.0.0.1:{silent.getsockname()[1]}/x", seconds=0.2))
    assert "no answer in time" in caplog.text


class Flood:
    """A place whose answer never ends; it says how much of it was read."""

    def __init__(self) -> None:
        self.has_broken = threading.Event()
        self.sent = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"json://127.0.0.1:{self._server.getsockname()[1]}/x"
        threading.Thread(target=self._pour, daemon=True).start()

    def _pour(self) -> None:
        with self._server, self._server.accept()[0] as line:
            line.recv(65536)
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
            with suppress(OSError):
                while self.sent < 4 * MOST_MEMORY:
                    self.sent += line.send(b"x" * 65536)
            self.has_broken.set()


@pytest.mark.parametrize("seconds", [1.5, 60.0])
def test_an_answer_that_never_ends_is_not_read_on_when_nobody_waits_for_it(seconds: float) -> None:
    flood = Flood()
    tell(channels(flood.address, seconds=seconds))
    assert flood.has_broken.wait(5)
    assert flood.sent < 2 * MOST_MEMORY


def loaded(user: str = "", project: str = "") -> Settings:
    sources = Sources(
        environment=read_environment({}, NODES), user=user.encode(), project={"penstock.toml": project.encode()}
    )
    return load(NODES, sources)


def test_the_address_of_a_channel_is_never_shown() -> None:
    settings = loaded("[notifications]\ntargets = ['json://somebody:hidden-password@host/path']")
    assert settings.node(NotificationsSettings).targets[0].secret.startswith("json://somebody")
    shown = {key: value for key, value, _ in settings.rows()}["notifications.targets"]
    assert shown == [{"kind": "json", "secret": "(set, not shown)"}]


def test_a_project_names_no_channel() -> None:
    with pytest.raises(SettingsInvalid, match="belongs in the user's own configuration"):
        loaded(project="[notifications]\ntargets = ['json://host/path']")


@pytest.mark.parametrize("written", ["['a word']", "[7]", "['://x']", "['json://']", f"['json://{'x' * 2000}']"])
def test_what_is_no_address_is_refused_without_being_repeated(written: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        loaded(f"[notifications]\ntargets = {written}")
    assert "no address of a channel" in caught.value.sentence
    assert "xxx" not in caught.value.sentence


def test_an_address_alone_where_a_list_is_wanted_is_not_repeated_either() -> None:
    with pytest.raises(SettingsInvalid, match="targets must be a list, found a text") as caught:
        loaded("[notifications]\ntargets = 'json://somebody:hidden-password@host/path'")
    assert "hidden-password" not in caught.value.sentence


def test_an_unknown_event_is_refused() -> None:
    with pytest.raises(SettingsInvalid, match="budget_alert"):
        loaded("[notifications]\nevents = ['weather']")
