"""The gate for secrets: what it finds, what it leaves alone, and that it never tells what it found."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.adapters.secrets import _FOREIGN, KNOWN, PatternGate, _plugins
from penstock.ports import AddedLines, SecretFound

# made here so that no line of this file holds one
TAIL = "aB3dE5gH7jK9mN1pQ4sT6vW8yZ2cF0"
LOWER = "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6"
UPPER = "QWERTYUIOPASD23F"


def joined(*parts: str) -> str:
    return "".join(parts)


SECRETS = {
    "Anthropic": (joined("sk-", "ant-", "api03-", TAIL), "an Anthropic key"),
    "OpenAI's projects": (joined("sk-", "proj-", TAIL), "an OpenAI key"),
    "OpenAI": (joined("sk-", TAIL, TAIL), "an API key"),
    "GitHub, fine": (joined("github", "_pat_", TAIL), "a GitHub token"),
    "GitHub": (joined("ghp", "_", TAIL, "A1b2C3"), "a GitHub token"),
    "AWS": (joined("AK", "IA", UPPER), "an AWS key"),
    "AWS, the secret": (joined("aws pwd '", TAIL, "aB3dE5gH7j'"), "AWS Access Key"),
    "Slack": (joined("xox", "b-1234567890-", TAIL), "a Slack token"),
    "Google": (joined("AI", "za", TAIL, "aB3dE"), "a Google key"),
    "Hugging Face": (joined("hf", "_", TAIL), "a Hugging Face token"),
    "npm": (joined("npm", "_", TAIL, "A1b2C3"), "an npm token"),
    "GitLab": (joined("gl", "pat-", TAIL[:20]), "GitLab Token"),
    "Stripe": (joined("sk", "_live_", TAIL[:24]), "Stripe Access Key"),
    "SendGrid": (joined("S", "G.", TAIL[:22], ".", TAIL, TAIL[:13]), "SendGrid API Key"),
    "Twilio": (joined("A", "C", LOWER), "Twilio API Key"),
    "Telegram": (joined("123456789", ":", TAIL, "aB3dE"), "Telegram Bot Token"),
    "Azure": (joined("Account", "Key=", TAIL, TAIL, TAIL[:28]), "Azure Storage Account access key"),
    "Mailchimp": (joined(LOWER, "-us", "12"), "Mailchimp Access Key"),
    "a web token": (
        ".".join(
            base64.urlsafe_b64encode(part).decode().rstrip("=")
            for part in (b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"1234567890"}', TAIL.encode())
        ),
        "JSON Web Token",
    ),
    "an address": (joined("postgres://app:", "s3cr3t-word", "@db:5432/x"), "a password in an address"),
    "a name": (joined("API_", 'KEY = "', TAIL, '"'), "a long random value under a secret's name"),
    "a key in one line": (
        joined("-----BEGIN RSA ", "PRIVATE KEY-----\\n", TAIL, TAIL, "\\n"),
        "a private key",
    ),
}
HARMLESS = [
    "key = os.environ['ANTHROPIC_API_KEY']",
    'api_key = "your-api-key-goes-here-0123456789Ab"',
    "token: str = ''",
    'password = "hunter2"',
    "export OPENAI_API_KEY=sk-...",
    "see https://example.org/a:b@c",
    "DATABASE = 'postgres://postgres:postgres@localhost/test'",
    "url = f'https://{user}:{password}@{host}/'",
    "git clone https://x-access-token:$TOKEN@github.com/a/b",
    joined("AK", "IAIOSFODNN7EXAMPLE"),
    joined("sk-", "ant-", "x" * 40),
    ".sk-circle-fade-dot-with-a-long-name { color: red; }",
    "commit 4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    joined("if '-----BEGIN RSA ", "PRIVATE KEY-----' in text:"),
    "sort_key = 'the_name_of_the_thing_and_its_number'",
    "ACCOUNT = 'AC' + sid",
    "secret = derive(secret, salt)",
    "monkey = 'AbCdEf'",
]


def found(*lines: str, gate: PatternGate | None = None, first: int = 1) -> tuple[SecretFound, ...]:
    added = AddedLines(path="src/a.py", lines=tuple(enumerate(lines, first)))
    return asyncio.run((gate or PatternGate()).find([added]))


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_found_with_its_place_and_kind(name: str) -> None:
    secret, kind = SECRETS[name]
    for line in (secret, f"value = '{secret}'  # here", f"{{'a': 1, 'b': \"{secret}\"}}"):
        if "'" in secret and line != secret:
            continue
        assert found("first", line, "last", first=7) == (SecretFound(path="src/a.py", line=8, kind=kind),)


@pytest.mark.parametrize("line", HARMLESS)
def test_what_only_looks_like_one_is_left_alone(line: str) -> None:
    assert found(line) == ()


def test_a_private_key_is_seen_by_the_line_that_follows_its_beginning() -> None:
    begin = joined("-----BEGIN ", "PRIVATE KEY-----")
    assert [one.line for one in found("text", begin, TAIL + TAIL)] == [2]
    assert found("text", begin, "and so on") == ()


def test_each_plugin_is_asked_and_knows_its_kind() -> None:
    kinds = {plugin.secret_type for plugin in _plugins()}
    assert len(kinds) == 15
    assert {"JSON Web Token", "Stripe Access Key", "Azure Storage Account access key"} <= kinds


def test_what_a_plugin_finds_is_always_looked_at() -> None:
    for secret, _ in SECRETS.values():
        if any([*plugin.analyze_string(secret)] for plugin in _plugins()):
            assert _FOREIGN.search(secret)


def test_a_known_value_is_found_in_every_spelling() -> None:
    value = "correct horse/battery+staple"
    gate = PatternGate([value])
    spelt = base64.b64encode(value.encode()).decode()
    for line in (f"x = '{value}'", f"x = '{spelt}'", "x=correct%20horse%2Fbattery%2Bstaple"):
        assert [one.kind for one in found(line, gate=gate)] == [KNOWN]


def test_the_mark_that_allows_examples_does_not_allow_a_known_value() -> None:
    secret = SECRETS["Anthropic"][0]
    marked = f"x = '{secret}'  # pragma: allowlist secret"
    assert found(marked) == ()
    assert found("# pragma: allowlist nextline secret", f"x = '{secret}'") == ()
    assert [one.kind for one in found(marked, gate=PatternGate([secret]))] == [KNOWN]


def test_a_known_word_that_stands_everywhere_is_not_looked_for() -> None:
    assert found("x = 'development'", gate=PatternGate(["development", "short"])) == ()
    assert found("x = 'development1'", gate=PatternGate(["development1"])) != ()


def test_what_is_told_never_holds_the_secret() -> None:
    gate = PatternGate(["correct-horse-9"])
    lines = [f"x = '{secret}'" for secret, _ in SECRETS.values()] + ["y = 'correct-horse-9'"]
    told = repr(found(*lines, gate=gate))
    assert "correct-horse" not in told
    assert not any(secret in told for secret, _ in SECRETS.values())
    assert TAIL[:8] not in told


def test_a_secret_is_found_anywhere_in_a_very_long_line() -> None:
    secret = SECRETS["Anthropic"][0]
    for place in (0, 1500, 2000, 2048, 5000, 100_000):
        line = "sk- " * (place // 4) + secret + " sk-" * 1000
        assert [one.kind for one in found(line)] == ["an Anthropic key"]


def test_ten_thousand_lines_are_looked_through_well_within_a_second() -> None:
    lines = [
        f"    result_{number} = fetch(f'https://host/{number}', key=number, token=None)" for number in range(10_000)
    ]
    gate = PatternGate([f"known-value-{number:04}" for number in range(20)])
    found(*lines[:10], gate=gate)
    begin = time.process_time()
    assert found(*lines, gate=gate) == ()
    assert time.process_time() - begin < 1.0


@pytest.mark.parametrize("piece", ["sk-", "://a:", "eyJhbGciOi.", "aws key ", "//x/:", "key='", "-----BEGIN "])
def test_a_hostile_line_takes_linear_time(piece: str) -> None:
    begin = time.process_time()
    found(piece * (100_000 // len(piece)))
    assert time.process_time() - begin < 2.0


def test_the_plugins_are_not_imported_until_a_line_looks_like_theirs() -> None:
    code = (
        "import asyncio, sys\n"
        "from penstock.adapters.secrets import PatternGate\n"
        "from penstock.ports import AddedLines\n"
        "asyncio.run(PatternGate().find([AddedLines(path='a', lines=((1, 'x = 1'),))])); "
        "print('detect_secrets' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@given(st.lists(st.text(max_size=80), max_size=20))
def test_any_lines_can_be_looked_through(lines: list[str]) -> None:
    for one in found(*lines):
        assert 1 <= one.line <= len(lines)
