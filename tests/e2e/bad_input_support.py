"""A bench for bad input: one project, commands in this process, and what every refusal must be like."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from two_process_support import SETTINGS, Desk, bundle, writes
from whole_runs import changed, fingerprint

from command_support import Said, performed

GOOD = bundle("ws-a", [writes("ws-a")])
UNCHECKED = "[executor]\nmin_free_gb = 0.0\n"


class Bench:
    """A user who does everything wrong."""

    def __init__(self, folder: Path, *bundles: Mapping[str, object], settings: str = SETTINGS) -> None:
        self.desk = Desk(folder, *map(dict, bundles or (GOOD,)), settings=settings)
        self.project, self.home = self.desk.project, self.desk.home
        self.database = self.home / "penstock.db"

    def said(self, *arguments: str, **environ: str) -> Said:
        """Do something, to its end."""
        said = performed(*arguments, environ={**self.desk.environ, **environ}, folder=self.project)
        assert "Traceback" not in said.out + said.err, said.err
        return said

    def refused(self, *arguments: str, code: int = 2, **environ: str) -> str:
        """Do something that is refused with one sentence and one hint and changes nothing; what was said."""
        files, runs = fingerprint(self.project), self.runs()
        said = self.said(*arguments, **environ)
        assert said.code == code, said
        assert said.out == ""
        assert said.err.startswith("error: ")
        assert said.err.count("\nhint: ") == 1, said.err
        assert "bug" not in said.err
        assert changed(files, fingerprint(self.project)) == set()
        assert self.runs() == runs
        return said.err

    def runs(self) -> list[str]:
        """The runs that are stored, read past Penstock."""
        if not self.database.is_file():
            return []
        try:
            with closing(sqlite3.connect(f"{self.database.as_uri()}?mode=rw", uri=True)) as connection:
                return [str(name) for (name,) in connection.execute("SELECT run_id FROM runs ORDER BY run_id")]
        except sqlite3.Error:
            return []

    def write(self, files: Mapping[str, object]) -> None:
        """Put these files, and no others, where the bundles are; what is no text is written as JSON."""
        folder = self.project / "workstreams"
        shutil.rmtree(folder)
        folder.mkdir()
        for name, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content, indent=1)
            (folder / name).write_text(text)

    def git(self, *arguments: str) -> None:
        """What the user does by hand."""
        command = ["git", "-c", "protocol.file.allow=always", *arguments]
        subprocess.run(command, cwd=self.project, env=self.desk.environ, check=True, capture_output=True)

    def settle(self, settings: str) -> None:
        """Commit other settings."""
        (self.project / "penstock.toml").write_text(settings)
        self.git("commit", "--all", "--quiet", "--message=settings")
