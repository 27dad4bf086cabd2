"""The faults of the scripted models do what they say, and the books tell them from what went well."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from model_server import Fault, FaultKind, Round, Script, ScriptedModels, Shell, read_play
from penstock.domain.usage import Tokens

PATHS = ("/v1/messages", "/v1/chat/completions", "/v1/responses")
TALK = Script(name="talk", rounds=(Round(final="Something to say. " * 60),))
LOOP = Script(name="loop", rounds=(Round(steps=((Shell(command="true"),),), loop=True),))
BODY: dict[str, Any] = {"model": "one", "messages": [{"role": "user", "content": "Hello"}], "input": "Hello"}


@pytest.fixture(scope="module")
def serving() -> Iterator[ScriptedModels]:
    """One server for the file."""
    with ScriptedModels([TALK, LOOP]) as models:
        yield models


@pytest.fixture
def models(serving: ScriptedModels) -> Iterator[ScriptedModels]:
    """The server, without memories; no fault outlives its test."""
    serving.forget()
    yield serving
    serving.mend()


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    """A plain client."""
    with httpx2.Client(trust_env=False, timeout=20.0) as made:
        yield made


def ask(client: httpx2.Client, url: str, path: str = "/v1/messages", **more: Any) -> httpx2.Response:
    return client.post(url + path, json=BODY | more)


@pytest.mark.parametrize("path", PATHS)
def test_an_error_comes_as_often_as_it_is_asked_for_with_its_headers(
    models: ScriptedModels, client: httpx2.Client, path: str
) -> None:
    reset = "2030-01-01T00:00:00Z"
    headers = {"retry-after": "7", "anthropic-ratelimit-requests-reset": reset, "x-ratelimit-reset-requests": "6m0s"}
    models.fault(Fault(kind=FaultKind.STATUS, status=429, times=2, headers=headers, message="come back later"))

    answers = [ask(client, models.base_url, path) for _ in range(3)]

    assert [one.status_code for one in answers] == [429, 429, 200]
    assert {name: answers[0].headers[name] for name in headers} == headers
    assert answers[0].json()["error"]["message"] == "come back later"
    assert [(one.status, one.tokens == Tokens()) for one in models.issued] == [(429, True), (429, True), (200, False)]


def test_a_play_in_the_path_counts_for_itself(models: ScriptedModels, client: httpx2.Client) -> None:
    first, second = models.url("talk,status=529,times=1,after=1~a"), models.url("talk,status=529,times=1,after=1~b")
    assert [ask(client, first).status_code for _ in range(3)] == [200, 529, 200]
    assert [ask(client, second).status_code for _ in range(3)] == [200, 529, 200]


def test_a_fault_meets_only_those_it_is_put_in_the_way_of(models: ScriptedModels, client: httpx2.Client) -> None:
    models.fault(Fault(kind=FaultKind.STATUS, status=401), key="bad")
    models.fault(Fault(kind=FaultKind.STATUS, status=404), model="gone")
    models.fault(Fault(kind=FaultKind.STATUS, status=500), path="/responses")
    asked = [
        client.post(models.base_url + path, json=BODY | {"model": model}, headers={"x-api-key": key}).status_code
        for path, model, key in (
            ("/v1/messages", "one", "good"),
            ("/v1/messages", "one", "bad"),
            ("/v1/messages", "gone", "good"),
            ("/v1/responses", "one", "good"),
        )
    ]
    assert asked == [200, 401, 404, 500]


def test_what_hangs_waits_until_it_is_released(models: ScriptedModels, client: httpx2.Client) -> None:
    models.fault(Fault(kind=FaultKind.HANG, times=1))
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(ask(client, models.base_url).status_code))
    asking.start()
    models.wait_for_held(1)
    assert answers == []
    models.release()
    asking.join(20.0)
    assert answers == [200]
    assert models.held == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", PATHS)
def test_a_stall_shows_the_beginning_and_then_nothing(
    models: ScriptedModels, client: httpx2.Client, path: str, stream: bool
) -> None:
    models.fault(Fault(kind=FaultKind.STALL, times=1))
    with client.stream("POST", models.base_url + path, json=BODY | {"stream": stream}) as answer:
        pieces = answer.iter_bytes()
        assert next(pieces)
        models.wait_for_held(1)
    models.wait_for_issued(1)  # the client has hung up
    assert [one.ended for one in models.issued] == [False]


def test_a_stall_that_is_released_goes_on_to_a_whole_answer(models: ScriptedModels, client: httpx2.Client) -> None:
    models.fault(Fault(kind=FaultKind.STALL, times=1))
    with client.stream("POST", f"{models.base_url}/v1/messages", json=BODY | {"stream": True}) as answer:
        pieces = answer.iter_bytes()
        first = next(pieces)
        models.wait_for_held(1)
        models.release()
        whole = first + b"".join(pieces)
    assert whole.endswith(b'data: {"type":"message_stop"}\n\n')
    assert [one.ended for one in models.issued] == [True]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", PATHS)
def test_a_drop_ends_the_connection_in_the_middle(
    models: ScriptedModels, client: httpx2.Client, path: str, stream: bool
) -> None:
    models.fault(Fault(kind=FaultKind.DROP, times=1))
    with pytest.raises(httpx2.RemoteProtocolError):
        ask(client, models.base_url, path, stream=stream)
    assert [(one.ended, one.status) for one in models.issued] == [(False, 200)]
    assert ask(client, models.base_url, path, stream=stream).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_garbage_is_no_json(models: ScriptedModels, client: httpx2.Client, path: str) -> None:
    models.fault(Fault(kind=FaultKind.GARBAGE))
    answer = ask(client, models.base_url, path)
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize(
    ("path", "word"), [(PATHS[0], "overloaded_error"), (PATHS[1], '"error"'), (PATHS[2], "response.failed")]
)
def test_an_upstream_can_fail_in_the_middle_of_a_stream(
    models: ScriptedModels, client: httpx2.Client, path: str, word: str
) -> None:
    models.fault(Fault(kind=FaultKind.ERROR_EVENT))
    answer = ask(client, models.base_url, path, stream=True)
    assert word in answer.text.splitlines()[-2]
    assert [one.ended for one in models.issued] == [False]


STOPS = {
    FaultKind.TRUNCATED: ("max_tokens", "length", "max_output_tokens"),
    FaultKind.REFUSAL: ("refusal", "content_filter", "content_filter"),
    FaultKind.EMPTY: ("end_turn", "stop", None),
}


@pytest.mark.parametrize("kind", STOPS)
def test_an_answer_that_is_no_use_says_why_it_ended(
    models: ScriptedModels, client: httpx2.Client, kind: FaultKind
) -> None:
    models.fault(Fault(kind=kind))
    messages, chat, responses = (ask(client, models.base_url, path).json() for path in PATHS)
    said = (
        messages["stop_reason"],
        chat["choices"][0]["finish_reason"],
        (responses["incomplete_details"] or {}).get("reason"),
    )
    assert said == STOPS[kind]
    whole = TALK.rounds[0].final
    assert whole not in json.dumps([messages, chat, responses])


def test_an_answer_may_keep_to_itself_what_it_used(models: ScriptedModels, client: httpx2.Client) -> None:
    models.fault(Fault(kind=FaultKind.NO_USAGE))
    for path in PATHS:
        assert not ask(client, models.base_url, path).json().get("usage")
    assert [one.told for one in models.issued] == [False] * 3


def test_a_loop_never_ends(models: ScriptedModels, client: httpx2.Client) -> None:
    tools = [{"name": "Bash", "input_schema": {"properties": {"command": {}}}}]
    conversation = list(BODY["messages"])
    for _ in range(20):
        body = BODY | {"tools": tools, "messages": conversation}
        answer = client.post(models.url("loop") + "/v1/messages", json=body).json()
        [call] = answer["content"]
        assert (call["type"], call["input"]["command"]) == ("tool_use", "true")
        result = {"type": "tool_result", "tool_use_id": call["id"], "content": ""}
        conversation += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    assert len(models.issued) == 20


@pytest.mark.parametrize("kind", [FaultKind.BAD_ARGUMENTS, FaultKind.UNKNOWN_TOOL])
def test_a_call_of_a_tool_can_be_of_no_use(models: ScriptedModels, client: httpx2.Client, kind: FaultKind) -> None:
    models.fault(Fault(kind=kind))
    tool = {"type": "function", "name": "exec_command", "parameters": {"properties": {"cmd": {}}}}
    body = BODY | {"tools": [tool]}
    [call] = client.post(models.url("loop", openai=True) + "/responses", json=body).json()["output"]
    if kind is FaultKind.UNKNOWN_TOOL:
        assert call["name"] == "no_such_tool"
    else:
        with pytest.raises(json.JSONDecodeError):
            json.loads(call["arguments"])


def test_a_play_can_say_what_its_calls_use(models: ScriptedModels, client: httpx2.Client) -> None:
    used = ask(client, models.url("talk,usage=120.34.56.7.8")).json()["usage"]
    assert (used["input_tokens"], used["output_tokens"], used["cache_creation_input_tokens"]) == (120, 34, 15)
    assert [one.tokens for one in models.issued] == [
        Tokens(input=120, output=34, cache_read=56, cache_write=7, cache_write_long=8)
    ]


def test_a_play_with_a_word_that_means_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="statsu"):
        read_play("talk,statsu=500")
    assert read_play("talk,delay=0.5,slow=0.1,times=3").faults[0].seconds == 0.5


def test_what_hangs_does_not_keep_the_server_from_ending(client: httpx2.Client) -> None:
    ended: list[str] = []

    def hang(url: str) -> None:
        try:
            ended.append(str(ask(client, url).status_code))
        except httpx2.HTTPError as error:
            ended.append(type(error).__name__)

    with ScriptedModels([TALK]) as models:
        models.fault(Fault(kind=FaultKind.HANG))
        asking = threading.Thread(target=hang, args=(models.base_url,))
        asking.start()
        models.wait_for_held(1)
    asking.join(20.0)
    assert ended
    assert ended != ["200"]
    assert [one.ended for one in models.issued] == [False]
