"""The files of a data folder's sandbox: its credentials and address, and the lock that keeps a second one away."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from framework.errors import FrameworkError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class ClaimedError(Exception):
    """Another process holds the lock."""


@dataclass(frozen=True)
class SandboxAddress:
    """Address and credentials of a sandbox. `owner` is the process that it ends with; 0 before its first run."""

    api_key: str
    api_secret: SecretStr
    url: str = ""
    owner: int = 0

    @property
    def port(self) -> int | None:
        """The port of `url`."""
        port = self.url.rpartition(":")[2].strip("/")
        return int(port) if port.isdigit() else None

    def is_owned(self) -> bool:
        """Whether the process that it ends with still runs."""
        if not self.owner:
            return False
        try:
            os.kill(self.owner, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def answers(self) -> bool:
        """Whether something listens at its address."""
        host = self.url.removeprefix("http://").rpartition(":")[0]
        if self.port is None:
            return False
        try:
            with socket.create_connection((host, self.port), timeout=0.5):
                return True
        except OSError:
            return False


def data_file(data: Path) -> Path:
    """Where the sandbox of a data folder keeps everything."""
    return data / "sandbox.sqlite"


def env_file(data: Path) -> Path:
    """The file that other clients source to reach the sandbox: STREAM_API_KEY, STREAM_API_SECRET, STREAM_BASE_URL."""
    return data / "sandbox.env"


def read_address(data: Path) -> SandboxAddress:
    """Read the folder's credentials, made up once. They stay, so that people stay signed in across restarts."""
    found = _read(env_file(data))
    if found is None:
        made = SandboxAddress(f"sandbox{secrets.token_hex(4)}", SecretStr(secrets.token_urlsafe(32)))
        _write(data, made, replace=env_file(data).exists())
        found = _read(env_file(data)) or made  # of two processes that made some up at once, one came first
    return found


def secret_from(file: Path) -> str:
    """Read the secret in a file of its own, made up once and readable by this user alone. Raises FrameworkError."""
    try:
        new = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with contextlib.suppress(FileExistsError), os.fdopen(os.open(file, new, 0o600), "w") as made:
            made.write(secrets.token_urlsafe(32))
        found = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise FrameworkError(
            f"The sandbox's secret cannot be read or made: {error}.",
            where=str(file),
            hint="Name a text file that this user may read, or one that it may make.",
        ) from error
    if not found:
        raise FrameworkError("The sandbox's secret is empty.", where=str(file), hint="Write one, or delete the file.")
    return found


def publish(data: Path, address: SandboxAddress) -> None:
    """Write the credentials and the address where others find them; readable by this user alone."""
    _write(data, address, replace=True)


def _read(file: Path) -> SandboxAddress | None:
    if not file.is_file():
        return None
    rows = (line.partition("=") for line in file.read_text(encoding="utf-8", errors="replace").splitlines())
    values = {name.strip(): value.strip() for name, _, value in rows}
    if not (values.get("STREAM_API_KEY") and values.get("STREAM_API_SECRET")):
        return None
    owner = values.get("SANDBOX_OWNER", "")
    return SandboxAddress(
        values["STREAM_API_KEY"],
        SecretStr(values["STREAM_API_SECRET"]),
        values.get("STREAM_BASE_URL", ""),
        int(owner) if owner.isdigit() else 0,
    )


def _write(data: Path, address: SandboxAddress, *, replace: bool) -> None:
    """Whole or not at all. Without `replace`, a file that is there by now stays."""
    data.mkdir(parents=True, exist_ok=True)
    text = (
        "# The sandbox of this folder. To connect your own client: set -a; . this file; set +a\n"
        f"STREAM_API_KEY={address.api_key}\n"
        f"STREAM_API_SECRET={address.api_secret.get_secret_value()}\n"
        f"STREAM_BASE_URL={address.url}\n"
        f"SANDBOX_OWNER={address.owner}\n"
    )
    new = data / f"sandbox.env.{os.getpid()}"
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
            handle.write(text)
        if replace:
            new.replace(env_file(data))
        else:
            with contextlib.suppress(FileExistsError):
                env_file(data).hardlink_to(new)
    finally:
        new.unlink(missing_ok=True)


@contextlib.contextmanager
def claim(file: Path) -> Iterator[None]:
    """Hold the lock that belongs to this file. The system lets go of it however a process ends. Raises ClaimedError."""
    handle = os.open(file.with_name(f"{file.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ClaimedError from None
        yield
    finally:
        os.close(handle)


def is_claimed(file: Path) -> bool:
    """Whether a process holds the lock of this file."""
    try:
        with claim(file):
            return False
    except ClaimedError:
        return True
