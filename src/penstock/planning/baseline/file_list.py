"""The list of a project's files in few words: a line per folder, and numbers for what nobody reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from penstock.domain.changes import SUBMODULE, SYMLINK
from penstock.planning.bounds import first_lines, path_shown
from penstock.planning.file_kinds import FileKind, kind_of
from penstock.ports import Listed

TOP = "./"


def file_list(files: Sequence[Listed], near: Collection[str], most: int) -> tuple[str, int]:
    """The list within so many characters, and how many files of it stand only as a number.

    Where it is too long, the folders in which no file of `near` lies are folded, the longest first.
    """
    plain = [one.path for one in files if _is_told(one)]
    remark = _left_out(files)
    folders: dict[str, list[str]] = {}
    for path in sorted(plain):
        folder, _, name = path.rpartition("/")
        folders.setdefault(f"{folder}/" if folder else TOP, []).append(name)
    room = most - len(remark) - 1
    lines, folded = _folded(folders, {_folder_of(path) for path in near}, room)
    text = first_lines(list(lines.values()), room, what="folders")
    hidden = sum(len(folders[folder]) for folder in folded)
    return "\n".join(part for part in (text, remark) if part), hidden


def _folder_of(path: str) -> str:
    folder = path.rpartition("/")[0]
    return f"{folder}/" if folder else TOP


def _is_told(one: Listed) -> bool:
    return one.mode not in {SYMLINK, SUBMODULE} and kind_of(one.path) is FileKind.SOURCE


def _left_out(files: Sequence[Listed]) -> str:
    counts = Counter(
        "link" if one.mode == SYMLINK else "submodule" if one.mode == SUBMODULE else kind_of(one.path).value
        for one in files
        if not _is_told(one)
    )
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    return f"[not listed: {told}]" if told else ""


def _folded(folders: Mapping[str, list[str]], near: Collection[str], room: int) -> tuple[dict[str, str], set[str]]:
    """A line per folder, short ones in place of as many as must be; where that is too much, one per folder above."""
    whole = {folder: f"{path_shown(folder)} {' '.join(map(_shown, names))}" for folder, names in folders.items()}
    lines = dict(whole)
    size = sum(len(line) + 1 for line in lines.values())
    folded: set[str] = set()
    for folder in sorted(lines, key=lambda name: (name in near, -len(lines[name]), name)):
        if size <= room:
            return lines, folded
        short = f"{path_shown(folder)} ({_counted(folders[folder])})"
        if len(short) < len(lines[folder]):
            size -= len(lines[folder]) - len(short)
            lines[folder] = short
            folded.add(folder)
    if size <= room:
        return lines, folded
    kept = {folder: line for folder, line in whole.items() if folder in near}
    return _gathered(kept, folders, room), set(folders) - set(kept)


def _gathered(kept: Mapping[str, str], folders: Mapping[str, list[str]], room: int) -> dict[str, str]:
    """Some folders as they are, all others gathered below the top ones: as deep as there is room."""
    gathered: dict[str, str] = {}
    for depth in (3, 2, 1):
        tops: dict[str, list[str]] = {}
        for folder, names in folders.items():
            if folder not in kept:
                tops.setdefault("/".join(folder.split("/")[:depth]).rstrip("/") + "/", []).extend(names)
        counted = {f"all of {top}": f"{path_shown(top)} ({_counted(names)} in all)" for top, names in tops.items()}
        gathered = {**counted, **kept}
        if sum(len(line) + 1 for line in gathered.values()) <= room:
            break
    return gathered


def _shown(name: str) -> str:
    return name if name.isprintable() and " " not in name else ascii(name)


def _counted(names: Sequence[str]) -> str:
    kinds = Counter(name.rpartition(".")[2] if "." in name[1:] else "other" for name in names)
    common = sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
    told = ", ".join(f"{count} {_shown(kind[:20])}" for kind, count in common)
    return f"{len(names)} files: {told}" + (", …" if len(kinds) > len(common) else "")
