"""The whole environment of a child process, made from ours by an explicit list that holds no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TAKEN = ("HOME", "USER", "LOGNAME", "TZ")
_FIXED = {
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TERM": "dumb",
    "CI": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "GIT_TERMINAL_PROMPT": "0",
}
_ACTIVATED = ("VIRTUAL_ENV", "CONDA_PREFIX")
_FALL_BACK_PATH = "/usr/local/bin:/usr/bin:/bin"


def child_environment(
    environ: Mapping[str, str],
    *,
    temporary: str,
    extra: Mapping[str, str] | None = None,
    programs: Sequence[str] = (),
) -> dict[str, str]:
    """What a tool, a check or an agent sees: its own temporary folder, no activated environment, no secret of ours.

    `programs` are folders that stand first on PATH.
    """
    taken = {name: environ[name] for name in _TAKEN if environ.get(name)}
    path = ":".join((*programs, _path(environ)))
    return {"PATH": path, **taken, **_FIXED, "TMPDIR": temporary, **(extra or {})}


def _path(environ: Mapping[str, str]) -> str:
    # A relative entry would let the tree that is judged bring the program that judges it.
    activated = tuple(environ[name].rstrip("/") + "/" for name in _ACTIVATED if environ.get(name, "").startswith("/"))
    folders = [folder for folder in environ.get("PATH", "").split(":") if folder.startswith("/")]
    kept = [folder for folder in folders if not (folder.rstrip("/") + "/").startswith(activated)]
    return ":".join(dict.fromkeys(kept)) or _FALL_BACK_PATH
