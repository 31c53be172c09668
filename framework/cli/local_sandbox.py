"""The sandbox of this data folder: its credentials, whether it is running, and starting it as a child process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from framework.errors import FrameworkError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from framework.settings import Settings

PREFERRED_PORT = 8830
READY = "sandbox ready "
START_TIMEOUT = 20.0
STOP_TIMEOUT = 3.0
POLL = 0.05
# Variables that are none of its business.
PRIVATE = ("STREAM_API_", "FRAMEWORK_SANDBOX_API_", "OPENAI_API_KEY")


@dataclass(frozen=True)
class Address:
    """Where a sandbox answers and what opens it. `owner` is the process that it ends with; none until it has run."""

    api_key: str
    api_secret: SecretStr
    url: str = ""
    owner: int = 0

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
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        if not port.isdigit():
            return False
        try:
            with socket.create_connection((host, int(port)), timeout=0.5):
                return True
        except OSError:
            return False


def data_file(data: Path) -> Path:
    """Where the sandbox of a data folder keeps everything."""
    return data / "sandbox.sqlite"


def env_file(data: Path) -> Path:
    """The file that other clients source to reach the sandbox: STREAM_API_KEY, STREAM_API_SECRET, STREAM_BASE_URL."""
    return data / "sandbox.env"


def read_address(data: Path) -> Address:
    """Read the folder's credentials, made up once. They stay, so that people stay signed in across restarts."""
    file = env_file(data)
    if file.is_file():
        rows = (line.partition("=") for line in file.read_text(encoding="utf-8").splitlines())
        values = {name.strip(): value.strip() for name, _, value in rows}
        if values.get("STREAM_API_KEY") and values.get("STREAM_API_SECRET"):
            owner = values.get("SANDBOX_OWNER", "")
            return Address(
                values["STREAM_API_KEY"],
                SecretStr(values["STREAM_API_SECRET"]),
                values.get("STREAM_BASE_URL", ""),
                int(owner) if owner.isdigit() else 0,
            )
    address = Address(f"sandbox{secrets.token_hex(4)}", SecretStr(secrets.token_urlsafe(32)))
    publish(data, address)
    return address


def publish(data: Path, address: Address) -> None:
    """Write the credentials and the address where others find them; readable by this user alone."""
    data.mkdir(parents=True, exist_ok=True)
    text = (
        "# The sandbox of this folder. To connect your own client: set -a; . this file; set +a\n"
        f"STREAM_API_KEY={address.api_key}\n"
        f"STREAM_API_SECRET={address.api_secret.get_secret_value()}\n"
        f"STREAM_BASE_URL={address.url}\n"
        f"SANDBOX_OWNER={address.owner}\n"
    )
    new = env_file(data).with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
        handle.write(text)
    new.replace(env_file(data))


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


@contextlib.asynccontextmanager
async def local_sandbox(settings: Settings) -> AsyncIterator[Settings]:
    """Settings that point at this folder's sandbox: the one that is running, or one started here and ended with us."""
    address = read_address(settings.data)
    if address.is_owned() and address.answers():
        yield _pointed_at(settings, address)
        return
    await _wait_for_orphan(address)
    process, url = await _start(settings.data, address)
    try:
        publish(settings.data, Address(address.api_key, address.api_secret, url, os.getpid()))
        yield _pointed_at(settings, Address(address.api_key, address.api_secret, url))
    finally:
        await _stop(process)


async def _wait_for_orphan(address: Address) -> None:
    """Let the sandbox of a killed process finish its own end: two must not write one file."""
    for _ in range(int(STOP_TIMEOUT / POLL)):
        if not address.answers():
            return
        await asyncio.sleep(POLL)


def _pointed_at(settings: Settings, address: Address) -> Settings:
    return settings.model_copy(
        update={
            "stream_api_key": address.api_key,
            "stream_api_secret": address.api_secret,
            "stream_base_url": address.url,
        }
    )


async def _start(data: Path, address: Address) -> tuple[asyncio.subprocess.Process, str]:
    """Start the sandbox and wait for its ready line.

    It runs in a session of its own: Ctrl-C in the terminal must reach the bot first, which still has to post. It ends
    when its standard input closes, so that it never outlives us, however we end.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "framework", "sandbox"),
        *("--data", str(data_file(data)), "--until-stdin-closes"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
        env=_environment(data),
    )
    assert process.stdout is not None  # noqa: S101 - it is a pipe, as asked for above
    try:
        async with asyncio.timeout(START_TIMEOUT):
            line = (await process.stdout.readline()).decode()
    except TimeoutError:
        await _stop(process)
        raise FrameworkError(f"The sandbox did not start within {START_TIMEOUT:.0f} s.") from None
    if not line.startswith(READY):
        await _stop(process)
        raise FrameworkError("The sandbox did not start.", hint="What it said stands above.")
    return process, line.removeprefix(READY).strip()


def _environment(data: Path) -> dict[str, str]:
    """What the sandbox gets: it reads its key and secret from the folder, neither is in its environment."""
    public = {name: value for name, value in os.environ.items() if not name.startswith(PRIVATE)}
    return public | {"FRAMEWORK_DATA": str(data.resolve())}


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End the sandbox: politely by closing its input, then firmly."""
    if process.returncode is not None:
        return
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(STOP_TIMEOUT):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
