"""The image by a real builder, Buildah: it reads the Dockerfile and .dockerignore as Docker does.

It needs root and Debian's package `buildah`. The base image is one that is made of a root, since no registry is asked.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.dockerfile import Stage, environment_of, steps_of
from tests.support.image_root import BASE_PATH

_BASE = "localhost/base:1"
_POLICY = {"default": [{"type": "insecureAcceptAnything"}]}  # of signatures: this image was made here
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


class Buildah:
    """Builds targets from a base root. `folder` holds its images and is given up with it."""

    def __init__(self, stages: Mapping[str, Stage], base: Path, folder: Path, *, dockerfile: Path) -> None:
        self.stages = stages
        self._base = base
        self._folder = folder
        self._dockerfile = dockerfile
        folder.mkdir(parents=True)
        (folder / "policy.json").write_text(json.dumps(_POLICY), encoding="utf-8")

    def build(self, target: str) -> Path:
        """The root of a target, mounted."""
        if _BASE not in self._say("images", "--format", "{{.Name}}:{{.Tag}}"):
            self._import()
        way = [word for name in ("/etc/pip.conf", str(_CERTIFICATES)) for word in _mounted(Path(name))]
        way += ["--env", f"SSL_CERT_FILE={_CERTIFICATES}", "--env", f"PIP_CERT={_CERTIFICATES}"]
        way = way if _CERTIFICATES.exists() else []
        self._say(
            *("bud", "--signature-policy", str(self._folder / "policy.json"), "--isolation=chroot", "--pull-never"),
            *("--format=docker", f"--build-arg=PYTHON_IMAGE={_BASE}", *way),
            *("-f", str(self._dockerfile), "--target", target, "-t", f"localhost/agents:{target}", "."),
        )
        return Path(self._say("mount", self._say("from", "--pull-never", f"localhost/agents:{target}")))

    def differences(self, target: str) -> list[str]:
        """Where the image says other things of itself than the Dockerfile, as tests read it, says."""
        told: dict[str, Any] = json.loads(self._say("inspect", "--type", "image", f"localhost/agents:{target}"))
        found = told["Docker"]["config"]
        read = {
            "User": steps_of(self.stages, target, "USER")[-1].rest,
            "Entrypoint": steps_of(self.stages, target, "ENTRYPOINT")[-1].command,
            "Cmd": steps_of(self.stages, target, "CMD")[-1].command,
            "StopSignal": steps_of(self.stages, target, "STOPSIGNAL")[-1].rest,
        }
        wrong = [name for name, value in read.items() if found[name] != value]
        if found["Healthcheck"]["Test"][1:] != steps_of(self.stages, target, "HEALTHCHECK")[-1].command:
            wrong.append("Healthcheck")
        variables = environment_of(self.stages, target, BASE_PATH)
        return wrong + [name for name, value in variables.items() if f"{name}={value}" not in found["Env"]]

    def _import(self) -> None:
        container = self._say("from", "scratch")
        goal = self._say("mount", container)
        subprocess.run(["cp", "-a", f"{self._base}/.", goal], check=True)
        self._say("commit", "-q", "--signature-policy", str(self._folder / "policy.json"), container, _BASE)

    def _say(self, *arguments: str) -> str:
        places = ["--root", f"{self._folder}/root", "--runroot", f"{self._folder}/run", "--storage-driver=vfs"]
        done = subprocess.run(
            ["buildah", *places, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "BUILDAH_ISOLATION": "chroot"},
        )
        if done.returncode != 0:
            raise RuntimeError(f"buildah {' '.join(arguments)}\n{done.stderr[-3000:]}")
        return done.stdout.strip()


def _mounted(path: Path) -> list[str]:
    return ["-v", f"{path}:{path}:ro"] if path.exists() else []
