"""Makes `.venv` at the repository's top and installs the pinned packages and Penstock itself, editable.

It runs before anything is installed, so it needs the standard library only, and it must never install what is not
pinned by hash. A stamp inside `.venv` says what is there: while nothing changed, a second run does nothing.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PINS = {"runtime": ("requirements.txt", "requirements-build.txt"), "dev": ("requirements-dev.txt",)}
INPUTS = ("pyproject.toml", "src/penstock/__init__.py", *PINS["runtime"], *PINS["dev"])
WORLD_IS_NOT_READY = 3


def say(sentence: str) -> None:
    """Stdout belongs to the command that is run after the set-up."""
    print(f"penstock: {sentence}", file=sys.stderr, flush=True)


def fingerprint(root: Path, version: str) -> str:
    """Changes whenever the same `.venv` would no longer do."""
    digest = hashlib.sha256(f"{root}\n{version}\n".encode())
    for name in INPUTS:
        digest.update(name.encode() + b"\0" + (root / name).read_bytes() + b"\0")
    return digest.hexdigest()


def is_stamped(stamp: Path, kind: str, mark: str) -> bool:
    """The development set holds the runtime set, so its stamp stands for both."""
    try:
        present, present_mark = stamp.read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return False
    return present_mark == mark and present in {kind, "dev"}


def interpreter(venv: Path) -> Path:
    """Where this platform puts a virtual environment's Python."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def version_of(venv: Path) -> str | None:
    """`3.12`, or None where there is no Python with pip that starts."""
    probe = "import sys, importlib.util as u; u.find_spec('pip') or sys.exit(1); print('%d.%d' % sys.version_info[:2])"
    try:
        found = subprocess.run([interpreter(venv), "-I", "-c", probe], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return found.stdout.strip() if found.returncode == 0 else None


def was_moved(venv: Path) -> bool:
    """The programs in a copied or moved environment still start the old place's Python."""
    launcher = venv / "bin" / "pip"
    return launcher.is_file() and os.fsencode(venv) not in launcher.read_bytes()[:1024]


def unfit_because(venv: Path, wanted: str | None) -> str | None:
    """Why `.venv` has to be made anew; None if it can be kept."""
    version = version_of(venv)
    if version is None:
        return "it has no working Python with pip"
    if tuple(map(int, version.split("."))) < (3, 11):
        return f"it has Python {version}"
    if wanted not in {None, version}:
        return f"it has Python {version}, and {wanted} was asked for"
    return "it was made in another place" if was_moved(venv) else None


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Two set-ups of one clone wait for each other. Windows has no such lock and goes without."""
    if os.name == "nt":
        yield
        return
    import fcntl

    folder = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def run(*arguments: str | Path) -> None:
    """Its output goes to stderr, beside what we say."""
    subprocess.run(arguments, check=True, stdout=sys.stderr, cwd=ROOT)


def make(venv: Path, wanted: str | None) -> None:
    """Leaves a `.venv` that can be installed into."""
    if venv.exists():
        reason = unfit_because(venv, wanted)
        if reason is None:
            return
        say(f"making .venv anew: {reason}")
    else:
        say(f"making .venv with Python {sys.version.split()[0]}")
    run(sys.executable, "-m", "venv", "--clear", venv)


def install(venv: Path, kind: str) -> None:
    """Only what is pinned; then Penstock itself, built with the pinned hatchling."""
    quietly = ("--quiet", "--no-input", "--disable-pip-version-check")
    pip = (interpreter(venv), "-m", "pip", "install", "--no-user", *quietly)
    say(f"installing what {' and '.join(PINS[kind])} pin (a minute or two)")
    run(*pip, "--require-hashes", *(f"--requirement={name}" for name in PINS[kind]))
    run(*pip, "--no-deps", "--no-build-isolation", "--no-index", "--editable", ".")


def main(arguments: list[str]) -> int:
    """One word, `dev` or `runtime`; 0, or 3 with a sentence."""
    if len(arguments) != 1 or arguments[0] not in PINS:
        say(f"environment.py takes one word, {' or '.join(PINS)}; it got {shlex.join(arguments) or 'none'}")
        return 2
    kind, venv = arguments[0], ROOT / ".venv"
    stamp = venv / ".penstock-stamp"
    wanted = "{}.{}".format(*sys.version_info[:2]) if os.environ.get("PYTHON") else None
    try:
        with alone(ROOT):
            make(venv, wanted)
            mark = fingerprint(ROOT, version_of(venv) or "none")
            if not is_stamped(stamp, kind, mark):
                stamp.unlink(missing_ok=True)
                install(venv, kind)
                stamp.write_text(f"{kind} {mark}\n", encoding="utf-8")
    except subprocess.CalledProcessError as failure:
        command = shlex.join(map(str, failure.cmd))
        say(f"`{command}` ended with exit code {failure.returncode}; its own words stand above")
        print("hint: if the package index was out of reach, run this again: it goes on where it can", file=sys.stderr)
        return WORLD_IS_NOT_READY
    except OSError as failure:
        say(f"could not set up {venv}: {failure}")
        return WORLD_IS_NOT_READY
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
