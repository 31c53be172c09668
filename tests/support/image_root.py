"""Root file systems that a Dockerfile's own steps make: `COPY` by copying, `RUN` by chroot. Needs root and Linux."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.support.dockerfile import Stage, environment_of, steps_of

BASE_PATH = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
_PYTHON = ("python3", "python3-venv", "python3-pip", "ca-certificates")
# What Debian's images leave out, too.
_NOT_IN_IMAGES = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian")
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def base_root(folder: Path) -> Path:
    """A minimal Debian with its own Python, called as in the official image. Made once; it takes a minute."""
    if (folder / "usr/local/bin/python").is_symlink():
        return folder
    include = f"--include={','.join(_PYTHON)}"
    _run("debootstrap", "--variant=minbase", include, "trixie", str(folder), "http://deb.debian.org/debian")
    for name in ("var/cache/apt", "var/lib/apt/lists", *_NOT_IN_IMAGES):
        shutil.rmtree(folder / name, ignore_errors=True)
    for marker in folder.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
    (folder / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    return folder


def size_mb(root: Path) -> float:
    """The bytes of all files in MB (10^6), a file with several names once."""
    seen: dict[tuple[int, int], int] = {}
    for folder, _, names in os.walk(root):
        for name in names:
            found = Path(folder, name).lstat()
            if stat.S_ISREG(found.st_mode):
                seen[found.st_dev, found.st_ino] = found.st_size
    return sum(seen.values()) / 1e6


class Builder:
    """Builds stages into folders, each once. `context` is the checkout."""

    def __init__(self, stages: Mapping[str, Stage], base: Path, folder: Path, *, context: Path) -> None:
        self.stages = stages
        self._base = base
        self._folder = folder
        self._context = context

    def build(self, name: str) -> Path:
        """The root of a stage."""
        root = self._folder / name
        if root.exists():
            return root
        stage = self.stages[name]
        parent = self.build(stage.base) if stage.base in self.stages else self._base
        for source in stage.sources:
            self.build(source)
        root.parent.mkdir(parents=True, exist_ok=True)
        _run("cp", "-a", "--reflink=auto", str(parent), str(root))
        for step in stage.steps:
            if step.word == "COPY":
                self._copy(root, name, step.arguments, step.options)
            elif step.word == "RUN":
                self._do(root, name, step.rest)
            elif step.word == "WORKDIR":
                (root / step.rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        return root

    def _copy(self, root: Path, stage: str, arguments: list[str], options: Mapping[str, str]) -> None:
        *sources, target = arguments
        origin = self._folder / options["from"] if "from" in options else self._context
        goal = self._inside(root, stage, target)
        for source in sources:
            found = origin / source.lstrip("/")
            if found.is_dir():
                _run("mkdir", "-p", str(goal))
                _run("cp", "-a", f"{found}/.", str(goal))
            else:
                into = goal / found.name if target.endswith("/") else goal
                into.parent.mkdir(parents=True, exist_ok=True)
                _run("cp", "-a", str(found), str(into))
        if "from" not in options:  # .dockerignore keeps these out
            _run("find", str(goal), "-name", "__pycache__", "-prune", "-exec", "rm", "-r", "{}", "+")
        if "from" not in options or "chown" in options:
            _run("chown", "-R", options.get("chown", "0:0"), str(goal))

    def _do(self, root: Path, stage: str, command: str) -> None:
        """Run a step, with this machine's way to the package index. Nothing of that is in a stage without RUN."""
        way = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_"))}
        if _CERTIFICATES.exists():
            _run("cp", str(_CERTIFICATES), f"{root}{_CERTIFICATES}")
            way["SSL_CERT_FILE"] = way["PIP_CERT"] = str(_CERTIFICATES)
        for file in ("/etc/resolv.conf", "/etc/pip.conf"):
            if Path(file).exists():
                _run("cp", "-L", file, f"{root}{file}")
        environment = environment_of(self.stages, stage, BASE_PATH) | way | {"HOME": "/root"}
        shell = f"cd {self._inside(Path('/'), stage, '.')} && {command}"
        _run("chroot", str(root), "/bin/sh", "-ec", shell, environment=environment)

    def _inside(self, root: Path, stage: str, path: str) -> Path:
        folders = [step.rest for step in steps_of(self.stages, stage, "WORKDIR")]
        return root / Path(folders[-1] if folders else "/", path).as_posix().lstrip("/")


def _run(*command: str, environment: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(
        command, env=None if environment is None else dict(environment), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
