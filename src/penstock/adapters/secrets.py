"""Finds secrets in added lines: values that are known, the shapes that we know, and those that detect-secrets knows.

Only the plugins' own patterns are used, not their settings or verifiers: nothing global is touched, nothing is sent
anywhere, and no guess is made from how random a text looks. What is found is told by its place and kind alone.
"""

from __future__ import annotations

import asyncio
import re
from bisect import bisect_right
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from penstock.domain.redaction import SHORTEST, spellings
from penstock.domain.secret_shapes import LIKELY, LONGEST_PIECE, is_example, shapes_in
from penstock.ports import AddedLines, SecretFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

KNOWN = "a value that is kept secret on this machine"
PLUGINS = (
    ("aws", "AWSKeyDetector"),
    ("azure_storage_key", "AzureStorageKeyDetector"),
    ("discord", "DiscordBotTokenDetector"),
    ("gitlab_token", "GitLabTokenDetector"),
    ("jwt", "JwtTokenDetector"),
    ("mailchimp", "MailchimpDetector"),
    ("npm", "NpmDetector"),
    ("openai", "OpenAIDetector"),
    ("pypi_token", "PypiTokenDetector"),
    ("sendgrid", "SendGridDetector"),
    ("slack", "SlackDetector"),
    ("square_oauth", "SquareOAuthDetector"),
    ("stripe", "StripeDetector"),
    ("telegram_token", "TelegramBotTokenDetector"),
    ("twilio", "TwilioKeyDetector"),
)
"""Not among them: what goes by how random a text looks, by names of variables, or by prefixes of two letters."""
_FOREIGN = re.compile(
    r"A3T[A-Z0-9]|A(?:BIA|CCA|KIA|SIA)[0-9A-Z]|(?i:aws).{0,20}?(?i:key|pwd|pw|pass|token)|AccountKey=|gl[a-z]{2,6}-"
    r"|GR1348941|eyJ[\w-]{8}|[0-9a-z]{32}-us\d|_authToken|T3BlbkFJ|pypi-AgE|SG\.[\w-]{20}|xox[a-s]-|(?i:hooks\.slack)"
    r"|sq0csp-|[rs]k_live_|\d{8,10}:[\w-]{35}|(?:AC|SK)[a-z0-9]{32}|[MNO][\w-]{23,25}\.[\w-]{6}\.",
    re.ASCII,
)
"""Whatever one of the plugins finds has this in it."""
_ALLOWED = re.compile(r"pragma: ?(?:allowlist|whitelist)[ -]secret", re.IGNORECASE)
_ALLOWED_NEXT = re.compile(r"pragma: ?allowlist[ -]nextline[ -]secret", re.IGNORECASE)
BEFORE, FEW = 256, 64 * 1024


class _Plugin(Protocol):
    secret_type: str

    def analyze_string(self, string: str) -> Iterable[str]: ...


class PatternGate:
    """The gate. A known value that is a plain short word is not looked for: it would stand everywhere."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        values = (value for value in known if len(value) >= 16 or not value.isalpha())
        self._known = tuple(sorted({spelling for value in values for spelling in spellings(value)}))

    async def find(self, added: Sequence[AddedLines]) -> tuple[SecretFound, ...]:
        """See `SecretGate`; large texts are looked through in a thread."""
        if sum(len(line) for one in added for _, line in one.lines) <= FEW:
            return self._find(added)
        return await asyncio.to_thread(self._find, added)

    def _find(self, added: Sequence[AddedLines]) -> tuple[SecretFound, ...]:
        return tuple(dict.fromkeys(found for one in added for found in self._in_file(one)))

    def _in_file(self, added: AddedLines) -> Iterator[SecretFound]:
        text = "\n".join(line for _, line in added.lines)
        if not text:
            return
        starts = [0]
        for _, line in added.lines:
            starts.append(starts[-1] + len(line) + 1)
        found: dict[int, str] = {}
        for place in self._known_places(text):
            found.setdefault(bisect_right(starts, place) - 1, KNOWN)
        for index, kind in self._shaped(added, text, starts):
            found.setdefault(index, kind)
        for index in sorted(found):
            yield SecretFound(path=added.path, line=added.lines[index][0], kind=found[index])

    def _known_places(self, text: str) -> Iterator[int]:
        for spelling in self._known:
            place = text.find(spelling)
            while place >= 0:
                yield place
                place = text.find(spelling, place + len(spelling))

    @staticmethod
    def _shaped(added: AddedLines, text: str, starts: Sequence[int]) -> Iterator[tuple[int, str]]:
        """What has a shape, by the index of its line; each piece of a line is looked at once."""
        for likely, kinds_in in ((LIKELY, shapes_in), (_FOREIGN, _foreign)):
            looked = 0
            for hit in likely.finditer(text):
                index = bisect_right(starts, hit.start()) - 1
                if hit.end() <= looked or _is_allowed(added, index):
                    continue
                end = starts[index + 1] - 1
                begin = max(starts[index], hit.start() - BEFORE)
                looked = min(end, begin + LONGEST_PIECE)
                following = added.lines[index + 1][1][:BEFORE] if looked == end and index + 1 < len(added.lines) else ""
                yield from ((index, kind) for kind in kinds_in(text[begin:looked], following))
                # what begins near the end of a piece is looked at again, with what follows it
                looked = end if looked == end else looked - BEFORE


def _is_allowed(added: AddedLines, index: int) -> bool:
    if _ALLOWED.search(added.lines[index][1]):
        return True
    return index > 0 and _ALLOWED_NEXT.search(added.lines[index - 1][1]) is not None


def _foreign(piece: str, _following: str) -> Iterator[str]:
    for plugin in _plugins():
        for value in plugin.analyze_string(piece):
            if len(value) < SHORTEST or not is_example(value):  # some give out no more than what it begins with
                yield plugin.secret_type


@cache
def _plugins() -> tuple[_Plugin, ...]:
    """Imported when a line first looks like one of theirs: they are slow to import and seldom asked."""
    return tuple(getattr(import_module(f"detect_secrets.plugins.{module}"), name)() for module, name in PLUGINS)
