"""Ports of this machine: whether one is free, and which program has it."""

from __future__ import annotations

import socket
from pathlib import Path

_PROC = Path("/proc")
_LISTENS = "0A"


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Return which process listens at a port, as in `process 812 (python3, in /home/maria/shop)`.

    `another program` if the system does not tell: it tells a user of their own processes alone, and only on Linux.
    """
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    for process in sorted(_PROC.glob("[0-9]*")) if sockets else ():
        try:
            if any(str(file.readlink()) in sockets for file in (process / "fd").iterdir()):
                name = (process / "comm").read_text().strip()
                return f"process {process.name} ({name}, in {(process / 'cwd').readlink()})"
        except OSError:
            continue  # It has ended, or it is another user's.
    return "another program"


def _listening(port: int) -> list[str]:
    """The inodes of sockets that listen at this port."""
    found = []
    for table in ("tcp", "tcp6"):
        try:
            rows = (_PROC / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                found.append(fields[9])
    return found
