"""Processes of this project as an operator runs them, to be frozen, killed and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
_OURS = ("STREAM_", "OPENAI_", "FRAMEWORK_", "DATABASE_URL", "ANTHROPIC_")


class Program:
    """`python -m framework ARGUMENTS`, again and again with one log. It is ready once it says `ready` on its output."""

    def __init__(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str], folder: Path, *, ready: str
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.output = folder / f"{name}.out"
        self._command = [sys.executable, "-m", "framework", *arguments]
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(_OURS)}
        self._environment = {**inherited, "PYTHONPATH": str(ROOT), **environment}
        self._folder = folder
        self._ready = ready
        self._child: subprocess.Popen[bytes] | None = None
        self.frozen = False

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        assert self._child is not None
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Start it, and do not wait."""
        assert not self.running, self.name
        with self.output.open("wb") as out, self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self._command, stdout=out, stderr=log, env=self._environment, cwd=self._folder, stdin=subprocess.DEVNULL
            )
        self.frozen = False

    async def until_ready(self, seconds: float = 200) -> str:
        """The line that says so. Raises RuntimeError where it ends, or takes too long."""
        deadline = time.monotonic() + seconds
        while True:
            line = next((line for line in _lines(self.output) if self._ready in line), None)
            if line is not None:
                return line
            if not self.running or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} is not ready:\n{''.join(_lines(self.log))[-3000:]}")
            await asyncio.sleep(0.05)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._child is not None
        self._child.send_signal(number)
        if number in {signal.SIGSTOP, signal.SIGCONT}:
            self.frozen = number == signal.SIGSTOP

    async def end(self, number: signal.Signals = signal.SIGKILL, seconds: float = 30) -> int:
        """Send it a signal and wait for its end; what takes longer than so many seconds is killed. The exit status."""
        if self._child is None:
            return 0
        if self._child.poll() is None:
            self._child.send_signal(number)
        try:
            return await asyncio.to_thread(self._child.wait, seconds)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return await asyncio.to_thread(self._child.wait)

    def kill(self) -> None:
        """End it as a crash would, unless it has ended."""
        if self._child is not None and self._child.poll() is None:
            self._child.kill()
            self._child.wait()


class Sandbox(Program):
    """A sandbox on a fixed port and a file, which outlives its crashes."""

    KEY, SECRET = "chaos-key", "chaos-secret-of-more-than-thirty-two-characters"

    def __init__(self, folder: Path, *, rate_limits: bool = False, data: str | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        arguments = ["sandbox", "--port", str(self.port), "--data", data or str(folder / "sandbox.sqlite")]
        arguments += ["--api-key", self.KEY, "--api-secret", self.SECRET, *(["--rate-limits"] if rate_limits else [])]
        super().__init__("sandbox", arguments, {"FRAMEWORK_DATA": str(folder)}, folder, ready="sandbox ready")


class Replica(Program):
    """A process that runs a bot. `webhook`: the port where it takes webhooks in, if it does."""

    def __init__(
        self,
        name: str,
        bot: Path,
        folder: Path,
        *,
        sandbox: Sandbox,
        model: str,
        database: str,
        ingress: str = "websocket",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.webhook = free_port() if ingress != "websocket" else None
        data = folder / name
        data.mkdir()
        variables = {
            "STREAM_API_KEY": sandbox.KEY,
            "STREAM_API_SECRET": sandbox.SECRET,
            "STREAM_BASE_URL": sandbox.url,
            "OPENAI_API_KEY": f"key-of-{name}",
            "OPENAI_BASE_URL": f"{model}/v1",
            "OPENAI_MODEL": "scripted-1",
            "DATABASE_URL": database,
            "FRAMEWORK_DATA": str(data),
            "FRAMEWORK_LOG_FORMAT": "json",
            "FRAMEWORK_INGRESS": ingress,
            **({"FRAMEWORK_WEBHOOK": f"127.0.0.1:{self.webhook}"} if self.webhook else {}),
            **(environment or {}),
        }
        super().__init__(name, ["run", str(bot)], variables, folder, ready=" ready (")


def memory_mb(pid: int) -> float:
    """Resident memory of a process in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _lines(path: Path) -> list[str]:
    if not path.exists():
        return []
    handle: IO[str]
    with path.open(encoding="utf-8", errors="replace") as handle:
        return handle.readlines()
