"""The chart, rendered by Helm's own library."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import yaml

CHART = Path("deploy/chart")
APP: dict[str, Any] = {"stream": {"apiKey": "key"}, "secret": {"name": "agents"}}
"""The least that the chart must be told: one replica on SQLite."""
SHARED = {"name": "agents", "databaseUrl": "database_url"}
"""The Secret of replicas."""


def unavailable() -> str | None:
    """Why Helm cannot render here; None where it can."""
    return None if importlib.util.find_spec("helm_python") else "helm-python-sdk has no build for this machine"


def rendered(values: dict[str, Any]) -> list[dict[str, Any]]:
    """The resources that a release with these values makes. Raises HelmError where the chart refuses them."""
    import helm_python

    with helm_python.Chart.load(str(CHART)) as chart:
        chart.validate_schema({**chart.values, **values})
        files = chart.render(values, name="shop", namespace="agents")
    made = [one for name, text in files.items() if name.endswith(".yaml") for one in yaml.safe_load_all(text)]
    return [one for one in made if one]


def one_of(resources: list[dict[str, Any]], kind: str, name: str = "shop-agents") -> dict[str, Any]:
    """The resource of a kind and a name."""
    (found,) = [one for one in resources if one["kind"] == kind and one["metadata"]["name"] == name]
    return found


def container_of(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """The one container of the deployment."""
    (found,) = one_of(resources, "Deployment")["spec"]["template"]["spec"]["containers"]
    return dict(found)
