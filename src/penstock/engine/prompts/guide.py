"""What a project itself says to agents, as it stands in a commit."""

from __future__ import annotations

from penstock.ports import History

GUIDES = ("AGENTS.md", "CLAUDE.md")
LARGEST = 64 * 1024
"""Bytes of one such file; a prompt shows far less of it."""


async def read_guide(history: History, commit: str) -> str:
    """The text of a project's own files for agents; what two of them have in common only once."""
    contents = [await history.read(commit, name) for name in GUIDES]
    texts = [_text(content) for content in contents if content]
    return "\n\n".join(dict.fromkeys(text for text in texts if text))


def _text(content: bytes) -> str:
    text = content[:LARGEST].decode("utf-8", "replace").strip()
    more = len(content) - LARGEST
    return text if more <= 0 else f"{text}\n[... {more} bytes more are left out here ...]"
