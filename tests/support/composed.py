"""A compose file's services, up and healthy in the order that they need each other, without an engine."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

from tests.support.compose import Service, read_compose, service_of
from tests.support.containers import (
    USER,
    Container,
    Mount,
    Network,
    Wanted,
    bridged,
    root_of_this_machine,
    system_mounts,
    write_hosts,
)
from tests.support.dockerfile import read_stages
from tests.support.postgres import as_nobody, programs_in

DOCKERFILE = Path("deploy/Dockerfile")


class Composed:
    """The services that are up. `secrets` is the folder that deploy/secrets.sh made."""

    def __init__(
        self,
        file: Path,
        folder: Path,
        network: Network,
        root: Path,
        mounts: list[Mount],
        networks: Mapping[str, Network] | None = None,
    ) -> None:
        self._compose = read_compose(file)
        self._networks = networks or {}
        self.env_file: dict[str, str] = {}
        self._stages = read_stages(DOCKERFILE)
        self._folder = folder
        self._network = network
        self._root = root
        self._mounts = mounts
        self._containers: dict[str, Container] = {}
        self._postgres: subprocess.Popen[bytes] | None = None
        # Others may not enter the folders of tests, and the server is another user.
        self._home = Path(tempfile.mkdtemp(prefix="pg-"))
        self.programs = programs_in(self._home)
        self.secrets = _secrets(folder)

    def up(self, name: str) -> None:
        """Start a service after those that it needs, and wait until it is healthy."""
        needed = self.service(name).depends_on if name != "postgres" else ()
        for one in needed:
            self._begin(one)
        for one in needed:
            self._wait_for(one)
        self._begin(name)
        self._wait_for(name)

    def _begin(self, name: str) -> None:
        if name == "postgres":
            if self._postgres is None or self._postgres.poll() is not None:
                self._start_postgres()
            return
        if name in self._containers:
            return
        service = self.service(name)
        mounts = [Mount(self.volume(source), target, writable) for source, target, writable in service.volumes]
        mounts += [Mount(self.secrets / secret, f"/run/secrets/{secret}") for secret in service.secrets]
        for text, target in service.configs:
            file = self._folder / f"{name}-{Path(target).name}"
            file.write_text(text, encoding="utf-8")
            mounts.append(Mount(file, target))
        self.start(name, service.command, {**self.env_file, **service.environment}, mounts)

    def _wait_for(self, name: str) -> None:
        if name != "postgres":
            self._containers[name].until_healthy(self.service(name).health)

    def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], mounts: Sequence[Mount]
    ) -> Container:
        """Start a container beside the services, and do not wait."""
        for mount in mounts:
            goal = self._root / mount.target.lstrip("/")
            goal.parent.mkdir(parents=True, exist_ok=True)
            if mount.source.is_file():
                goal.touch()
            else:
                goal.mkdir(exist_ok=True)
        wanted = Wanted(self._root, command, environment, [*self._mounts, *mounts])
        container = self._containers[name] = Container(wanted, self._of(name), self._folder / f"{name}.log")
        container.start()
        return container

    def service(self, name: str) -> Service:
        """What the file says of a service."""
        return service_of(self._compose, name, self._stages)

    def container(self, name: str) -> Container:
        """A service that is up."""
        return self._containers[name]

    def volume(self, name: str) -> Path:
        """The folder of a named volume, as the image's /data is: the user's own."""
        folder = self._folder / "volumes" / name
        if not folder.exists():
            folder.mkdir(parents=True, mode=0o700)
            shutil.chown(folder, int(USER), int(USER))
        return folder

    def ask(self, question: str) -> str:
        """Ask the bot by the SDK, in the services' network; the answer."""
        answer, said = self.asking(question).communicate(timeout=150)
        return answer or said

    def asking(self, question: str, channel: str = "support-1") -> subprocess.Popen[str]:
        """A process that asks, and prints the answer once it is there."""
        made = self.volume("sandbox") / "api_secret"
        file = made if made.exists() else self.secrets / "stream_api_secret"
        secret = file.read_text(encoding="utf-8").strip()
        module = ("-m", "tests.support.asking", "http://127.0.0.1:8830", "sandbox", secret)
        command = self._network.inside(sys.executable, *module, f"messaging:{channel}", "maria", question)
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def read(self, url: str) -> str:
        """The body of an answer in the services' network."""
        return self._network.run("curl", "-s", url).stdout

    def status(self, url: str, *options: str) -> str:
        """The status of a request in the services' network; 000 where nobody answers."""
        done = self._network.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *options, url)
        return done.stdout

    def sql(self, statement: str) -> str:
        """What Postgres answers, by its own program and the address in the file of secrets."""
        address = (
            (self.secrets / "database_url").read_text(encoding="utf-8").strip().replace("@postgres:", "@127.0.0.1:")
        )
        done = self._network.run(self.programs / "psql", "-Atc", statement, address)
        return done.stdout.strip() or done.stderr

    def _of(self, name: str) -> Network:
        return self._networks.get(name, self._network)

    def down(self) -> None:
        """End all of them."""
        for container in self._containers.values():
            container.kill()
        if self._postgres is not None:
            self._postgres.terminate()
            self._postgres.wait(30)
        shutil.rmtree(self._home, ignore_errors=True)

    def lose_postgres(self) -> None:
        """End the server as a crash would."""
        assert self._postgres is not None
        self._postgres.kill()
        self._postgres.wait(30)

    def _start_postgres(self) -> None:
        """Start the server as its image does: by the password's file, on TCP, checked by the file's own command."""
        given = self._compose["services"]["postgres"]
        home, data, password = self._home, self._home / "data", self._home / "password"
        if not data.exists():
            shutil.copy(self.secrets / Path(given["environment"]["POSTGRES_PASSWORD_FILE"]).name, password)
            for path in (home, password):
                shutil.chown(path, 65534, 65534)
            init = ("--auth=scram-sha-256", f"--pwfile={password}", "--no-sync", "-U", "postgres", "-D", data)
            subprocess.run([self.programs / "initdb", *init], check=True, capture_output=True, cwd=home, **as_nobody())
            with (data / "pg_hba.conf").open("a", encoding="utf-8") as allowed:
                allowed.write("host all all all scram-sha-256\n")  # as the image does
        network = self._of("postgres")
        command = network.inside(self.programs / "postgres", "-D", data, "-k", home, "-h", "*", "-F")
        # The network is entered as root, and the server refuses root.
        command[2:2] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        with (self._folder / "postgres.log").open("ab") as log:
            self._postgres = subprocess.Popen(command, stdout=log, stderr=log, cwd=home)
        program, *arguments = given["healthcheck"]["test"][1:]
        deadline = time.monotonic() + 60
        while network.run(self.programs / program, "-h", "127.0.0.1", *arguments).returncode != 0:
            if time.monotonic() > deadline:
                raise RuntimeError((self._folder / "postgres.log").read_text(encoding="utf-8"))
            time.sleep(0.1)


@contextmanager
def composed(file: Path, folder: Path, root: Path | None = None, *, apart: Sequence[str] = ()) -> Iterator[Composed]:
    """The services of a file, none of them up yet, in a folder of their own. `root`: an image's root that was built.
    `apart`: services with a network of their own, for those that use the same ports.
    """
    with ExitStack() as stack:
        addresses = {name: f"10.88.0.{number}" for number, name in enumerate(apart, start=2)}
        network, networks = stack.enter_context(bridged(addresses))
        middle = "10.88.0.1" if apart else "127.0.0.1"
        hosts = dict.fromkeys(read_compose(file)["services"], middle) | {"sandbox": middle} | addresses
        if root is None:
            root = root_of_this_machine(_made(folder / "root"), hosts=hosts)
            mounts = system_mounts(root)
        else:
            write_hosts(root, hosts)
            mounts = [Mount(Path(path), path) for path in ("/dev", "/proc")]
        running = Composed(file, folder, network, root, mounts, networks)
        stack.callback(running.down)
        yield running


def _secrets(folder: Path) -> Path:
    script = folder / "secrets.sh"
    shutil.copy("deploy/secrets.sh", script)
    subprocess.run(["sh", str(script)], input=f"{uuid4().hex}\n", text=True, check=True, capture_output=True)
    return folder / "secrets"


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
