"""`make run-replicas`: two replicas of a bot, a NATS server and the sandbox on this machine, and a proof that it works.

It asks a question in each of some channels, ends one replica as a crash would while they are answered, and counts the
replies. Then everything goes on until Ctrl-C: the page of the sandbox is for trying it by hand.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHANNELS = 12
_PATIENCE = 120.0
_OURS = ("STREAM_", "FRAMEWORK_", "DATABASE_URL")


def main(bot: str, *, stay: bool) -> int:
    """Start everything, prove it, and stay unless told otherwise. The exit code: 1 where a question has no reply."""
    with tempfile.TemporaryDirectory(prefix="replicas-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with _started(bot, folder) as (environment, replicas):
            answered = asyncio.run(_prove(environment, replicas))
            say(f"{answered} of {CHANNELS} questions have exactly one reply, though a replica was killed.")
            if stay and answered == CHANNELS:
                say(f"Open {environment['STREAM_BASE_URL']} and write. Ctrl-C ends everything. Logs are in {folder}.")
                with _until_interrupted():
                    signal.pause()
    return 0 if answered == CHANNELS else 1


@contextmanager
def _until_interrupted() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        say("Ending.")


@contextmanager
def _started(bot: str, folder: Path) -> Iterator[tuple[dict[str, str], list[Replica]]]:
    """NATS, sandbox and two replicas; all of them end with the block."""
    programs: list[subprocess.Popen[bytes]] = []
    try:
        nats, page = _free_port(), _free_port()
        configuration = folder / "nats.conf"
        configuration.write_text(
            f'listen: "127.0.0.1:{nats}"\njetstream {{ store_dir: "{folder / "nats"}", sync_interval: always }}\n'
        )
        programs.append(_run([nats_server(), "-c", str(configuration)], {}, folder / "nats.log"))
        key, secret = "replicas", secrets.token_urlsafe(32)
        sandbox = {"FRAMEWORK_SANDBOX_API_KEY": key, "FRAMEWORK_SANDBOX_API_SECRET": secret}
        command = _framework("sandbox", "--port", str(page), "--data", str(folder / "sandbox.sqlite"))
        programs.append(_run(command, {**sandbox, "FRAMEWORK_DATA": str(folder)}, folder / "sandbox.log"))
        environment = {
            "STREAM_API_KEY": key,
            "STREAM_API_SECRET": secret,
            "STREAM_BASE_URL": f"http://127.0.0.1:{page}",
            "FRAMEWORK_JOURNAL": f"nats://127.0.0.1:{nats}",
            "DATABASE_URL": f"sqlite:///{folder / 'decisions.db'}",
            "FRAMEWORK_LOG_FORMAT": "json",
        }
        _wait(f"http://127.0.0.1:{page}/sandbox/health", folder / "sandbox.log")
        say("A NATS server and the sandbox run. Two replicas start, which takes some seconds ...")
        replicas = [Replica(f"replica-{number}", bot, environment, folder) for number in (1, 2)]
        programs.extend(one.start() for one in replicas)
        for one in replicas:
            one.until_ready()
        yield environment, replicas
    finally:
        for program in reversed(programs):
            program.terminate()
        for program in reversed(programs):
            try:
                program.wait(timeout=10)
            except subprocess.TimeoutExpired:
                program.kill()


class Replica:
    """A process that runs the bot."""

    def __init__(self, name: str, bot: str, environment: dict[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._command = _framework("run", bot)
        self._environment = {**environment, "FRAMEWORK_DATA": str(folder / name)}
        self._program: subprocess.Popen[bytes] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        """Start it, and do not wait."""
        self._program = _run(self._command, self._environment, self.log)
        return self._program

    def until_ready(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + _PATIENCE
        while "run.ready" not in self.log.read_text(encoding="utf-8", errors="replace"):
            if self._program is None or self._program.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{self.name} did not start:\n{self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._program is not None:
            self._program.kill()


async def _prove(environment: dict[str, str], replicas: list[Replica]) -> int:
    """Ask everywhere, kill a replica meanwhile, and count the questions with exactly one reply."""
    from stream_chat import StreamChatAsync  # noqa: TID251 - a person who asks, and not the bot

    url = environment["STREAM_BASE_URL"]
    async with StreamChatAsync(environment["STREAM_API_KEY"], environment["STREAM_API_SECRET"], base_url=url) as client:
        await client.upsert_user({"id": "visitor", "name": "Visitor"})
        channels = [client.channel("messaging", f"support-{number:02d}") for number in range(CHANNELS)]
        for channel in channels:
            await channel.create("visitor")
        await asyncio.sleep(4)  # the bot looks for new channels every three seconds
        say(f"{CHANNELS} questions are asked, and {replicas[0].name} is killed while they are answered ...")
        for number, channel in enumerate(channels):
            await channel.send_message({"text": "How do I reset my password?"}, "visitor")
            if number == CHANNELS // 2:
                replicas[0].kill()
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            replies = [await _replies(channel) for channel in channels]
            if all(replies):
                break
            await asyncio.sleep(0.5)
        await asyncio.sleep(2)  # in which a second reply would come
        return sum([await _replies(channel) == 1 for channel in channels])


async def _replies(channel: object) -> int:
    """How many complete messages of others than the visitor a channel has."""
    answer = await channel.query(messages={"limit": 30})  # type: ignore[attr-defined]
    others = [one for one in answer["messages"] if one["user"]["id"] != "visitor"]
    return sum(not one.get("generating") for one in others)


def nats_server() -> str:
    """The server that `make run-replicas` installs beside Python, or the system's."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise SystemExit("nats-server was not found. `make run-replicas` installs it.")
    return found


def say(line: str) -> None:
    """Tell the person."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _framework(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "framework", *arguments]


def _run(command: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(_OURS)}
    with log.open("ab") as file:
        return subprocess.Popen(  # noqa: S603 - our own programs
            command, env={**inherited, **environment}, cwd=ROOT, stdout=file, stderr=file
        )


def _wait(url: str, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310 - our own sandbox
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise SystemExit(f"The sandbox did not start:\n{log.read_text(errors='replace')[-2000:]}") from None
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], stay="--once" not in sys.argv))
