"""Governed apply: a deliverable becomes a tree in an index of ours, which is judged; only then files are written.

A hunk must fit at the very line that it names: git would look for another place, and say so only when asked. What was
written is read back; if it is not the judged tree, or anything fails on the way, the worktree is as it was before.
After a kill it is the next `prepare` that brings it to a known tree.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from penstock.adapters.git import folders
from penstock.adapters.git.exchange import Exchange, in_the_way
from penstock.adapters.git.filling import new_index
from penstock.adapters.git.objects import contents, described, sizes
from penstock.adapters.git.runner import Answer, Call, GitFailed, View
from penstock.adapters.git.sweeping import copy_with_time
from penstock.adapters.git.writing import write_object
from penstock.domain import scope
from penstock.domain.changes import ABSENT, REGULAR, Violation
from penstock.domain.deliverable import ApplyRules, Deliverable, FileSet, Patch, faults_of, faults_of_changes
from penstock.domain.deliverable import faults_of_sizes as too_large
from penstock.domain.errors import Bug
from penstock.domain.patch_text import offset_hunks
from penstock.domain.placeholders import content_faults
from penstock.ports.applying import Applied, DeliverableRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from penstock.adapters.git.capture import Capturer, Taken
    from penstock.adapters.git.desks import Desk, Desks
    from penstock.adapters.git.objects import Difference
    from penstock.adapters.git.own import OwnRepository
    from penstock.ports import Place

NO_COMMIT = "0" * 40
Entries: TypeAlias = "Mapping[str, tuple[str, str]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """A worktree while something is applied to it: its place, its present tree, and an index that holds it."""

    place: Place
    desk: Desk
    view: View
    tree: str
    paths: frozenset[str]


class Applier:
    """Applies deliverables to the worktrees of one project."""

    def __init__(self, own: OwnRepository, desks: Desks, capturer: Capturer) -> None:
        self._own, self._git, self._settings = own, own.git, own.settings
        self._desks, self._capturer = desks, capturer

    def apply(self, worktree: Path, deliverable: Deliverable, rules: ApplyRules) -> Applied:
        """See `Applying`."""
        _refuse(faults_of(deliverable, rules))
        found = self._desks.at(worktree)
        if found is None or not folders.is_folder(worktree):
            raise Bug(f"something was to be applied in {worktree}, which is no worktree that was prepared")
        self._own.integrity.check()
        with self._bench(*found, rules) as bench:
            tree = self._made(bench, deliverable)
            differences = self._own.commits.trees.differences(bench.tree, tree)
            self._judge(bench, differences, rules)
            paths = tuple(one.change.path for one in differences)
            if paths:
                self._write(bench, tree, differences, rules)
            return Applied(tree=tree, paths=paths)

    @contextmanager
    def _bench(self, place: Place, desk: Desk, rules: ApplyRules) -> Iterator[_Bench]:
        taken = self._taken(place, desk, rules)
        try:
            yield _Bench(
                place=place,
                desk=desk,
                view=taken.view,
                tree=self._git.run("write-tree", call=Call(view=taken.view)).text,
                paths=frozenset(self._git.run("ls-files", "-z", call=Call(view=taken.view)).fields),
            )
        finally:
            folders.remove(taken.view.index)

    def _taken(self, place: Place, desk: Desk, rules: ApplyRules) -> Taken:
        """What the worktree holds now, as a capture would take it."""
        found = folders.survey(self._settings.worktree(place))
        return self._capturer.take(place, desk, found, desk.commit or desk.start, rules.scope.patterns)

    # the tree

    def _made(self, bench: _Bench, deliverable: Deliverable) -> str:
        """The tree with the deliverable in it; no file is touched."""
        name = f"{bench.place.run}-{bench.place.workstream}-apply"
        view = View(worktree=bench.view.worktree, index=new_index(self._settings, name))
        copy_with_time(bench.view.index, view.index)
        try:
            match deliverable:
                case Patch(text=text):
                    self._patched(view, text)
                case FileSet():
                    self._with_files(bench, view, deliverable)
            return self._git.run("write-tree", call=Call(view=view)).text
        finally:
            folders.remove(view.index)

    def _patched(self, view: View, text: bytes) -> None:
        options = ("--cached", "--verbose", "--whitespace=nowarn", "-p1", "-")
        answer = self._asked(view, "apply", *options, stdin=text)
        _refuse([Violation(path="", rule=words) for words in offset_hunks(answer.said)])

    def _with_files(self, bench: _Bench, view: View, deliverable: FileSet) -> None:
        entries = self._entries(view)
        lines = []
        for file in deliverable.files:
            present = entries.get(file.path)
            if file.content is None and present is None:
                _refuse([Violation(path=file.path, rule="to be deleted, and is not there")])
            if file.content is None:
                lines.append(f"0 {NO_COMMIT[:1] * len(bench.tree)}\t{file.path}")
            else:
                mode = present[0] if present is not None else REGULAR
                lines.append(f"{mode} {self._stored(file.content, bench)}\t{file.path}")
        stdin = b"".join(os.fsencode(line) + b"\0" for line in lines)
        self._asked(view, "update-index", "-z", "--index-info", stdin=stdin)

    def _entries(self, view: View) -> Entries:
        """Mode and hash of each file in an index."""
        staged = self._git.run("ls-files", "--stage", "-z", call=Call(view=view)).fields
        parted = (entry.partition("\t") for entry in staged)
        return {path: (facts.split(" ")[0], facts.split(" ")[1]) for facts, _, path in parted}

    def _stored(self, content: bytes, bench: _Bench) -> str:
        if len(bench.tree) == len(NO_COMMIT):
            return write_object(self._settings, b"blob", content)
        return self._git.run("hash-object", "-w", "--stdin", call=Call(stdin=content)).text

    def _asked(self, view: View, *arguments: str, stdin: bytes) -> Answer:
        try:
            return self._git.run(*arguments, call=Call(view=view, stdin=stdin))
        except GitFailed as failed:
            words = [line.removeprefix("error: ") for line in failed.said.splitlines() if line.startswith("error: ")]
            raise DeliverableRefused(
                [Violation(path="", rule=f"git refuses it: {word}") for word in words[:5] or [failed.said]]
            ) from failed

    # the judgement

    def _judge(self, bench: _Bench, differences: Sequence[Difference], rules: ApplyRules) -> None:
        changes = described(self._git, differences)
        _refuse([*faults_of_changes(changes, rules), *scope.judge(changes, rules.scope, bench.paths, rules.protected)])
        self._judge_contents(differences, rules)
        _refuse([*in_the_way(bench.view.worktree, differences)])

    def _judge_contents(self, differences: Sequence[Difference], rules: ApplyRules) -> None:
        written = [one for one in differences if not one.change.is_deleted]
        replaced = [one.old for one in written if one.change.old_mode != ABSENT]
        told = sizes(self._git, [*(one.new for one in written), *replaced])
        _refuse(too_large([(one.change.path, told[one.new]) for one in written], rules))
        small = [name for name in dict.fromkeys([*(one.new for one in written), *replaced]) if _is_read(told[name])]
        texts = contents(self._git, small, b"blob")
        _refuse(
            [
                Violation(path=one.change.path, rule=words)
                for one in written
                for words in content_faults(
                    one.change.path,
                    texts.get(one.new, b""),
                    None if one.change.old_mode == ABSENT else texts.get(one.old, b""),
                    allow_binary=rules.allow_binary,
                )
            ]
        )

    # the files

    def _write(self, bench: _Bench, tree: str, differences: Sequence[Difference], rules: ApplyRules) -> None:
        """Bring the files from the present tree to the judged one, and look whether they are it."""
        exchange = Exchange(self._git, bench.view, bench.tree, differences)
        try:
            exchange.make(tree)
            written = self._tree_now(bench, rules)
        except BaseException:
            exchange.take_back()
            raise
        if written != tree:
            exchange.take_back()
            rule = "git reads the written files as other content than was judged (line ends, say, or attributes)"
            raise DeliverableRefused([Violation(path="", rule=rule)])

    def _tree_now(self, bench: _Bench, rules: ApplyRules) -> str:
        taken = self._taken(bench.place, bench.desk, rules)
        try:
            return self._git.run("write-tree", call=Call(view=taken.view)).text
        finally:
            folders.remove(taken.view.index)


def _is_read(size: int) -> bool:
    """A file that was larger than any that may be written is not read to be compared with."""
    return size <= 64 << 20


def _refuse(violations: Sequence[Violation]) -> None:
    if violations:
        raise DeliverableRefused(violations)
