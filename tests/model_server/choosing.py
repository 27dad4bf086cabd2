"""Which script is played, with which faults.

A play is written `NAME[,WORD[=VALUE]]...[~RUN]`: the script's name, then faults and their facts. RUN only keeps the
counts of two plays apart that are otherwise equal. It is taken from the newest prompt (`[[play:...]]`), else from the
path (`/s/PLAY/v1/...`), else it is the script that the prompt is about, else the server's default.

    fix                                     plays the script "fix"
    fix,status=429,times=2,retry-after=1    the first two calls are turned away
    fix,drop,after=1                        the second call and all later ones break off
    text,usage=1200.34.56                   what it says it used: input, output, cache read, written, written for long
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from penstock.domain.usage import Tokens

from .faults import Fault, FaultKind

_DIRECTIVE = re.compile(r"\[\[play:([^\]\s]+)\]\]")
_PREFIX = re.compile(r"/s/([^/]+)(/.*)")
_SECONDS = frozenset({FaultKind.DELAY, FaultKind.SLOW})
_USAGE = ("input", "output", "cache_read", "cache_write", "cache_write_long")


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """A script's name, the faults that its calls meet, and what they say they used."""

    text: str
    script: str
    faults: tuple[Fault, ...] = ()
    tokens: Tokens | None = None


def read_play(text: str) -> Play:
    """A play from how it is written; a word that means nothing is an error, so that no test passes by a slip."""
    plain = text.partition("~")[0]
    name, *words = plain.split(",")
    facts = dict(word.partition("=")[::2] for word in words)
    times, after = facts.pop("times", ""), int(facts.pop("after", "0"))
    usage = facts.pop("usage", "")
    headers = {key: facts.pop(key) for key in list(facts) if "-" in key}
    kinds = [FaultKind(key) for key in facts]
    return Play(
        text=text,
        script=name,
        tokens=Tokens(**dict(zip(_USAGE, map(int, usage.split(".")), strict=False))) if usage else None,
        faults=tuple(
            Fault(
                kind=kind,
                times=int(times) if times else None,
                after=after,
                headers=headers,
                status=int(facts[kind]) if kind is FaultKind.STATUS else 500,
                seconds=float(facts[kind]) if kind in _SECONDS else 0.0,
            )
            for kind in kinds
        ),
    )


def split_path(path: str) -> tuple[str, str]:
    """The play that a path begins with (empty for none), and the path without it."""
    found = _PREFIX.fullmatch(path)
    return (found[1], found[2]) if found else ("", path)


def directive_in(prompt: str) -> str:
    """The last play that a prompt names; empty for none."""
    found = _DIRECTIVE.findall(prompt)
    return found[-1] if found else ""
