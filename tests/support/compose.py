"""A compose file, read: what each service is, with what the image says where the file says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.dockerfile import Stage, environment_of, steps_of


@dataclass(frozen=True)
class Service:
    """A service of ours: the whole command, all variables, the health check, and (source, target, writable)."""

    name: str
    command: list[str]
    environment: dict[str, str]
    health: list[str]
    volumes: list[tuple[str, str, bool]]
    secrets: list[str]
    stop_seconds: float
    depends_on: tuple[str, ...]


def read_compose(file: Path) -> dict[str, Any]:
    """The file with its anchors filled in."""
    return dict(yaml.safe_load(file.read_text(encoding="utf-8")))


def service_of(compose: Mapping[str, Any], name: str, stages: Mapping[str, Stage]) -> Service:
    """A service that is built from deploy/Dockerfile, as an engine would start it."""
    given = compose["services"][name]
    target = given["build"]["target"]
    entry = given.get("entrypoint") or steps_of(stages, target, "ENTRYPOINT")[-1].command
    command = given.get("command") or steps_of(stages, target, "CMD")[-1].command
    own = {key: str(value) for key, value in given.get("environment", {}).items()}
    health = given.get("healthcheck", {}).get("test", ["CMD"])[1:]
    return Service(
        name,
        [*entry, *map(str, command)],
        environment_of(stages, target, {"PATH": "/usr/local/bin:/usr/bin:/bin"}) | own,
        health or steps_of(stages, target, "HEALTHCHECK")[-1].command,
        [_volume(*volume.split(":")) for volume in given.get("volumes", [])],
        list(given.get("secrets", [])),
        float(given["stop_grace_period"].removesuffix("s")),
        tuple(given.get("depends_on", {})),
    )


def _volume(source: str, target: str, mode: str = "rw") -> tuple[str, str, bool]:
    return source, target, mode != "ro"
