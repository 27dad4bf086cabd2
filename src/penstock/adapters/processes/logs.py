"""The texts that a process has left: read without secrets, and the files themselves freed of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def settle_log(path: Path, redact: Callable[[str], str]) -> str:
    """The log's text without secrets; the file is replaced where it held any. A log that is not there is empty."""
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    clean = redact(text)
    if clean != text:
        fresh = path.with_name(path.name + ".clean")
        fresh.write_bytes(clean.encode("utf-8", "replace"))
        fresh.chmod(0o600)
        fresh.replace(path)
    return clean
