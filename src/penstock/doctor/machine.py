"""What `doctor` asks of the machine."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from penstock.config.sections import ExecutorSettings, ProjectSettings
from penstock.doctor.findings import Finding, Level, Patient

OLDEST_GIT = (2, 38)
OLDEST_PYTHON = (3, 11)
MEMORY_FLOOR_MB = 512


def look_at_python(_patient: Patient) -> Iterator[Finding]:
    version = platform.python_version()
    if sys.version_info >= OLDEST_PYTHON:
        yield Finding(name="python", level="ok", sentence=f"{version} at {sys.executable}")
    else:
        yield Finding(
            name="python", level="fail", sentence=f"{version}; 3.11 or later is needed", remedy="update Python"
        )


_PROMISES = {
    "Linux": "",
    "Darwin": "macOS is not tested; a child that leaves its group and clears its environment may outlive its agent",
    "Windows": "agents and checks run in WSL only; here the commands about plans and settings work",
}


def look_at_platform(_patient: Patient) -> Iterator[Finding]:
    system = platform.system()
    weaker = _PROMISES.get(system, f"{system} is not tested")
    level: Level = "warn" if weaker else "ok"
    yield Finding(name="platform", level=level, sentence=f"{system}: {weaker}" if weaker else f"{system}: tested")


def look_at_git(patient: Patient) -> Iterator[Finding]:
    path = shutil.which("git", path=patient.environ.get("PATH"))
    if path is None:
        yield Finding(name="git", level="fail", sentence="not found on PATH", remedy="install git 2.38 or later")
        return
    said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout.strip()
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < OLDEST_GIT:
        sentence = f"{said or 'no answer'}; 2.38 or later is needed to merge"
        yield Finding(name="git", level="fail", sentence=sentence, remedy="update git")
    else:
        yield Finding(name="git", level="ok", sentence=f"{said} at {path}")


def look_at_home(patient: Patient) -> Iterator[Finding]:
    home = patient.home
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        remedy = "make it writable, or set PENSTOCK_HOME to a folder that is"
        yield Finding(name="state folder", level="fail", sentence=f"{home} can't be written: {error}", remedy=remedy)
        return
    free, floor = shutil.disk_usage(home).free / 2**30, ExecutorSettings().min_free_gb
    sentence = f"{home} can be written; {free:.1f} GB are free"
    if free >= floor:
        yield Finding(name="state folder", level="ok", sentence=sentence)
    else:
        remedy = f"free some space: nothing is started below {floor:g} GB"
        yield Finding(name="state folder", level="warn", sentence=sentence, remedy=remedy)


def look_at_memory(_patient: Patient) -> Iterator[Finding]:
    import psutil  # noqa: PLC0415 - a broken psutil is a finding

    free = psutil.virtual_memory().available // 2**20
    sentence = f"{free} MB are free"
    if free >= MEMORY_FLOOR_MB:
        yield Finding(name="memory", level="ok", sentence=sentence)
    else:
        remedy = f"close something: nothing is started below {MEMORY_FLOOR_MB} MB"
        yield Finding(name="memory", level="warn", sentence=sentence, remedy=remedy)


def look_at_confinement(patient: Patient) -> Iterator[Finding]:
    built = patient.build()
    confine, fault = built.projects.settings_here().node(ProjectSettings).confine, built.parts.confinement_fault
    if not fault and confine != "off":
        sentence = f"tried: agents and checks can write only where they work (confine = {confine})"
        yield Finding(name="confinement", level="ok", sentence=sentence)
        return
    level: Level = "fail" if confine == "required" else "warn"
    why = f"confine = {confine}; {fault or 'this machine could confine them'}"
    remedy = "install the package bubblewrap, and let ordinary users make namespaces" if fault else "set confine = auto"
    sentence = f"agents and checks are not confined and can reach what you can: {why}"
    yield Finding(name="confinement", level=level, sentence=sentence, remedy=remedy)
