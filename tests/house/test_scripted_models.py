"""The scripted models: each protocol's answer is what a client of it expects, and the books hold its exact tokens."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from model_server import Edit, Read, Round, Say, Script, ScriptedModels, Shell, Write, summed
from penstock.domain.usage import Tokens

PATHS = ("/v1/messages", "/v1/chat/completions", "/v1/responses")
WORK = Script(
    name="work",
    rounds=(
        Round(
            steps=(
                (Say(text="I look first."), Read(path="a.py")),
                (Edit(path="a.py", old="1\n", new="2\n"), Write(path="b/c.py", content="x = 'y'\n")),
                (Shell(command="make test"),),
            ),
            final="All is done.",
        ),
        Round(when=("it is red",), steps=((Shell(command="make mend"),),), final="Mended.", name="fix"),
    ),
)
TALK = Script(name="talk", rounds=(Round(final="The answer is long. " * 40),))
SCHEMA = {"type": "object", "properties": {"file_path": {}, "content": {}, "old_string": {}, "new_string": {}}}
BASH = {"type": "object", "properties": {"command": {"type": "string"}, "description": {}}}


@pytest.fixture(scope="module")
def serving() -> Iterator[ScriptedModels]:
    """One server for the file; each test begins with empty books."""
    with ScriptedModels([TALK, WORK], models=("one", "two")) as models:
        yield models


@pytest.fixture
def models(serving: ScriptedModels) -> ScriptedModels:
    """The server, without memories."""
    serving.forget()
    return serving


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    """A plain client."""
    with httpx2.Client(trust_env=False, timeout=20.0, headers={"x-api-key": "key-1"}) as made:
        yield made


def request(path: str, prompt: str = "Work.", *, stream: bool = False, **more: Any) -> dict[str, Any]:
    """The smallest request of a protocol that asks to be told what was used."""
    body: dict[str, Any] = {"model": "one", "stream": stream, **more}
    if path.endswith("responses"):
        return {"input": [{"role": "user", "content": prompt}], **body}
    if path.endswith("completions"):
        body["stream_options"] = {"include_usage": True}
    return {"max_tokens": 500, "messages": [{"role": "user", "content": prompt}], **body}


def events(text: str) -> list[dict[str, Any]]:
    """The events of a stream."""
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def told(usage: dict[str, Any]) -> Tokens:
    """What a client reads from any protocol's usage."""
    if "cache_creation" in usage:
        return Tokens(
            input=usage["input_tokens"],
            output=usage["output_tokens"],
            cache_read=usage["cache_read_input_tokens"],
            cache_write=usage["cache_creation"]["ephemeral_5m_input_tokens"],
            cache_write_long=usage["cache_creation"]["ephemeral_1h_input_tokens"],
        )
    read = usage.get("prompt_tokens", usage.get("input_tokens"))
    details = usage.get("prompt_tokens_details") or usage["input_tokens_details"]
    cached = details["cached_tokens"]
    output = usage.get("completion_tokens", usage.get("output_tokens"))
    return Tokens(input=read - cached, output=output, cache_read=cached)


def usage_of(path: str, text: str, *, stream: bool) -> dict[str, Any]:
    """The final usage of an answer."""
    if not stream:
        return json.loads(text)["usage"]
    last = [one for one in events(text) if (one.get("response") or one).get("usage")][-1]
    return (last.get("response") or last)["usage"]


def words_of(path: str, text: str, *, stream: bool) -> str:
    """What was said in an answer."""
    if not stream:
        body = json.loads(text)
        if path.endswith("messages"):
            return body["content"][0]["text"]
        return (
            body["choices"][0]["message"]["content"] if "choices" in body else body["output"][0]["content"][0]["text"]
        )
    found = []
    for one in events(text):
        if one.get("type") == "content_block_delta":
            found.append(one["delta"]["text"])
        elif one.get("type") == "response.output_text.delta":
            found.append(one["delta"])
        elif one.get("choices"):
            found.append(one["choices"][0]["delta"].get("content") or "")
    return "".join(found)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", PATHS)
def test_what_the_script_says_arrives_with_what_it_used(
    models: ScriptedModels, client: httpx2.Client, path: str, stream: bool
) -> None:
    answer = client.post(models.base_url + path, json=request(path, stream=stream))

    kind = "text/event-stream" if stream else "application/json"
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert words_of(path, answer.text, stream=stream) == TALK.rounds[0].final
    [issued] = models.issued
    assert told(usage_of(path, answer.text, stream=stream)) == issued.tokens
    assert (issued.key, issued.path, issued.model, issued.streamed, issued.ended, issued.told) == (
        "key-1",
        path,
        "one",
        stream,
        True,
        True,
    )


def test_no_two_calls_use_the_same_and_the_sum_is_that_of_what_was_told(
    models: ScriptedModels, client: httpx2.Client
) -> None:
    counts = []
    for path in PATHS * 4:
        for stream in (False, True):
            answer = client.post(models.base_url + path, json=request(path, "Work. " * 100, stream=stream))
            counts.append(told(usage_of(path, answer.text, stream=stream)))

    assert len({(one.output, one.all_input) for one in counts}) == len(counts)
    assert summed(models.issued) == Tokens(
        **{name: sum(getattr(one, name) for one in counts) for name in Tokens.__slots__}
    )
    assert all(getattr(summed(models.issued), name) > 0 for name in Tokens.__slots__)


def test_a_call_uses_no_more_than_a_careful_caller_reserves(models: ScriptedModels, client: httpx2.Client) -> None:
    for number in range(1, 40):
        body = request("/v1/messages", "x" * number * 30, max_tokens=25)
        client.post(f"{models.base_url}/v1/messages", json=body)
    for seen, issued in zip(models.requests, models.issued, strict=True):
        assert issued.tokens.all_input <= len(seen.raw) / 2
        assert issued.tokens.output <= 25


def test_a_stream_of_completions_says_what_it_used_only_if_it_is_asked(
    models: ScriptedModels, client: httpx2.Client
) -> None:
    body = request("/v1/chat/completions", stream=True) | {"stream_options": None}
    answer = client.post(f"{models.base_url}/v1/chat/completions", json=body)
    assert not any(one.get("usage") for one in events(answer.text))
    assert answer.text.endswith("data: [DONE]\n\n")
    assert [one.told for one in models.issued] == [False]


def claude_tools() -> list[dict[str, Any]]:
    """As Claude Code offers them."""
    return [{"name": name, "input_schema": SCHEMA} for name in ("Read", "Write", "Edit")] + [
        {"name": "Bash", "input_schema": BASH}
    ]


def test_the_steps_are_played_one_after_the_other_by_the_conversation_alone(
    models: ScriptedModels, client: httpx2.Client
) -> None:
    url = models.url("work") + "/v1/messages"
    conversation: list[dict[str, Any]] = [{"role": "user", "content": "Primary working directory: /w\nWork."}]
    calls = []
    for _ in range(4):
        body = {"model": "one", "max_tokens": 900, "tools": claude_tools(), "messages": conversation}
        answer = client.post(url, json=body).json()
        tools = [one for one in answer["content"] if one["type"] == "tool_use"]
        calls.append([(one["name"], one["input"]) for one in tools])
        results = [{"type": "tool_result", "tool_use_id": one["id"], "content": "it is red"} for one in tools]
        conversation += [{"role": "assistant", "content": answer["content"]}, {"role": "user", "content": results}]

    assert calls == [
        [("Read", {"file_path": "/w/a.py"})],
        [
            ("Edit", {"file_path": "/w/a.py", "old_string": "1\n", "new_string": "2\n"}),
            ("Write", {"file_path": "/w/b/c.py", "content": "x = 'y'\n"}),
        ],
        [("Bash", {"command": "make test", "description": "Run a command"})],
        [],
    ]
    assert answer["content"] == [{"type": "text", "text": "All is done."}]
    assert answer["stop_reason"] == "end_turn"


def test_a_second_prompt_in_one_conversation_begins_the_round_that_it_is_for(
    models: ScriptedModels, client: httpx2.Client
) -> None:
    tool = {"type": "function", "name": "exec_command", "parameters": {"properties": {"cmd": {"type": "string"}}}}
    conversation = [
        {"role": "user", "content": "Work."},
        {"type": "function_call", "call_id": "call_s2_0_9", "name": "exec_command", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_s2_0_9", "output": "it is red"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "All is done."}]},
        {"role": "user", "content": [{"type": "input_text", "text": "No: it is red."}]},
    ]
    body = {"model": "one", "stream": True, "tools": [tool], "input": conversation}
    answer = client.post(models.url("work", openai=True) + "/responses", json=body)
    last = events(answer.text)[-1]
    assert last["type"] == "response.completed"
    assert [json.loads(one["arguments"]) for one in last["response"]["output"]] == [{"cmd": "make mend"}]


def test_an_agent_with_nothing_but_a_shell_can_do_all_of_it(models: ScriptedModels, client: httpx2.Client) -> None:
    tool = {"type": "function", "function": {"name": "bash", "parameters": BASH}}
    history = [
        {"role": "user", "content": "Work."},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_s0_0_1", "type": "function", "function": {"name": "bash", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "call_s0_0_1", "content": ""},
    ]
    body = {"model": "one", "tools": [tool], "messages": history}
    answer = client.post(models.url("work", openai=True) + "/chat/completions", json=body).json()
    commands = [
        json.loads(one["function"]["arguments"])["command"] for one in answer["choices"][0]["message"]["tool_calls"]
    ]
    assert commands[0].startswith("python3 -c ")
    assert commands[1] == "mkdir -p b && printf %s 'x = '\"'\"'y'\"'\"'\n' > b/c.py"
    assert answer["choices"][0]["finish_reason"] == "tool_calls"


def test_aider_gets_a_whole_round_as_blocks(models: ScriptedModels, client: httpx2.Client) -> None:
    body = request("/v1/chat/completions", "Work. [[play:work]]")
    body["messages"].insert(0, {"role": "system", "content": "Answer with *SEARCH/REPLACE* blocks."})
    answer = client.post(f"{models.base_url}/v1/chat/completions", json=body).json()
    text = answer["choices"][0]["message"]["content"]
    assert "a.py\n```\n<<<<<<< SEARCH\n1\n=======\n2\n>>>>>>> REPLACE\n```" in text
    assert "b/c.py\n```\n<<<<<<< SEARCH\n=======\nx = 'y'\n>>>>>>> REPLACE\n```" in text


def test_a_direct_call_gets_whole_files(models: ScriptedModels, client: httpx2.Client) -> None:
    body = request("/v1/messages", "[[play:work]] Answer with a CodeDeliverable as JSON.")
    answer = client.post(f"{models.base_url}/v1/messages", json=body).json()
    assert json.loads(answer["content"][0]["text"]) == {"files": [{"path": "b/c.py", "content": "x = 'y'\n"}]}


def test_a_side_question_is_answered_without_a_step(models: ScriptedModels, client: httpx2.Client) -> None:
    answer = client.post(models.url("work") + "/v1/messages", json=request("/v1/messages", "Title?")).json()
    assert answer["content"][0]["text"] == "A short answer"


def test_a_directive_in_the_prompt_stands_above_the_path(models: ScriptedModels, client: httpx2.Client) -> None:
    url = models.url("work") + "/v1/messages"
    client.post(url, json=request("/v1/messages", "[[play:talk]]"))
    client.post(url, json=request("/v1/messages"))
    assert [one.script for one in models.issued] == ["talk", "work"]


def test_a_script_that_is_added_is_played(models: ScriptedModels, client: httpx2.Client) -> None:
    models.add({"name": "late", "about": ["the late one"], "final": "Here I am."})
    answer = client.post(f"{models.base_url}/v1/messages", json=request("/v1/messages", "Play the late one."))
    assert answer.json()["content"][0]["text"] == "Here I am."


def test_counting_models_and_unknown_places_are_answered_and_not_in_the_books(
    models: ScriptedModels, client: httpx2.Client
) -> None:
    body = request("/v1/messages", "x" * 400)
    counted = client.post(f"{models.base_url}/v1/messages/count_tokens?beta=true", json=body).json()
    used = client.post(f"{models.base_url}/v1/messages", json=body).json()["usage"]
    assert told(used).all_input <= counted["input_tokens"]
    listed = client.get(models.openai_url + "/models").json()["data"]
    assert [one["id"] for one in listed] == ["one", "two"]
    assert client.head(models.base_url).status_code == 200
    assert client.get(models.base_url + "/nowhere").status_code == 404
    assert len(models.issued) == 1
    first = models.requests[0]
    assert (first.method, first.path, first.query) == ("POST", "/v1/messages/count_tokens", "beta=true")


def test_a_request_is_kept_as_it_came(models: ScriptedModels, client: httpx2.Client) -> None:
    body = request("/v1/responses")
    client.post(
        models.url("talk", openai=True) + "/responses",
        content=gzip.compress(json.dumps(body).encode()),
        headers={"authorization": "Bearer key-2", "content-encoding": "gzip"},
    )
    [seen] = models.requests
    assert (seen.body, seen.key, seen.path, seen.play) == (body, "key-2", "/v1/responses", "talk")


def test_a_request_that_makes_no_sense_is_an_error_of_the_asker(models: ScriptedModels, client: httpx2.Client) -> None:
    for content in (b"{not json", b'{"messages": [1]}', b'{"messages": "x"}'):
        answer = client.post(f"{models.base_url}/v1/messages", content=content)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert models.issued == ()


def test_as_a_program_it_says_where_it_is_and_what_it_issued(client: httpx2.Client, tmp_path: Path) -> None:
    tests = Path(__file__).parents[1]
    (tmp_path / "talk.json").write_text('{"final": "From a file."}')
    command = [sys.executable, "-m", "model_server", "--scripts", tmp_path, "--port-file", tmp_path / "port"]
    environ = {**os.environ, "PYTHONPATH": f"{tests}:{tests.parent / 'src'}"}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        url = program.stdout.readline().strip()
        answer = client.post(f"{url}/v1/messages", json=request("/v1/messages")).json()
        line = json.loads(program.stdout.readline())
        program.terminate()
    assert program.returncode == 0
    assert url == f"http://127.0.0.1:{(tmp_path / 'port').read_text()}"
    assert answer["content"][0]["text"] == "From a file."
    assert Tokens(**line["tokens"]) == told(answer["usage"])


def test_fifty_at_once_are_served_and_each_is_in_the_books(models: ScriptedModels, client: httpx2.Client) -> None:
    def ask(number: int) -> list[int]:
        path, key = PATHS[number % 3], {"x-api-key": f"key-{number}"}
        asked = [client.post(models.base_url + path, json=request(path), headers=key) for _ in range(4)]
        return [one.status_code for one in asked]

    with ThreadPoolExecutor(50) as pool:
        assert list(pool.map(ask, range(50))) == [[200] * 4] * 50
    keys = [one.key for one in models.issued]
    assert {key: keys.count(key) for key in keys} == {f"key-{number}": 4 for number in range(50)}
    assert len({one.number for one in models.issued}) == 200
