"""Whole runs for tests of environments: a project with a set-up, its user's own surroundings, and what came of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from whole_runs import Ended, whole_run

COMMON = "[executor]\nmin_free_gb = 0.0\n[limits]\nagent_timeout = 60.0\ncheck_timeout = 60.0\nsetup_timeout = 60.0\n"
BACKEND = """
import zipfile

def _wheel(folder, files):
    about = {"pack-1.dist-info/METADATA": "Metadata-Version: 2.1\\nName: pack\\nVersion: 1\\n",
             "pack-1.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"}
    name = "pack-1-py3-none-any.whl"
    with zipfile.ZipFile(folder + "/" + name, "w") as wheel:
        for path, text in {**files, **about, "pack-1.dist-info/RECORD": ""}.items():
            wheel.writestr(path, text)
    return name

def build_editable(folder, config_settings=None, metadata_directory=None):
    import os
    return _wheel(folder, {"pack.pth": os.path.join(os.getcwd(), "src") + "\\n"})

def build_wheel(folder, config_settings=None, metadata_directory=None):
    return _wheel(folder, {"pack/__init__.py": open("src/pack/__init__.py").read()})
"""
"""A build backend that needs nothing of the network: what it makes of an editable install is one path file."""
PYTHON_PROJECT = {
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    '[project]\nname = "pack"\nversion = "1"\n',
    "backend.py": BACKEND,
    "src/pack/__init__.py": "VALUE = 1\n",
}


def virtual_environment(folder: Path, **files: str) -> Path:
    """A virtual environment as a user has one, with files put into its packages."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for name, content in files.items():
        (packages / name.replace("__", ".")).write_text(content)
    return folder


def run(project: Path, home: Path, run_id: str = "one", *, resume: bool = False, **environ: str) -> Ended:
    """A whole run under the usual name."""
    return whole_run(project, home, run_id, resume=resume, **environ)


def states(ended: Ended) -> Mapping[str, str]:
    """The state of each workstream."""
    return {one["ws_id"]: one["status"] for one in ended.run["workstreams"]}


def agents_begun(ended: Ended) -> int:
    """How often an agent's process was started."""
    return len(list(ended.home.glob("projects/*/runs/*/*/edit-*/request.json")))


def environments(home: Path) -> list[Path]:
    """The environments that are whole."""
    return sorted(path.with_suffix("") for path in home.glob("projects/*/environments/*/*.json"))
