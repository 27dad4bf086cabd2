"""Takes a provider's key out of answers, for upstreams that repeat what they were sent. Pure."""

from __future__ import annotations

from penstock.domain.redaction import MASK

SHORTEST = 16


def is_surely_a_key(key: str) -> bool:
    """Whether it can't be a word that a model says: servers that want no key are often given one like `lm-studio`."""
    return len(key) >= SHORTEST and any(letter.isdigit() for letter in key)


class Masking:
    """Masks one answer as it goes by. Held back is only what may be the beginning of the key."""

    def __init__(self, key: str) -> None:
        self._key = key.encode() if is_surely_a_key(key) else b""
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """What of it is passed on now."""
        if not self._key:
            return piece
        seen = (self._held + piece).replace(self._key, MASK.encode())
        end = self._begun(seen)
        self._held = seen[end:]
        return seen[:end]

    def finish(self) -> bytes:
        """What is left when no more will come."""
        held, self._held = self._held, b""
        return held

    def _begun(self, seen: bytes) -> int:
        """Where at the end the key may have begun."""
        at = max(len(seen) - len(self._key) + 1, 0)
        while (at := seen.find(self._key[:1], at)) >= 0:
            if self._key.startswith(seen[at:]):
                return at
            at += 1
        return len(seen)


def masked(body: bytes, key: str) -> bytes:
    """A whole answer without the key."""
    masking = Masking(key)
    return masking.feed(body) + masking.finish()
