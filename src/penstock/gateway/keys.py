"""The keys of providers: where each is found, and the only values that hold one. Nothing that prints shows them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from penstock.domain.errors import WorldError
from penstock.domain.redaction import MASK

Keyring = Callable[[str, str], str | None]
"""The password that is kept under a service and a user."""


class KeyMissing(WorldError):
    """A provider's key is not where the settings say."""


class ProviderKey:
    """A provider's key. It is shown to nobody by accident: what prints it prints a mask."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return MASK if self._value else "no key"

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("a key is never stored")

    def __bool__(self) -> bool:
        return bool(self._value)

    def reveal(self) -> str:
        """The key itself, for the request that carries it and for the redactor."""
        return self._value


def read_keyring(service: str, user: str) -> str | None:
    """Ask the system's keyring; the package is an optional part of the installation."""
    try:
        keyring: Any = importlib.import_module("keyring")
    except ImportError:
        raise KeyMissing(
            "a key is kept in the keyring, but the package for it is not installed",
            hint="install it with `pip install 'penstock[keyring]'`, or name a variable: key = \"env:NAME\"",
        ) from None
    try:
        found: str | None = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise KeyMissing(
            f"the keyring did not give the key of {service}/{user}: {type(error).__name__}",
            hint='unlock it, or name a variable: key = "env:NAME"',
        ) from error
    return found


class ProviderKeys:
    """Finds keys where the settings say, each once. `environ` is what the user has set, never what a project brings."""

    def __init__(self, environ: Mapping[str, str], *, keyring: Keyring = read_keyring) -> None:
        self._environ = environ
        self._keyring = keyring
        self._found: dict[str, ProviderKey] = {}

    def __repr__(self) -> str:
        return f"ProviderKeys({len(self._found)} found)"

    def find(self, source: str) -> ProviderKey:
        """The key of a source; an empty one for an upstream that wants none; KeyMissing with what to do."""
        if source not in self._found:
            value = self._look(source).strip()
            if any(not 0x21 <= ord(letter) <= 0x7E for letter in value):
                raise KeyMissing(f"the key of {source} holds blanks or letters that no key has", hint="copy it anew")
            self._found[source] = ProviderKey(value)
        return self._found[source]

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every key found so far, for the redactor."""
        return tuple(key.reveal() for key in self._found.values() if key)

    def _look(self, source: str) -> str:
        kind, _, place = source.partition(":")
        if not source:
            return ""
        if kind == "env":
            for name in place.split(","):
                if value := self._environ.get(name):
                    return value
            raise KeyMissing(f"no key: {place.replace(',', ' or ')} is not set", hint="set it in your environment")
        service, _, user = place.partition("/")
        if value := self._keyring(service, user):
            return value
        raise KeyMissing(
            f"no key: the keyring holds none for {service}/{user}",
            hint=f"store it with `keyring set {service} {user}`",
        )
