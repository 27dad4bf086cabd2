from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.redaction import LONGEST_LINE, MASK, Redactor, is_secret_name, secret_values

SECRET = 'p@ss w0rd/+"quoted"'
TWENTY = "a1B2c3D4e5F6g7H8i9J0"
WEB_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET,
        "p%40ss%20w0rd%2F%2B%22quoted%22",
        "p%40ss+w0rd%2F%2B%22quoted%22",
        'p@ss w0rd/+\\"quoted\\"',
        encoded(SECRET.encode()),
        encoded(b"x-access-token:" + SECRET.encode()),
    ],
)
def test_a_known_value_is_taken_out_in_every_encoding(spelling: str) -> None:
    assert Redactor([SECRET]).redact(f"before {spelling} after") == f"before {MASK} after"


def test_the_longest_known_value_goes_first() -> None:
    assert Redactor(["password1", "password1-and-more"]).redact("password1-and-more") == MASK


def test_short_values_are_left_alone() -> None:
    assert Redactor(["secret", ""]).redact("a secret word") == "a secret word"


@pytest.mark.parametrize(
    "text",
    [
        f"sk-ant-api03-{TWENTY}",
        f"sk-proj-{TWENTY}",
        f"sk-{TWENTY}",
        f"github_pat_{TWENTY}{TWENTY}",
        *(f"gh{kind}_{TWENTY}{TWENTY}" for kind in "pousr"),
        "AKIAIOSFODNN7EXAMPLE",
        *(f"xox{kind}-123-abc" for kind in "abprs"),
        WEB_TOKEN,
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow+/=\nabc\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\\nb3Blbn\\n-----END OPENSSH PRIVATE KEY-----",
    ],
)
def test_a_text_of_the_shape_of_a_secret_is_taken_out(text: str) -> None:
    assert Redactor().redact(f"<{text}>") == f"<{MASK}>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer KEY-1 next", f"Authorization: Bearer {MASK} next"),
        ("authorization: basic dXNlcg==", f"authorization: basic {MASK}"),
        ("Authorization: token abc", f"Authorization: token {MASK}"),
        ("x-api-key: abc", f"x-api-key: {MASK}"),
        ("API_KEY=abc", f"API_KEY={MASK}"),
        ("apikey = 'a b' rest", f"apikey = '{MASK}' rest"),
        ('{"token": "ab\\"cd", "n": 1}', f'{{"token": "{MASK}", "n": 1}}'),
        ('{"Authorization": "Bearer KEY"}', f'{{"Authorization": "Bearer {MASK}"}}'),
        ('curl -H "Authorization: Bearer KEY"', f'curl -H "Authorization: Bearer {MASK}'),
        ("https://me:hunter2@host/x", f"https://me:{MASK}@host/x"),
        ("MYSQL_PASSWORD=abc def", f"MYSQL_PASSWORD={MASK} def"),
    ],
)
def test_a_named_value_is_taken_out_and_its_name_stays(text: str, expected: str) -> None:
    assert Redactor().redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "ws/task-management-of-something-long",
        "disk-usage-of-the-whole-machine",
        "max_tokens were 5",
        "a tokenizer: fast",
        "see https://host:8000/path and a@b.c",
        "penstock.domain.redaction.Redactor",
        "0123456789abcdef0123456789abcdef01234567",
        "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert Redactor().redact(text) == text


SEEDS = ["token", "password", ":", "=", " ", '"', "'", "\\", "Bearer ", "sk-", "eyJ", ".", "://", "@", "a", "\n", MASK]


@given(st.lists(st.sampled_from([*SEEDS, TWENTY, SECRET]), max_size=30).map("".join))
def test_redacting_twice_changes_nothing_more_and_no_known_value_survives(text: str) -> None:
    redactor = Redactor([SECRET])
    once = redactor.redact(text)
    assert redactor.redact(once) == once
    assert SECRET not in once


@pytest.mark.parametrize(
    "part",
    [
        "eyJ",
        "eyJ_",
        "a.",
        "aaaaaaaa.",
        "token ",
        'token="',
        "token: bearer ",
        "\\",
        "://a",
        "a:",
        "-----BEGIN A ",
        "sk-",
        "_",
    ],
)
@pytest.mark.parametrize("start", ["", "token", 'token: "', "://", "-----BEGIN PRIVATE KEY-----", "eyJaaaaaaaa."])
def test_the_longest_line_if_hostile_takes_linear_time(start: str, part: str) -> None:
    text = start + part * (LONGEST_LINE // len(part))
    began = time.process_time()
    Redactor([SECRET]).redact(text)
    assert time.process_time() - began < 1.25  # one that tried each pair of places would take minutes


def test_a_secret_cut_into_pieces_is_taken_out_of_a_stream() -> None:
    text = f"one\nkey {SECRET} end\nlast {SECRET}"
    pieces = list(Redactor([SECRET]).lines(text))
    assert "".join(pieces) == f"one\nkey {MASK} end\nlast {MASK}"
    assert pieces[0] == "one\n"


def test_a_private_key_over_many_lines_is_taken_out_of_a_stream() -> None:
    lines = [
        "before\n",
        "-----BEGIN PRIVATE KEY-----\n",
        "MIIabc\n",
        "def=\n",
        "-----END PRIVATE KEY-----\n",
        "after\n",
    ]
    assert "".join(Redactor().lines(lines)) == f"before\n{MASK}\nafter\n"


def test_a_stream_without_line_ends_is_given_out_in_time_and_whole() -> None:
    stream = Redactor([SECRET]).stream()
    ready = [stream.feed("word " * 1000) for _ in range(200)]
    assert any(ready)
    assert "".join(ready) + stream.close() == "word " * 200_000


def test_a_key_that_never_ends_does_not_hold_a_stream_for_ever() -> None:
    stream = Redactor().stream()
    ready = [stream.feed("-----BEGIN PRIVATE KEY-----\n"), *(stream.feed("some words.\n") for _ in range(5000))]
    assert any(ready)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ANTHROPIC_API_KEY", True),
        ("GITHUB_TOKEN", True),
        ("DB_PASSWORD", True),
        ("CLIENT_SECRET", True),
        ("API_KEY_FILE", True),
        ("apikey", True),
        ("PATH", False),
        ("KEYBOARD", False),
        ("TOKENIZERS_PARALLELISM", False),
        ("checks", False),
    ],
)
def test_a_name_tells_whether_its_value_is_secret(name: str, expected: bool) -> None:
    assert is_secret_name(name) is expected


def test_secrets_of_an_environment_are_the_long_values_of_secret_names() -> None:
    assert secret_values({"A_TOKEN": "12345678", "B_TOKEN": "short", "PATH": "/usr/bin:/bin"}) == ("12345678",)


def test_a_file_of_settings_loses_its_keys_and_keeps_its_passwords() -> None:
    text = f"API_KEY=known-value-of-ours\nDB_PASSWORD=postgres\nOTHER=sk-{'a' * 24}\n"
    kept = Redactor(["known-value-of-ours"]).without_keys(text)
    assert kept == "API_KEY=[redacted]\nDB_PASSWORD=postgres\nOTHER=[redacted]\n"


@pytest.mark.parametrize(
    ("address", "secrets"),
    [
        ("postgresql://ann:s3cret-word@host/db", ("s3cret-word",)),
        ("postgresql://:s3cret-word@host/db", ("s3cret-word",)),
        ("postgresql://ann:s3cret%2Fword@host/db", ("s3cret/word",)),
        ("postgresql://host/db?user=ann&password=s3cret-word", ("s3cret-word",)),
        ("postgresql://postgres:postgres@host/db", ()),  # else no plan could speak of postgres
        ("postgresql://ann:allletterspassphrase@host/db", ("allletterspassphrase",)),
        ("postgresql://ann@host/db", ()),
        ("sqlite:////home/ann/penstock.db", ()),
    ],
)
def test_the_password_of_an_address_is_a_secret_whatever_the_variable_is_called(
    address: str, secrets: tuple[str, ...]
) -> None:
    assert secret_values({"DATABASE_URL": address}) == secrets
    for secret in secrets:
        assert secret not in Redactor(secret_values({"DATABASE_URL": address})).redact(f"it is {secret}: {address}")


@pytest.mark.parametrize("address", ["postgresql://ann:short@host/db", "postgresql://:short@host/db"])
def test_the_password_of_an_address_is_taken_out_even_if_it_is_short(address: str) -> None:
    assert "short" not in Redactor().redact(f"can't reach {address}.")
