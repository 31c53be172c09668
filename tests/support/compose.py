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
    """A service: the whole command, all variables, the health check, volumes as (source, target, writable), and configs
    as (text, target).
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    health: list[str]
    volumes: list[tuple[str, str, bool]]
    secrets: list[str]
    configs: list[tuple[str, str]]
    stop_seconds: float
    depends_on: tuple[str, ...]


def read_compose(file: Path) -> dict[str, Any]:
    """The file with its anchors filled in."""
    return dict(yaml.safe_load(file.read_text(encoding="utf-8")))


_PROGRAMS = {"nats": ["/app/.venv/bin/nats-server"]}
"""What stands in for the program of an image that is not ours: the one that a package brings."""


def service_of(compose: Mapping[str, Any], name: str, stages: Mapping[str, Stage]) -> Service:
    """A service as an engine would start it: what the file does not say is the image's."""
    given = compose["services"][name]
    image: dict[str, list[str]] = {}
    own = {key: str(value) for key, value in given.get("environment", {}).items()}
    path = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    if "build" in given:
        target = given["build"]["target"]
        image = {word: steps_of(stages, target, word)[-1].command for word in ("ENTRYPOINT", "CMD", "HEALTHCHECK")}
        path = environment_of(stages, target, path)
    else:
        image = {"ENTRYPOINT": _PROGRAMS[given["image"].partition(":")[0]]}
    command = given.get("command") or image["CMD"]
    return Service(
        name,
        [*(given.get("entrypoint") or image["ENTRYPOINT"]), *map(str, command)],
        path | own,
        given.get("healthcheck", {}).get("test", ["CMD"])[1:] or image["HEALTHCHECK"],
        [_volume(*volume.split(":")) for volume in given.get("volumes", [])],
        list(given.get("secrets", [])),
        [(compose["configs"][one["source"]]["content"], one["target"]) for one in given.get("configs", [])],
        float(given.get("stop_grace_period", "10s").removesuffix("s")),
        tuple(given.get("depends_on", {})),
    )


def _volume(source: str, target: str, mode: str = "rw") -> tuple[str, str, bool]:
    return source, target, mode != "ro"
