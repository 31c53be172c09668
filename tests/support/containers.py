"""Containers without an engine: each a process in a chroot with mounts of its own, in one network or on a bridge.

As in a container: the numbered user, no rights, a root that cannot be written, and only the volumes that are named.
A network is a new network namespace: nothing of this machine's is reached. Names of services stand in /etc/hosts.
Needs root and Linux.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

USER = "10001"
_TOOLS = ("unshare", "nsenter", "setpriv", "chroot", "mount", "ip")
_AS_USER = (
    *("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs"),
    *("--bounding-set=-all", "--inh-caps=-all"),
)


def unavailable() -> str | None:
    """Why there can be no such containers on this machine; None where there can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "namespaces and chroot need root on Linux"
    if missing := [tool for tool in _TOOLS if shutil.which(tool) is None]:
        return f"not installed: {', '.join(missing)}"
    tried = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, check=False)
    return None if tried.returncode == 0 else "this machine allows no namespaces"


@dataclass(frozen=True)
class Mount:
    """A folder or file of this machine at a path of the container."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True)
class Wanted:
    """A container, as it is asked for. It gets these variables and no others."""

    root: Path
    command: Sequence[str]
    environment: Mapping[str, str]
    mounts: Sequence[Mount] = ()
    folder: str = "/app"


class Network:
    """A network of its own: nothing but its loopback. It ends with the block of `Network.opened`."""

    def __init__(self, holder: subprocess.Popen[bytes]) -> None:
        self._holder = holder

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator[Network]:
        """Make it, and hold it open by a process that does nothing."""
        script = "ip link set lo up && echo up && exec sleep infinity"
        with subprocess.Popen(["unshare", "--net", "sh", "-c", script], stdout=subprocess.PIPE) as holder:
            try:
                assert holder.stdout is not None
                assert holder.stdout.readline() == b"up\n"
                yield cls(holder)
            finally:
                holder.kill()

    @property
    def pid(self) -> int:
        """The process that holds it."""
        return self._holder.pid

    def inside(self, *command: str | Path) -> list[str]:
        """A command as it is run in this network."""
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", *map(str, command)]

    def run(self, *command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command in this network, and wait for it."""
        return subprocess.run(self.inside(*command), capture_output=True, text=True, check=False, **options)


@contextmanager
def bridged(addresses: Mapping[str, str]) -> Iterator[tuple[Network, dict[str, Network]]]:
    """Networks that one bridge joins, each with its address in 10.88.0.0/24: the bridge's own, and those by name."""
    with ExitStack() as stack:
        middle = stack.enter_context(Network.opened())
        for command in ("link add br0 type bridge", "addr add 10.88.0.1/24 dev br0", "link set br0 up"):
            _well(middle.run("ip", *command.split()))
        joined: dict[str, Network] = {}
        for number, (name, address) in enumerate(addresses.items()):
            own = joined[name] = stack.enter_context(Network.opened())
            _well(middle.run(*f"ip link add v{number} type veth peer name eth0 netns {own.pid}".split()))
            _well(middle.run(*f"ip link set v{number} master br0 up".split()))
            _well(own.run(*f"ip addr add {address}/24 dev eth0".split()))
            _well(own.run(*["ip", "link", "set", "eth0", "up"]))
        yield middle, joined


def _well(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode != 0:
        raise RuntimeError(f"{done.args}: {done.stderr}")


@dataclass
class Container:
    """A container that can be started again, with its volumes as they were. What it says goes to the log."""

    wanted: Wanted
    network: Network
    log: Path
    child: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it, and do not wait."""
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                self.network.inside("unshare", "--mount", "--propagation=private", "sh", "-ec", _script(self.wanted)),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**self.wanted.environment, "PATH": _path(self.wanted)},
            )

    def execute(self, *command: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command in the container as its user, as `docker exec` does."""
        assert self.child is not None
        target = f"--target={self.child.pid}"
        variables = {**self.wanted.environment, **(environment or {}), "PATH": _path(self.wanted)}
        within = ["nsenter", target, "--mount", "--net", "--root", "--wd", *_AS_USER, *command]
        return subprocess.run(within, capture_output=True, text=True, check=False, env=variables, timeout=60)

    def until_healthy(self, test: Sequence[str], seconds: float = 120) -> None:
        """Wait until a health check succeeds. Raises RuntimeError with the log where it does not."""
        deadline = time.monotonic() + seconds
        while self.execute(*test).returncode != 0:
            if time.monotonic() > deadline or self.child is None or self.child.poll() is not None:
                raise RuntimeError(f"not healthy:\n{self.said()[-4000:]}")
            time.sleep(0.1)

    def stop(self, seconds: float) -> int:
        """Send SIGTERM and wait so long at most; the exit status."""
        assert self.child is not None
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(seconds)

    def kill(self) -> None:
        """End it as a crash would, unless it has ended."""
        if self.child is not None and self.child.poll() is None:
            self.child.kill()
            self.child.wait()

    def said(self) -> str:
        """All that it said."""
        return self.log.read_text(encoding="utf-8", errors="replace")


def root_of_this_machine(folder: Path, *, hosts: Mapping[str, str]) -> Path:
    """A clean root with the program, this machine's system and the packages of this Python, none of it writable.

    It stands for the image where none can be built: what lies at /app is what deploy/Dockerfile copies there.
    """
    for name in ("usr", "dev", "proc", "data", "run/secrets", "app/.venv", "etc/ssl", sys.base_prefix.lstrip("/")):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        if Path("/", name).is_symlink():
            (folder / name).symlink_to(Path("/", name).readlink())
    for name in ("framework", "bots", "prompts"):
        shutil.copytree(name, folder / "app" / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    write_hosts(folder, hosts)
    return folder


def system_mounts(folder: Path) -> list[Mount]:
    """What `root_of_this_machine` needs of this machine."""
    libraries = [name for name in ("lib", "lib64") if Path("/", name).is_dir() and not Path("/", name).is_symlink()]
    for name in libraries:
        (folder / name).mkdir(exist_ok=True)
    paths = ["/usr", "/dev", "/proc", "/etc/ssl", *(f"/{name}" for name in libraries)]
    if not sys.base_prefix.startswith("/usr/"):
        paths.append(sys.base_prefix)
    return [*(Mount(Path(path), path) for path in paths), Mount(Path(sys.prefix), "/app/.venv")]


def write_hosts(root: Path, hosts: Mapping[str, str]) -> None:
    """Let each name stand for its address, as an engine's own name server does."""
    (root / "etc").mkdir(exist_ok=True)
    lines = [f"{address} {name}\n" for name, address in {"localhost": "127.0.0.1", **hosts}.items()]
    (root / "etc/hosts").write_text("".join(lines), encoding="utf-8")


def _path(wanted: Wanted) -> str:
    return f"{wanted.environment.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin"


def _script(wanted: Wanted) -> str:
    """Mount, close the root, and become the command: the process stays the same one, so that signals reach it."""
    root = wanted.root
    lines = [f"mount --bind {shlex.quote(str(root))} {shlex.quote(str(root))}"]
    for mount in wanted.mounts:
        goal = shlex.quote(f"{root}{mount.target}")
        lines.append(f"mount --rbind {shlex.quote(str(mount.source))} {goal}")
        if not mount.writable and mount.target not in {"/dev", "/proc"}:
            lines.append(f"mount -o remount,ro,bind {goal}")
    lines.append(f"mount -o remount,ro,bind {shlex.quote(str(root))}")
    inside = ["chroot", str(root), *_AS_USER, "sh", "-c", 'cd "$0" && exec "$@"', wanted.folder, *wanted.command]
    lines.append(f"exec {shlex.join(inside)}")
    return "\n".join(lines)
