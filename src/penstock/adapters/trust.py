"""What of each project the user has trusted to run: one small file per project, readable by its owner only.

A file that can't be read counts as no trust.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from penstock.domain.errors import Bug

NOTHING_TO_RUN = "{}"
_PROJECT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What was trusted, and when."""

    hash: str
    text: str
    at: datetime


def trust_hash(text: str) -> str:
    """What names everything that a project would run."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustStore:
    """Keeps the user's trust under the folder of Penstock's state."""

    home: Path

    def is_trusted(self, project: str, text: str) -> bool:
        """Whether exactly this may run. A project that brings nothing to run needs no trust."""
        known = self.trusted(project)
        return text == NOTHING_TO_RUN or (known is not None and known.hash == trust_hash(text))

    def is_known(self, project: str) -> bool:
        """Whether the user has ever trusted the project."""
        return self.trusted(project) is not None

    def trusted(self, project: str) -> Trust | None:
        """What was trusted last, None where nothing was or where the record is damaged."""
        try:
            record = json.loads(self._file(project).read_text(encoding="utf-8"))
            trust = Trust(hash=record["hash"], text=record["text"], at=datetime.fromisoformat(record["at"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return trust if trust.hash == trust_hash(trust.text) else None

    def record(self, project: str, text: str, at: datetime) -> None:
        """Trust exactly this from now on."""
        stored = {"project": project, "hash": trust_hash(text), "at": at.astimezone(UTC).isoformat(), "text": text}
        target = self._file(project)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".trust-")  # mkstemp makes it 0600
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(stored, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    def difference(self, project: str, text: str) -> str:
        """What would run now and was not trusted yet, for people; empty where there is no difference."""
        known = self.trusted(project)
        before = "" if known is None else known.text
        lines = difflib.unified_diff(before.splitlines(), text.splitlines(), "trusted", "asked for", lineterm="", n=1)
        return "\n".join(lines)

    def _file(self, project: str) -> Path:
        if not _PROJECT_ID.fullmatch(project):
            raise Bug(f"{project!r} can't be the id of a project")
        return self.home / "trust" / f"{project}.json"
