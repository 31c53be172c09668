"""The machine: the data folder and its rights, the disk, files with secrets, ports, time zones."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from framework.app.admin import OFF, USUAL
from framework.app.doctor.finding import HealthFinding, Remedy, doubtful, ok, wrong

if TYPE_CHECKING:
    from framework.definition.model import Bot
    from framework.settings import Settings

LEAST_FREE, LITTLE_FREE = 200 * 1024**2, 2 * 1024**3
OLDEST_PYTHON, OLDEST_SQLITE = (3, 11), (3, 35)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def machine_findings(settings: Settings, bots: Sequence[Bot]) -> Iterator[HealthFinding]:
    """Look at the machine. Changes nothing."""
    yield _versions()
    yield _folder(settings.data)
    yield from _files(settings)
    yield _disk(settings.data)
    yield _port("port for operators", settings.admin or USUAL, "/livez", fixed=settings.admin is not None)
    if settings.webhook is not None:
        yield _port("port for webhooks", settings.webhook, "/healthz", fixed=True)
    yield _zones(bots)


def _versions() -> HealthFinding:
    import sqlite3

    python = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return wrong("versions", f"Python {python} is too old", "Install Python 3.11 or later.")
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        hint = "Use a Python that brings a newer SQLite, or Postgres by DATABASE_URL."
        return wrong("versions", f"SQLite {sqlite3.sqlite_version} is too old: 3.35 or later is needed", hint)
    return ok("versions", f"Python {python}, SQLite {sqlite3.sqlite_version}")


def _folder(data: Path) -> HealthFinding:
    part = "data folder"
    if not data.exists():
        return ok(part, f"{data} is made at the first start")
    if not data.is_dir():
        return wrong(part, f"{data} is no folder", "Set FRAMEWORK_DATA to a folder, or move the file away.")
    try:
        probe = data / ".doctor"
        probe.touch()
        probe.unlink()
    except OSError as error:
        return wrong(part, f"{data} cannot be written: {error.strerror}", "Give this user the right to write there.")
    return _private(part, data, f"{data} can be written, by this user alone")


def _files(settings: Settings) -> Iterator[HealthFinding]:
    """Files that hold secrets."""
    named = {
        "file .env": Path(".env"),
        "file of the secret": settings.stream_api_secret_file,
        "file of the key": settings.openai_api_key_file,
        "file of the URL": settings.database_url_file,
        "file for NATS": settings.journal_credentials,
    }
    for part, file in named.items():
        if file is not None and file.is_file():
            yield _private(part, file, f"{file} can be read by this user alone")


def _private(part: str, path: Path, well: str) -> HealthFinding:
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if sys.platform == "win32" or not mode & _OTHERS:
        return ok(part, well)
    if os.statvfs(path).f_flag & os.ST_RDONLY:  # as containers get their secrets: what lies above it is not seen here
        return ok(part, f"{path} is mounted, read-only")
    if found.st_uid != os.geteuid() and found.st_gid in {os.getegid(), *os.getgroups()} and not mode & 0o007:
        return ok(part, f"{path} is this group's alone")  # as clusters give volumes to a pod
    closed = mode & ~_OTHERS
    remedy = Remedy(f"chmod {closed:o} {path}", partial(path.chmod, closed))
    return doubtful(part, f"others on this machine can reach {path} (mode {mode:o})", f"Do `{remedy.what}`.", remedy)


def _disk(data: Path) -> HealthFinding:
    place = next(folder for folder in (data.absolute(), *data.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    told = f"{free / 1024**3:.1f} GB free where {data} is"
    if free < LEAST_FREE:
        return wrong("disk", told, "Free some space: without it no message can be kept.")
    if free < LITTLE_FREE:
        return doubtful("disk", told, "Free some space soon.")
    return ok("disk", told)


def _port(part: str, where: str, path: str, *, fixed: bool) -> HealthFinding:
    if where == OFF:
        return ok(part, "off, as FRAMEWORK_ADMIN says")
    address = urlsplit(f"//{where}")
    host, port = address.hostname or "", address.port or 0
    if port == 0 or _is_free(host, port):
        return ok(part, f"{where} is free")
    if _is_ours(host, port, path):
        return ok(part, f"{where} is served by a running process of this program")
    if not fixed:
        return ok(part, f"{where} is another program's; a free port is taken instead")
    return wrong(part, f"{where} is taken by another program", "End that program, or choose another port.")


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _is_ours(host: str, port: int, path: str) -> bool:
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    connection = HTTPConnection(reached, port, timeout=2)
    try:
        connection.request("GET", path)
        return b"ok" in connection.getresponse().read(200)
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _zones(bots: Sequence[Bot]) -> HealthFinding:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo("Europe/Berlin")
    except (ZoneInfoNotFoundError, OSError):
        return wrong("time zones", "the machine has none", "Install the package `tzdata` again.")
    return ok("time zones", "known, for office hours and schedules" if bots else "known")
