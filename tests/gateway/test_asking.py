"""A model asked once, through the real gateway: what is sent, what is heard, what fails how."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from asking_support import LARGE, SMALL, says, talking

from model_server import Fault, FaultKind
from penstock.adapters.asking import is_strict
from penstock.planning.artifacts import model_of
from penstock.ports import CallFailed, Exchange, StopReason

PROTOCOLS = ("anthropic", "openai_chat")
KNOWN = {"anthropic": "first/claude-haiku-5-5", "openai_chat": "second/gpt-5"}
SCHEMA = model_of("epic").model_json_schema()
STOPS = [("", StopReason.DONE), ("length", StopReason.LENGTH), ("refusal", StopReason.REFUSED)]


@pytest.mark.parametrize("limit", [SMALL, LARGE])
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("ended", "stop"), STOPS)
def test_the_text_and_why_it_stopped_are_heard(protocol: str, limit: int, ended: str, stop: StopReason) -> None:
    with talking(says('{"a": "ü"}', ended), protocol=protocol) as talk:
        said = talk.ask(max_tokens=limit)
        assert (said.text, said.stop) == ('{"a": "ü"}', stop)
        assert said.stop_told
        assert said.model == talk.visit.access.model
        (request,) = talk.home.models.requests
        assert request.body["stream"] is (limit == LARGE)
        assert limit in (request.body.get("max_tokens"), request.body.get("max_completion_tokens"))


def test_the_stable_part_is_marked_for_anthropics_cache() -> None:
    with talking(says("x")) as talk:
        talk.ask()
        body = talk.home.models.requests[0].body
        ((block,), (message,)) = (body["system"], body["messages"])
        assert block["text"] == "You are the pm."
        assert block["cache_control"]["type"] == "ephemeral"
        assert "cache_control" not in json.dumps(message)
        assert "temperature" not in body


def test_the_stable_part_goes_first_to_others() -> None:
    with talking(says("x"), protocol="openai_chat") as talk:
        talk.ask()
        assert [one["role"] for one in talk.home.models.requests[0].body["messages"]] == ["system", "user"]


def test_without_a_stable_part_nothing_empty_is_sent() -> None:
    with talking(says("x")) as talk:
        talk.ask(stable="")
        assert not talk.home.models.requests[0].body.get("system")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_temperature_is_sent_when_it_is_given(protocol: str) -> None:
    with talking(says("x"), protocol=protocol) as talk:
        talk.ask(temperature=0.25)
        assert talk.home.models.requests[0].body["temperature"] == 0.25


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_was_said_before_comes_as_turns(protocol: str) -> None:
    before = (Exchange(answer="no", complaint="why not?"), Exchange(answer="", complaint="well?"))
    with talking(says("x"), protocol=protocol) as talk:
        talk.ask(before=before)
        turns = [one for one in talk.home.models.requests[0].body["messages"] if one["role"] != "system"]
        assert [one["role"] for one in turns] == ["user", "assistant"] * 2 + ["user"]
        assert "why not?" in str(turns[2]["content"])


@pytest.mark.parametrize("limit", [SMALL, LARGE])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_model_that_can_be_held_to_a_schema_is(protocol: str, limit: int) -> None:
    with talking(says("{}"), model=KNOWN[protocol]) as talk:
        talk.ask(schema=SCHEMA, max_tokens=limit)
        body = talk.home.models.requests[0].body
        told = body["output_config"]["format"] if protocol == "anthropic" else body["response_format"]
        assert told["type"] == "json_schema"
        assert "total_estimate_hours" in json.dumps(told)


def test_a_model_of_which_nobody_knows_it_is_not() -> None:
    with talking(says("{}")) as talk:
        talk.ask(schema=SCHEMA)
        assert "output_config" not in talk.home.models.requests[0].body


def test_a_schema_that_leaves_something_open_is_left_out() -> None:
    with talking(says("{}"), protocol="openai_chat") as talk:
        talk.ask(schema=model_of("arch_notes").model_json_schema())
        assert "response_format" not in talk.home.models.requests[0].body


@pytest.mark.parametrize("kind", ["epic", "arch_notes", "ba_spec", "proposed_change_set", "qa_result", "commit_result"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_artifact_can_be_asked_for(protocol: str, kind: str) -> None:
    with talking(says("{}"), model=KNOWN[protocol]) as talk:
        assert talk.ask(schema=model_of(kind).model_json_schema()).text == "{}"


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_knows_no_schemas_is_asked_without_from_then_on(status: int) -> None:
    with talking(says("{}"), protocol="openai_chat") as talk:
        talk.home.models.fault(Fault(kind=FaultKind.STATUS, status=status, times=1))
        assert talk.ask(schema=SCHEMA).text == "{}"
        assert talk.ask(schema=SCHEMA).text == "{}"
        held = ["response_format" in one.body for one in talk.home.models.requests]
        assert held == [True, False, False]
        assert sorted(row["status"] for row in talk.home.rows()) == ["failed", "ok", "ok"]


def test_a_request_that_is_refused_for_another_reason_fails_after_that() -> None:
    with talking(says("{}"), protocol="openai_chat") as talk:
        talk.home.models.fault(Fault(kind=FaultKind.STATUS, status=400, times=2))
        with pytest.raises(CallFailed) as failed:
            talk.ask(schema=SCHEMA)
        assert failed.value.status == 400
        assert talk.ask(schema=SCHEMA).text == "{}"
        assert "response_format" in talk.home.models.requests[-1].body


@pytest.mark.parametrize("limit", [SMALL, LARGE])
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("status", "told", "sent"), [(400, 400, 1), (404, 404, 1), (413, 413, 1), (529, 529, 3)])
def test_an_error_is_told_with_its_status_and_only_the_door_tries_again(
    protocol: str, limit: int, status: int, told: int, sent: int
) -> None:
    with talking(says("x"), protocol=protocol) as talk:
        talk.home.models.fault(Fault(kind=FaultKind.STATUS, status=status, message="no such thing"))
        with pytest.raises(CallFailed, match="no such thing") as failed:
            talk.ask(max_tokens=limit)
        assert failed.value.status == told
        assert len(talk.home.models.requests) == sent
        assert "status_code" not in failed.value.sentence


@pytest.mark.parametrize("limit", [SMALL, LARGE])
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", [FaultKind.DROP, FaultKind.GARBAGE])
def test_what_is_no_answer_is_a_failed_call(protocol: str, limit: int, kind: FaultKind) -> None:
    with talking(says('{"a": 1}' * 20), protocol=protocol) as talk:
        talk.home.models.fault(Fault(kind=kind))
        with pytest.raises(CallFailed):
            talk.ask(max_tokens=limit)
        assert talk.home.rows()[0]["status"] in {"cut", "failed"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_stream_that_fails_midway_is_a_failed_call(protocol: str) -> None:
    with talking(says('{"a": 1}' * 20), protocol=protocol) as talk:
        talk.home.models.fault(Fault(kind=FaultKind.ERROR_EVENT))
        with pytest.raises(CallFailed, match="at answer"):
            talk.ask(max_tokens=LARGE)


def test_an_answer_without_what_the_client_counts_on_is_a_failed_call() -> None:
    with talking(says("{}")) as talk:
        talk.home.models.fault(Fault(kind=FaultKind.NO_USAGE))
        with pytest.raises(CallFailed, match="no answer of anthropic"):
            talk.ask()


def test_keys_of_the_surroundings_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "sk-ant-of-the-surroundings-0123456789")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with talking(says("heard")) as talk:
        assert talk.ask().text == "heard"


@pytest.mark.parametrize(
    ("schema", "is_closed"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}, True),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, False),
        ({"type": "object", "additionalProperties": False}, False),
        ({"type": "array"}, False),
        ({"type": "array", "items": {}}, False),
        ({"type": "array", "items": True}, False),
        ({"type": "array", "items": {"$ref": "#/$defs/A"}, "$defs": {"A": {"type": "object"}}}, False),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, True),
        ({"anyOf": [{"type": "string"}, {}]}, False),
        ({"enum": ["a"]}, True),
    ],
)
def test_a_schema_is_strict_if_nothing_in_it_may_be_what_one_likes(schema: dict[str, Any], is_closed: bool) -> None:
    assert is_strict(schema) is is_closed


def test_the_clients_of_providers_are_not_loaded_until_somebody_asks() -> None:
    told = "import sys, penstock.adapters.asking; print({'pydantic_ai', 'anthropic', 'openai'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
