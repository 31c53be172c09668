"""A process of ours and its children, seen from outside: when it says that it is ready, memory, processor time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Process:
    """A started command. `ready_seconds` is the time from its start to the line that says so."""

    child: subprocess.Popen[str]
    ready_seconds: float
    line: str

    @classmethod
    def start(
        cls,
        arguments: list[str],
        *,
        ready: str,
        environment: dict[str, str],
        log: IO[str] | None = None,
        timeout: float = 200,
    ) -> Self:
        """Start `python -m framework ...` and wait for a line that holds `ready`."""
        began = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, "-m", "framework", *arguments],
            stdout=subprocess.PIPE,
            stderr=log or subprocess.DEVNULL,
            text=True,
            env={**os.environ, **environment},
        )
        assert child.stdout is not None
        for line in child.stdout:
            if ready in line:
                return cls(child, time.perf_counter() - began, line)
            if time.perf_counter() - began > timeout:
                break
        cls(child, 0.0, "").kill()
        raise RuntimeError(f"{arguments} did not say {ready!r} in {timeout:.0f} s")

    @classmethod
    def launch(cls, arguments: list[str], *, environment: dict[str, str], log: IO[str]) -> Self:
        """Start `python -m framework ...` and wait for nothing; all that it says goes to the log."""
        command = [sys.executable, "-m", "framework", *arguments]
        child = subprocess.Popen(command, stdout=log, stderr=log, text=True, env={**os.environ, **environment})
        return cls(child, 0.0, "")

    def tree(self) -> list[int]:
        """Its own pid and those of its children's children."""
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents[int(stat.parent.name)] = int(fields[1])
        found = [self.child.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found

    def memory_mb(self, pid: int) -> float:
        """Resident memory in MB."""
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 1e6

    def cpu_seconds(self) -> float:
        """Processor time that the whole tree has used."""
        total = 0
        for pid in self.tree():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def stop(self, number: signal.Signals = signal.SIGINT) -> float:
        """Send a signal and wait for the end; returns the seconds that it took."""
        began = time.perf_counter()
        self.child.send_signal(number)
        self.child.wait(timeout=60)
        if self.child.stdout is not None:
            self.child.stdout.close()
        return time.perf_counter() - began

    def kill(self) -> None:
        """End it as a crash would, unless it has ended."""
        if self.child.poll() is None:
            self.stop(signal.SIGKILL)
