"""The bytes of uploaded files: on disk beside the data file, or in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class FileStore(Protocol):
    """Keeps bytes under ids that the sandbox made itself."""

    def write(self, file_id: str, content: bytes) -> None:
        """Keep a file; it is durable as far as the process is concerned when this returns."""
        ...

    def read(self, file_id: str) -> bytes | None:
        """Return a file's bytes, or None if the file does not exist."""
        ...

    def remove(self, file_id: str) -> None:
        """Delete a file. Nothing happens if it does not exist."""
        ...


class MemoryFiles:
    """Files that end with the process."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def write(self, file_id: str, content: bytes) -> None:
        """Keep a file."""
        self._files[file_id] = content

    def read(self, file_id: str) -> bytes | None:
        """Return a file's bytes."""
        return self._files.get(file_id)

    def remove(self, file_id: str) -> None:
        """Forget a file."""
        self._files.pop(file_id, None)


class DiskFiles:
    """Files in a folder, made when the first one comes. Ids are UUIDs, never names that a client chose."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, file_id: str, content: bytes) -> None:
        """Keep a file: written aside and moved, so that no reader meets half of it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        aside = self._folder / f"{file_id}.part"
        aside.write_bytes(content)
        aside.replace(self._folder / file_id)

    def read(self, file_id: str) -> bytes | None:
        """Return a file's bytes."""
        try:
            return (self._folder / file_id).read_bytes()
        except FileNotFoundError:
            return None

    def remove(self, file_id: str) -> None:
        """Forget a file."""
        (self._folder / file_id).unlink(missing_ok=True)


def file_store(data_file: Path | None) -> FileStore:
    """Where a sandbox with this data file keeps uploads."""
    return MemoryFiles() if data_file is None else DiskFiles(data_file.with_name(data_file.name + ".files"))
