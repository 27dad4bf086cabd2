"""Keeps what is said between an agent and its models, without secrets and without this machine's paths."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from penstock.domain.usage import Tokens
from penstock.gateway.protocols.untrusted import is_deep
from penstock.gateway.recordings.call_keys import CallKey
from penstock.gateway.recordings.files import RecordingFailed, RecordingFolder
from penstock.gateway.recordings.folding import canonical, folded, masked
from penstock.gateway.recordings.likeness import MOST_REMEMBERED, Comparison
from penstock.gateway.recordings.places import Places
from penstock.gateway.wire import Json

SHORT = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One call that came to its end."""

    wire: str
    request: Json
    """As it was asked, not as it left."""
    message: Json
    """The whole answer, put together."""
    tokens: Tokens
    stop_reason: str


class Recorder:
    """Records one attempt. It reads and writes files: call it in a thread of its own, one call at a time."""

    def __init__(self, folder: Path, redact: Callable[[str], str], places: Places) -> None:
        self._folder = RecordingFolder(folder)
        self._redact = redact
        self._places = places
        self._comparison = Comparison(self._clean)
        self._remembered: dict[bytes, str] = {}
        self._is_prepared = False

    def keep(self, key: CallKey, exchange: Exchange) -> None:
        """Write a call down: first its blocks, then the file that names them. RecordingFailed if there is no room."""
        if not self._is_prepared:
            self._folder.prepare()
            self._is_prepared = True
        try:
            self._folder.write_call(key.file, self._call(key, exchange))
        except ValueError as error:
            raise RecordingFailed(f"{key.words} holds numbers that JSON does not have") from error

    def _call(self, key: CallKey, exchange: Exchange) -> dict[str, Any]:
        likeness = self._comparison.likeness(exchange.wire, exchange.request)
        request = None if is_deep(exchange.request) else self._folded(exchange.request)
        return {
            "key": asdict(key),
            "wire": exchange.wire,
            "stop_reason": exchange.stop_reason,
            "tokens": asdict(exchange.tokens),
            "is_redacted": masked(dict(exchange.message), self._redact) != exchange.message,
            "asked": {
                "text": self._folder.put(likeness.text),
                "short": likeness.text[:SHORT],
                "tool_outputs": likeness.tool_outputs,
                "tool_output_count": likeness.tool_output_count,
            },
            "answer": self._folded(exchange.message),
            "request": request,
        }

    def _clean(self, text: str) -> str:
        return self._places.written(self._redact(text))

    def _folded(self, value: Json) -> Any:
        names = folded(value, self._put)
        return masked(names, self._clean)

    def _put(self, block: Any) -> str:
        """Each call brings the whole conversation again: what was stored is not cleaned twice."""
        raw = hashlib.sha256(canonical(block)).digest()
        name = self._remembered.get(raw)
        if name is None:
            name = self._folder.put(masked(block, self._clean))
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[raw] = name
        return name
