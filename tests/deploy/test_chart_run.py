"""The chart's container, by the deployment's own arguments, variables, volumes and probes, in a chroot."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import chart, containers, postgres
from tests.support.chart import APP, SHARED, container_of, one_of, rendered
from tests.support.composed import Composed, composed
from tests.support.containers import USER, Mount
from tests.support.dockerfile import environment_of, read_stages, steps_of

STAGES = read_stages(Path("deploy/Dockerfile"))
_WHY = chart.unavailable() or containers.unavailable() or postgres.unavailable()

pytestmark = pytest.mark.skipif(bool(_WHY), reason=str(_WHY))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """A sandbox and a Postgres, in a network with one node."""
    with composed(Path("deploy/compose.yaml"), tmp_path_factory.mktemp("chart")) as services:
        services.up("postgres")
        services.up("sandbox")
        yield services


def volumes(pod: dict[str, Any], services: Composed, folder: Path) -> dict[str, Path]:
    """The volumes of a pod as the kubelet makes them: of root, open to the pod's group."""
    secret = {
        "stream_api_secret": (services.volume("sandbox") / "api_secret").read_text(),
        "database_url": (services.secrets / "database_url").read_text(),
    }
    made = {volume["name"]: folder / volume["name"] for volume in pod["volumes"]}
    for volume in pod["volumes"]:
        made[volume["name"]].mkdir()
        for item in volume.get("secret", {}).get("items", []):
            file = made[volume["name"]] / item["path"]
            file.write_text(secret[item["key"]])
            file.chmod(volume["secret"]["defaultMode"])
            shutil.chown(file, 0, pod["securityContext"]["fsGroup"])
        shutil.chown(made[volume["name"]], 0, pod["securityContext"]["fsGroup"])
        made[volume["name"]].chmod(0o2770)
    return made


def started(resources: list[dict[str, Any]], services: Composed, folder: Path) -> containers.Container:
    """The pod's container, on the node."""
    pod, given = one_of(resources, "Deployment")["spec"]["template"]["spec"], container_of(resources)
    places = volumes(pod, services, folder)
    mounts = [Mount(places[m["name"]], m["mountPath"], not m.get("readOnly", False)) for m in given["volumeMounts"]]
    environment = environment_of(STAGES, "full", {"PATH": "/usr/bin:/bin"})
    environment |= {variable["name"]: variable["value"] for variable in given["env"]}
    command = [*steps_of(STAGES, "full", "ENTRYPOINT")[-1].command, *given["args"]]
    return services.start(folder.name, command, environment, mounts)


def probed(probe: dict[str, Any], given: dict[str, Any], services: Composed) -> bool:
    """Whether a probe succeeds, at the port that the container names."""
    ports = {port["name"]: port["containerPort"] for port in given["ports"]}
    asked = probe["httpGet"]
    return services.status(f"http://127.0.0.1:{ports[asked['port']]}{asked['path']}") == "200"


@pytest.mark.parametrize("secret", [APP["secret"], SHARED], ids=["on SQLite", "on Postgres"])
def test_the_pod_starts_is_ready_answers_and_ends_in_time(
    running: Composed, tmp_path: Path, secret: dict[str, str]
) -> None:
    app = {"apiKey": "sandbox", "baseUrl": "http://sandbox:8830"}
    resources = rendered({**APP, "stream": app, "secret": secret})
    given, pod = container_of(resources), one_of(resources, "Deployment")["spec"]["template"]["spec"]
    bot = started(resources, running, tmp_path)
    try:
        startup = given["startupProbe"]
        deadline = time.monotonic() + startup["periodSeconds"] * startup["failureThreshold"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            while not probed(given[probe], given, running):
                assert time.monotonic() < deadline, f"{probe}: {bot.said()[-3000:]}"
                time.sleep(0.1)
        assert "three years" in running.ask("How long is the warranty?")
        assert "Traceback" not in bot.said()
        assert bot.execute("id", "-u").stdout.strip() == USER
        doctor = bot.execute("python", "-m", "framework", "doctor", "support_bot")
        assert doctor.returncode == 0, doctor.stdout + doctor.stderr
        assert "others on this machine" not in doctor.stdout
    finally:
        ended = bot.stop(pod["terminationGracePeriodSeconds"])
    assert ended == 0
