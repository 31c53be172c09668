"""A lock that dies with its process: how others on the same machine know at once that a replica is gone."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path


class FileLock:
    """A lock file beside the database. The system lets go of it when the process ends, however it ends."""

    def __init__(self, database: Path, name: str) -> None:
        self._path = database.with_name(f"{database.name}-replica-{name}")
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Hold it. False: another process does."""
        while True:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            if not _lock(descriptor):
                os.close(descriptor)
                return False
            if self._is_current(descriptor):
                self._descriptor = descriptor
                return True
            os.close(descriptor)  # somebody removed the file in between

    def release(self) -> None:
        """Let go, and remove the file. Safe to call twice."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            with suppress(OSError):  # Windows removes no open file: an empty one stays
                self._path.unlink(missing_ok=True)
            os.close(descriptor)

    def is_held(self) -> bool:
        """Whether any process holds it. One that nobody holds is removed."""
        if not self._path.exists():
            return False
        if self.take():
            self.release()
            return False
        return True

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False


if sys.platform == "win32":  # pragma: no cover

    def _lock(descriptor: int) -> bool:
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:

    def _lock(descriptor: int) -> bool:
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
