"""The files of a data folder's sandbox: its credentials and address, and the locks of who runs and who uses it."""

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


PREFERRED_PORT = 8830


class ClaimedError(Exception):
    """Another process holds the lock."""


@dataclass(frozen=True)
class SandboxAddress:
    """Address and credentials of a sandbox. `owner` is its process; 0 before its first run."""

    api_key: str
    api_secret: SecretStr
    url: str = ""
    owner: int = 0

    @property
    def host(self) -> str:
        """The host of `url`, without the brackets of IPv6; empty before the first run."""
        return self.url.removeprefix("http://").rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int | None:
        """The port of `url`."""
        port = self.url.rpartition(":")[2].strip("/")
        return int(port) if port.isdigit() else None

    def is_owned(self) -> bool:
        """Whether its process still runs."""
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
        if self.port is None:
            return False
        try:
            with socket.create_connection((self.host, self.port), timeout=0.5):
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
    with _locked(file, fcntl.LOCK_EX):
        yield


def is_claimed(file: Path) -> bool:
    """Whether a process holds the lock of this file."""
    try:
        with _locked(file, fcntl.LOCK_SH):  # of two that ask at once, neither is taken for the holder
            return False
    except ClaimedError:
        return True


@contextlib.contextmanager
def _locked(file: Path, kind: int) -> Iterator[None]:
    handle = _lock_file(file)
    try:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ClaimedError from None
        yield
    finally:
        os.close(handle)


def _lock_file(file: Path) -> int:
    return os.open(file.with_name(f"{file.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)


class SandboxUse:
    """A process's use of a folder's sandbox: a shared lock, which the system takes back however the process ends.

    The sandbox runs as long as anybody uses it. It waits for the lock of all of them, and ends once it has that.
    """

    def __init__(self, data: Path) -> None:
        self._file = data / "sandbox.users"
        self._handle: int | None = None

    def begin(self) -> bool:
        """Use the sandbox. False: it is just ending. Try again when it has ended."""
        handle = _lock_file(self._file)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def is_last(self) -> bool:
        """Whether nobody else uses it. If so, nobody can begin to before `end`. If not, the use may be over."""
        if self._handle is None:
            return False
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def end(self) -> None:
        """Use it no longer. Safe to call twice."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def wait_until_unused(data: Path) -> None:
    """Block until no process uses the folder's sandbox. From then on nobody can begin to, until this process ends."""
    fcntl.flock(_lock_file(data / "sandbox.users"), fcntl.LOCK_EX)
