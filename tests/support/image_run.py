"""An image's root, run: the compose file's services in a root that was built, in place of this machine's system."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.composed import composed
from tests.support.containers import Container, Mount, Network, Wanted, write_hosts
from tests.support.dockerfile import Stage, environment_of, steps_of
from tests.support.image_root import BASE_PATH

COMPOSE = Path("deploy/compose.yaml")
_NAMES = "import importlib.metadata as m, json; print(json.dumps([[d.name, d.version] for d in m.distributions()]))"


def packages_in(root: Path) -> set[str]:
    """The packages in the image's environment, as `name version`."""
    command = ["chroot", str(root), "/app/.venv/bin/python", "-I", "-c", _NAMES]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {
        f"{name.lower().replace('_', '-').replace('.', '-')} {version}" for name, version in json.loads(done.stdout)
    }


def full_answers(root: Path, folder: Path) -> str:
    """Bring sandbox, Postgres and bot up from the root, by the compose file's own words; what a question gets."""
    with composed(COMPOSE, folder, root) as running:
        running.up("bot-on-sandbox")
        answer = running.ask("How long is the warranty?")
        stopped = running.container("bot-on-sandbox").stop(running.service("bot-on-sandbox").stop_seconds)
    return f"answered: {answer.splitlines()[0]}" if stopped == 0 else f"ended with {stopped}"


def slim_refuses(root: Path, stages: Mapping[str, Stage], folder: Path) -> str:
    """Run a bot without articles and without a model's key in the slim root; what it says."""
    bot = folder / "bots" / "fern"
    bot.mkdir(parents=True)
    (bot / "bot.yaml").write_text(
        'identity: {user_id: fern-bot, name: Fern}\nchannels: {join: ["messaging:*"]}\nprompt: p.j2\n'
    )
    (bot / "p.j2").write_text("You help.")
    with _container(root, stages, folder, ["run", "fern"]) as container:
        container.start()
        assert container.child is not None
        container.child.wait(60)
        return " ".join(container.said().split())


@contextmanager
def _container(root: Path, stages: Mapping[str, Stage], folder: Path, command: list[str]) -> Iterator[Container]:
    write_hosts(root, {})
    data = folder / "data"
    data.mkdir(mode=0o700)
    shutil.chown(data, 10001, 10001)
    (root / "app/bots").mkdir(exist_ok=True)
    app = {"STREAM_API_KEY": "key", "STREAM_API_SECRET": "secret", "STREAM_BASE_URL": "http://127.0.0.1:9"}
    mounts = [Mount(folder / "bots", "/app/bots"), Mount(data, "/data", writable=True)]
    mounts += [Mount(Path(path), path) for path in ("/dev", "/proc")]
    entry = steps_of(stages, "slim", "ENTRYPOINT")[-1].command
    wanted = Wanted(root, [*entry, *command], environment_of(stages, "slim", BASE_PATH) | app, mounts)
    with Network.opened() as network:
        container = Container(wanted, network, folder / "log")
        try:
            yield container
        finally:
            container.kill()
