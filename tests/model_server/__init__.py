"""A scripted model server: what agents, the gateway and benchmarks are tried against, with no key and no network.

It speaks Anthropic Messages, OpenAI Chat Completions and OpenAI Responses on loopback. What it answers is a script
(data, see `scripts`), what goes wrong on the way is a fault (see `faults`), and it keeps the tokens of every answer.
"""

from .choosing import Play, read_play
from .faults import Fault, FaultKind
from .issuing import Issued, Seen, summed
from .operations import Call, Edit, Read, Say, Shell, Write
from .scripts import Round, Script, ScriptInvalid, read_script
from .server import ScriptedModels

__all__ = [
    "Call",
    "Edit",
    "Fault",
    "FaultKind",
    "Issued",
    "Play",
    "Read",
    "Round",
    "Say",
    "Script",
    "ScriptInvalid",
    "ScriptedModels",
    "Seen",
    "Shell",
    "Write",
    "read_play",
    "read_script",
    "summed",
]
