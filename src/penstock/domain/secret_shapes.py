"""What secrets look like, and what only looks so. Pure: each shape runs in linear time on a piece of bounded length."""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST_PIECE = 2048
_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("an Anthropic key", re.compile(r"(?<![A-Za-z0-9])sk-ant-([\w-]{20,}+)", re.ASCII)),
    ("an OpenAI key", re.compile(r"(?<![A-Za-z0-9])sk-(?:proj|svcacct|admin)-([\w-]{20,}+)", re.ASCII)),
    ("an API key", re.compile(r"(?<![A-Za-z0-9-])sk-(?:[a-z]{2,10}-)?([A-Za-z0-9]{32,}+)(?![\w-])", re.ASCII)),
    ("a GitHub token", re.compile(r"github_pat_(\w{22,}+)", re.ASCII)),
    ("a GitHub token", re.compile(r"(?<![A-Za-z0-9])gh[pousr]_(\w{36,}+)", re.ASCII)),
    ("an AWS key", re.compile(r"(?<![A-Za-z0-9])A(?:KIA|SIA)([0-9A-Z]{16})(?![0-9A-Z])")),
    ("a Slack token", re.compile(r"(?<![A-Za-z0-9])xox[abeprs]-([\w-]{10,}+)", re.ASCII)),
    ("a Google key", re.compile(r"(?<![\w-])AIza([\w-]{35})(?![\w-])", re.ASCII)),
    ("a Hugging Face token", re.compile(r"(?<![A-Za-z0-9])hf_([A-Za-z0-9]{30,}+)")),
    ("an npm token", re.compile(r"(?<![A-Za-z0-9])npm_([A-Za-z0-9]{36})(?!\w)")),
    ("a password in an address", re.compile(r"://[^/\s:@]{0,256}+:([^/\s@]{1,1024}+)@")),
)
_NAMED = re.compile(
    r"(?:key|token|secret|passw(?:or)?d|credentials?)[\"']?\s{0,8}(?:=|:=|:|=>)\s{0,8}[\"']([A-Za-z0-9+/=_.-]{24,512})[\"']",
    re.IGNORECASE,
)
_KEY = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(.*)", re.DOTALL)
_KEY_BODY = re.compile(r"(?:\\[nr]|[\s\"'+,])*(?:Proc-Type|[A-Za-z0-9+/]{32})")
_EXAMPLE = re.compile(
    r"example|placeholder|redacted|your[-_ ]?|dummy|changeme|x{6,}|\*{4,}|\.{3}|0{8,}|[<>{}]|^\$|%s", re.IGNORECASE
)
LIKELY = re.compile(
    r"sk-|github_pat_|gh[pousr]_|AKIA|ASIA|xox[abeprs]-|AIza|hf_|npm_|://[^/\s:@]{0,64}:|PRIVATE KEY-----"
    r"|(?i:key|token|secret|passwo?r?d|credentials?)[\"']?\s{0,8}[:=]"
)
"""Whatever has one of the shapes has this in it."""


def shapes_in(piece: str, following: str = "") -> Iterator[str]:
    """The kinds of secrets that stand in a piece of a line; a private key's body may be on the line that follows."""
    for kind, shape in _SHAPES:
        for match in shape.finditer(piece):
            if not (is_example(match[0]) or (kind.startswith("a password") and _is_word(match[1]))):
                yield kind
    if any(_is_random(match[1]) for match in _NAMED.finditer(piece)):
        yield "a long random value under a secret's name"
    key = _KEY.search(piece)
    if key is not None and _KEY_BODY.match(f"{key[1]}\n{following}"):
        yield "a private key"


def is_example(value: str) -> bool:
    """Whether something has a secret's shape and says itself that it is none."""
    return _EXAMPLE.search(value) is not None or len({*value}) < 8


def _is_word(password: str) -> bool:
    """`postgres:postgres@` makes no word a secret, and `$PASSWORD@` is read from elsewhere."""
    return (len(password) < 16 and password.isalpha()) or "$" in password


def _is_random(value: str) -> bool:
    kinds = (str.islower, str.isupper, str.isdigit)
    return all(any(map(kind, value)) for kind in kinds) and len({*value}) >= 12 and not is_example(value)
