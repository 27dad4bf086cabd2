"""Takes secrets out of texts: known values in every usual encoding, then what has the shape of a secret.

Every pattern runs in linear time on any input: it starts where no run of its own characters goes on, or is bounded,
and takes runs possessively. Whole lines go in, because a secret cut in two has no shape: `RedactedStream` sees to that.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MASK = "[redacted]"
SHORTEST = 8
LONGEST_LINE = 256 * 1024
LONGEST_KEY = 16 * 1024

_SECRET_NAME = re.compile(
    r"(?:^|[_-])(?:\w*KEYS?|\w*TOKENS?|\w*SECRETS?|\w*PASSWORDS?|PASSWD|CREDENTIALS?)$|(?:KEY|TOKEN|SECRET|PASSWORD)_",
    re.IGNORECASE,
)
_KEY_BEGIN, _KEY_END = "-----BEGIN ", "-----END "
_KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"
    r"(?>(?:[A-Za-z0-9+/=\s\\:,]|-(?!----))*)"
    r"(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"
)
_DOTTED = re.compile(r"(?<![\w-])([\w-]++)\.([\w-]{8,}+)\.([\w-]*+)", re.ASCII)
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<![A-Za-z0-9])sk-(?:ant-|proj-)?[\w-]{20,}+", re.ASCII), MASK),
    (re.compile(r"github_pat_\w{22,}+", re.ASCII), MASK),
    (re.compile(r"gh[pousr]_\w{36,}+", re.ASCII), MASK),
    (re.compile(r"(?<![A-Za-z0-9])AKIA[0-9A-Z]{16}"), MASK),
    (re.compile(r"(?<![A-Za-z0-9])xox[abprs]-[\w-]++", re.ASCII), MASK),
    (re.compile(r"(://[^/\s:@]{0,256}+):[^/\s@]{1,1024}+@"), rf"\1:{MASK}@"),
)
_ADDRESS_PASSWORD = re.compile(r"://[^/\s:@]{0,256}+:([^/\s@]{1,1024}+)@|(?<=[?&])(?:ssl)?password=([^&\s]{1,1024}+)")
_NAMED = re.compile(
    r"((?:authorization|x-api-key|api[_-]?key|token|password)\\{0,4}[\"']?[ \t]*+[:=][ \t]*+)"
    r"(?:(\")((?:bearer|basic|token)[ \t]++)?(?>(?:[^\"\\\n]|\\[^\n])+)"
    r"|(')((?:bearer|basic|token)[ \t]++)?(?>(?:[^'\\\n]|\\[^\n])+)"
    r"|(\\{0,4}[\"']?)((?:bearer|basic|token)[ \t]++)?[^\s\"']\S*+)",
    re.IGNORECASE,
)


def is_secret_name(name: str) -> bool:
    """Whether a variable or key of this name is likely to hold a secret."""
    return _SECRET_NAME.search(name) is not None


def secret_values(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The values of variables whose names say that they are secret, and the passwords in addresses of any name."""
    named = (value for name, value in environ.items() if is_secret_name(name))
    inside = (spelling for value in environ.values() for spelling in _passwords(value))
    return tuple(value for value in (*named, *inside) if len(value) >= SHORTEST)


def _passwords(address: str) -> Iterator[str]:
    for before_host, in_query in _ADDRESS_PASSWORD.findall(address):
        password = unquote(before_host or in_query)
        if len(password) >= 2 * SHORTEST or not password.isalpha():  # `postgres:postgres@` makes no word a secret
            yield password


MOST_ROUNDS = 4


class Redactor:
    """Knows the loaded secrets and the shapes of others; the same text always gives the same result."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        every = {item for value in values for item in spellings(value)}
        longest_first = sorted(every, key=lambda item: (-len(item), item))
        self._known = re.compile("|".join(re.escape(item) for item in longest_first)) if longest_first else None

    def redact(self, text: str) -> str:
        """The text without secrets. Doing it twice changes nothing more."""
        for _ in range(MOST_ROUNDS):  # what one shape has made shorter may be what another looks for
            before, text = text, _NAMED.sub(_named, _DOTTED.sub(_web_token, self.without_keys(text)))
            if text == before:
                break
        return text

    def without_keys(self, text: str) -> str:
        """The text without what is surely a key: known values and known shapes. `password = …` stays, which a file of
        settings needs.
        """
        if self._known is not None:
            text = self._known.sub(MASK, text)
        if _KEY_BEGIN in text:
            text = _KEY_BLOCK.sub(MASK, text)
        for pattern, replacement in _SHAPES:
            text = pattern.sub(replacement, text)
        return text

    def stream(self) -> RedactedStream:
        """A redactor for text that comes in pieces."""
        return RedactedStream(self)

    def lines(self, pieces: Iterable[str]) -> Iterator[str]:
        """The pieces redacted, given out in whole lines."""
        stream = self.stream()
        for piece in pieces:
            if ready := stream.feed(piece):
                yield ready
        if last := stream.close():
            yield last


class RedactedStream:
    """Holds text back until its line (and a private key until its end) is whole."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held: list[str] = []
        self._length = 0

    def feed(self, piece: str) -> str:
        """What can be shown now that this piece has come."""
        self._held.append(piece)
        self._length += len(piece)
        if "\n" not in piece and self._length <= LONGEST_LINE:
            return ""
        text = "".join(self._held)
        end = self._cut(text)
        self._held, self._length = [text[end:]], len(text) - end
        return self._redactor.redact(text[:end])

    def close(self) -> str:
        """The rest."""
        text, self._held, self._length = "".join(self._held), [], 0
        return self._redactor.redact(text)

    def _cut(self, text: str) -> int:
        begun = text.rfind(_KEY_BEGIN)
        is_open = 0 <= begun >= len(text) - LONGEST_KEY and text.find(_KEY_END, begun) < 0
        end = text.rfind("\n", 0, begun) + 1 if is_open else text.rfind("\n") + 1
        if len(text) - end <= LONGEST_LINE:
            return end
        blank = max(text.rfind(" "), text.rfind("\n"), text.rfind("\t")) + 1
        return blank if blank > end else len(text)


def spellings(value: str) -> Iterator[str]:
    """A secret as it stands, and in every usual encoding; nothing for one that is too short to be told from words."""
    if len(value) < SHORTEST:
        return
    raw = value.encode("utf-8", "surrogatepass")
    yield from (value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    yield from (quote(raw, safe=""), quote(raw), quote_plus(raw))
    for content in (raw, b"x-access-token:" + raw):
        for encoded in (base64.b64encode(content), base64.urlsafe_b64encode(content)):
            yield encoded.decode("ascii")
            yield encoded.decode("ascii").rstrip("=")
    if "\n" in value:
        yield from (line for line in value.split("\n") if len(line) >= 2 * SHORTEST)


def _web_token(match: re.Match[str]) -> str:
    start = match[1].find("eyJ")
    return match[0] if start < 0 or len(match[1]) - start < SHORTEST else match[1][:start] + MASK


def _named(match: re.Match[str]) -> str:
    name, double, scheme, single, single_scheme, other, other_scheme = match.groups()
    return f"{name}{double or single or other or ''}{scheme or single_scheme or other_scheme or ''}{MASK}"
