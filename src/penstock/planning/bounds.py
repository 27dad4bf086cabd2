"""How much of a text may be shown, and what is said of the rest. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

CHARACTERS_PER_TOKEN = 3.5
"""An estimate: no tokenizer for current models can be had offline."""
SHORTEST = 60


def characters_of(tokens: int) -> int:
    """So many characters are about so many tokens."""
    return int(tokens * CHARACTERS_PER_TOKEN)


def tokens_of(text: str) -> int:
    """About so many tokens a text has."""
    return int(len(text) / CHARACTERS_PER_TOKEN) + 1


def first_lines(lines: Sequence[str], most: int, *, what: str = "lines") -> str:
    """The first lines that fit into so many characters, with a remark in place of those that don't."""
    whole = "\n".join(lines)
    if len(whole) <= most:
        return whole
    kept: list[str] = []
    used = SHORTEST
    for line in lines:
        used += len(line) + 1
        if used > most:
            break
        kept.append(line)
    remark = f"[... {len(lines) - len(kept)} of {len(lines)} {what} are left out here ...]"
    return "\n".join([*kept, remark])[: max(most, 0)]


def shares(sizes: Iterable[int], room: int) -> list[int]:
    """How much each text may take so that all fit into a room: what short ones leave goes to the long ones."""
    wanted = list(sizes)
    given = [0] * len(wanted)
    for left, place in zip(range(len(wanted), 0, -1), sorted(range(len(wanted)), key=wanted.__getitem__), strict=True):
        given[place] = min(wanted[place], max(room, 0) // left)
        room -= given[place]
    return given


def path_shown(path: str) -> str:
    """A path as it can stand on a line of its own, whatever its name holds."""
    return path if path.isprintable() else ascii(path)
