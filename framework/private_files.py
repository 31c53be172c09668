"""Files that only the user who runs this program may read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OTHERS = 0o077


def keep_private() -> None:
    """Make all new files and folders readable by this user only, also those of libraries and child processes."""
    os.umask(os.umask(_OTHERS) | _OTHERS)


@contextmanager
def readable_by_others() -> Iterator[None]:
    """Create files of a project, which are not our data, with the usual rights: the umask is 022 in the block."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


def tighten(folder: Path) -> int:
    """Remove the rights of others on a data folder and everything in it. Return how many paths were changed.

    In a folder with other purposes (the working directory or one above it, the home folder, /tmp) only files and
    folders with our names are changed. Files of other users stay as they are. Raises OSError if a file of
    this user cannot be changed.
    """
    shared = _serves_others(folder)
    changed = 0 if shared else _close(folder)
    for entry in sorted(folder.iterdir()):
        if not shared or _is_ours(entry):
            changed += sum(map(_close, (entry, *_below(entry))))
    return changed


def close_file(file: Path) -> None:
    """Remove the rights of others on a file and on those that SQLite keeps beside it. A missing file is skipped."""
    for one in (file, *(file.with_name(f"{file.name}{suffix}") for suffix in ("-wal", "-shm", "-journal"))):
        _close(one)


_NAMES = ("engine.db", "sandbox", "bots", "feedback.jsonl", "audit", "mcp", "tickets", "uploads", "vectors")


def _is_ours(entry: Path) -> bool:
    return entry.name.startswith(_NAMES) and not (entry.name == "bots" and not _holds_data(entry))


def _holds_data(folder: Path) -> bool:
    """Return whether a folder named `bots` is data, and not the bots of a project."""
    return not any(folder.glob("*/bot.yaml"))


def _serves_others(folder: Path) -> bool:
    here, resolved = Path.cwd(), folder.resolve()
    sticky = bool(resolved.stat().st_mode & stat.S_ISVTX)
    return sticky or resolved in {here, *here.parents, Path.home()}


def _below(entry: Path) -> Iterator[Path]:
    if entry.is_symlink() or not entry.is_dir():
        return
    for root, folders, files in os.walk(entry):
        yield from (Path(root, name) for name in (*folders, *files))


def _close(path: Path) -> int:
    """Return 1 if rights were removed."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return 0
    mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    if stat.S_ISLNK(found.st_mode) or not mine or not found.st_mode & _OTHERS:
        return 0
    path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)
    return 1
