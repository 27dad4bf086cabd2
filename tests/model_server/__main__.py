"""The scripted models as a program, for trying an agent by hand.

python -m tests.model_server --scripts sandbox_repos/scripts --default python-bug --port-file port
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
from pathlib import Path

from .issuing import Issued
from .scripts import load_scripts
from .server import ScriptedModels


def main() -> None:
    """Serve until a signal says that it is enough; one line of JSON is printed for every answer."""
    words = argparse.ArgumentParser(prog="model_server", description=__doc__.partition("\n")[0])
    words.add_argument("--port", type=int, default=0, help="0 takes a free one")
    words.add_argument("--port-file", type=Path, help="where the port is written")
    words.add_argument("--scripts", type=Path, help="a folder of NAME.json")
    words.add_argument("--default", default="", help="the script that is played where none is named")
    given = words.parse_args()
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # before there is a thread: all of them keep to it
    scripts = load_scripts(given.scripts) if given.scripts else ()
    with ScriptedModels(scripts, default=given.default, port=given.port, keeps_requests=False, told=_print) as models:
        print(models.base_url, flush=True)
        if given.port_file is not None:
            _write(given.port_file, models.base_url.rpartition(":")[2])
        signal.sigwait(signals)


def _print(issued: Issued) -> None:
    print(json.dumps(dataclasses.asdict(issued)), flush=True)


def _write(file: Path, text: str) -> None:
    beside = file.with_name(f".{file.name}.part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(file)


if __name__ == "__main__":
    main()
