"""The chart: rendered by Helm's own library, judged by Kubernetes' own schemas, true to the image and the settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from framework.version import __version__
from tests.support.chart import APP, CHART, SHARED, container_of, one_of, rendered, unavailable
from tests.support.dockerfile import read_stages, steps_of

pytestmark = pytest.mark.skipif(bool(unavailable()), reason=str(unavailable()))

KUBERNETES = "1.33.0"
CASES: dict[str, dict[str, Any]] = {
    "one on SQLite": APP,
    "one on a claim of one's own": {**APP, "persistence": {"existingClaim": "mine"}},
    "one on Postgres": {**APP, "secret": SHARED},
    "replicas on Postgres": {**APP, "secret": SHARED, "replicas": 3, "events": "webhook"},
    "replicas on NATS": {
        **APP,
        "secret": {**SHARED, "journalCredentials": "nats.creds"},
        "replicas": 2,
        "journal": "tls://nats-1:4222,nats-2:4222,nats-3:4222",
    },
    "everything": {
        **APP,
        "secret": {**SHARED, "openaiApiKey": "openai_api_key"},
        "image": {"repository": "registry.example.com/agents", "digest": f"sha256:{'a' * 64}"},
        "imagePullSecrets": [{"name": "registry"}],
        "bots": ["my_bot", "other_bot"],
        "botsVolume": {"persistentVolumeClaim": {"claimName": "my-bots"}},
        "openai": {"baseUrl": "http://models.models:8000/v1", "model": "small"},
        "webhook": {
            "host": "bots.example.com",
            "className": "nginx",
            "tlsSecret": "bots-tls",
            "annotations": {"a": "b"},
        },
        "consoleUrl": "https://console.example.com",
        "env": [{"name": "FRAMEWORK_LOG_TEXTS", "value": "true"}],
        "autoscaling": {"enabled": True},
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "networkPolicy": {
            "webhookFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}],
            "operatorsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
        },
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "bots", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
    },
}
EACH = pytest.mark.parametrize("case", CASES)


def test_helm_warns_of_nothing() -> None:
    import helm_python

    for values in CASES.values():
        report = helm_python.lint(str(CHART), values, strict=True, kube_version=f"v{KUBERNETES}")
        assert report["errors"] == []
        assert [one for one in report["messages"] if one["severity"] > 1] == []


@EACH
def test_each_resource_is_as_kubernetes_says(case: str) -> None:
    """A ServiceMonitor is left out: it is of Prometheus' operator, and Kubernetes has no schema of it."""
    for resource in rendered(CASES[case]):
        if resource["kind"] != "ServiceMonitor":
            kubernetes_validate.validate(resource, KUBERNETES, strict=True)


def test_a_mistake_would_be_found() -> None:
    resource = one_of(rendered(APP), "Deployment")
    resource["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(resource, KUBERNETES, strict=True)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({**APP, "stream": {}}, "stream.apiKey is empty"),
        ({**APP, "secret": {}}, "secret.name is empty"),
        ({**APP, "bots": []}, "bots is empty"),
        ({**APP, "replicas": 2}, "replicas share their turns on Postgres"),
        ({**APP, "autoscaling": {"enabled": True}}, "replicas share their turns on Postgres"),
        ({**APP, "journal": "nats://nats:4222"}, "needs Postgres"),
        (
            {**APP, "secret": SHARED, "autoscaling": {"enabled": True, "minReplicas": 5, "maxReplicas": 2}},
            "autoscaling.maxReplicas is less",
        ),
        ({**APP, "replica": 2}, "replica"),
        ({**APP, "events": "websockets"}, "events"),
        ({**APP, "journal": "postgresql://db"}, "journal"),
        ({**APP, "consoleUrl": "http://console.example.com"}, "consoleUrl"),
        ({**APP, "image": {"digest": "latest"}}, "digest"),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(values: dict[str, Any], words: str) -> None:
    import helm_python

    with pytest.raises(helm_python.HelmError, match=re.escape(words)):
        rendered(values)


def test_one_replica_on_sqlite_has_its_volume_alone() -> None:
    resources = rendered(APP)
    deployment = one_of(resources, "Deployment")
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    claim = one_of(resources, "PersistentVolumeClaim")
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert not [one for one in resources if one["kind"] == "PodDisruptionBudget"], "it would block each drain"


def test_replicas_share_no_volume_and_go_one_by_one() -> None:
    resources = rendered(CASES["replicas on Postgres"])
    deployment = one_of(resources, "Deployment")
    assert deployment["spec"]["replicas"] == 3
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert not [one for one in resources if one["kind"] == "PersistentVolumeClaim"]
    assert one_of(resources, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    scaled = rendered(CASES["everything"])
    assert "replicas" not in one_of(scaled, "Deployment")["spec"], "the autoscaler's"
    (metric,) = one_of(scaled, "HorizontalPodAutoscaler")["spec"]["metrics"]
    assert metric["external"]["metric"]["name"] == "agents_queue_oldest_seconds"


@EACH
def test_it_runs_as_the_image_does(case: str) -> None:
    resources = rendered(CASES[case])
    pod, container = one_of(resources, "Deployment")["spec"]["template"]["spec"], container_of(resources)
    (user,) = steps_of(read_stages(Path("deploy/Dockerfile")), "full", "USER")
    context = pod["securityContext"]
    assert f"{context['runAsUser']}:{context['runAsGroup']}" == user.rest
    assert context["runAsNonRoot"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["terminationGracePeriodSeconds"] == 25 + 5
    paths = [container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert paths == ["/livez", "/livez", "/readyz"]
    assert [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")] == ["/data"]


@EACH
def test_each_variable_is_a_setting_and_no_secret_is_in_one(case: str) -> None:
    known = set(re.findall(r"`(\w+)`", Path("docs/reference/settings.md").read_text(encoding="utf-8")))
    resources = rendered(CASES[case])
    files = {
        f"/run/secrets/agents/{item['path']}"
        for volume in one_of(resources, "Deployment")["spec"]["template"]["spec"]["volumes"]
        for item in volume.get("secret", {}).get("items", [])
    }
    for variable in container_of(resources)["env"]:
        assert variable["name"] in known
        if variable["name"].endswith(("_FILE", "_CREDENTIALS")):
            assert variable["value"] in files
        assert variable["name"] not in {"STREAM_API_SECRET", "DATABASE_URL", "OPENAI_API_KEY"}
    assert not [one for one in resources if one["kind"] == "Secret"]


def test_strangers_reach_the_webhooks_alone() -> None:
    everything, least = rendered(CASES["everything"]), rendered(APP)
    (rule,) = one_of(everything, "Ingress", "shop-agents-webhook")["spec"]["rules"]
    caddy = Path("deploy/Caddyfile").read_text(encoding="utf-8")
    paths = [path["path"] for path in rule["http"]["paths"]]
    assert " ".join(paths) in caddy
    assert {path["pathType"] for path in rule["http"]["paths"]} == {"Exact"}
    for name, port in (("webhook", 80), ("operators", 8850)):
        assert [one["port"] for one in one_of(least, "Service", f"shop-agents-{name}")["spec"]["ports"]] == [port]
    allowed = [ports["port"] for rule in one_of(least, "NetworkPolicy")["spec"]["ingress"] for ports in rule["ports"]]
    assert allowed == ["webhook"]
    for rule in one_of(everything, "NetworkPolicy")["spec"]["ingress"]:
        assert rule["from"], "an empty list would let everybody in"


def test_the_monitor_finds_the_operators_service() -> None:
    resources = rendered(CASES["everything"])
    monitor = one_of(resources, "ServiceMonitor")
    service = one_of(resources, "Service", "shop-agents-operators")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]


def test_the_chart_has_the_programs_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert str(chart["appVersion"]) == __version__
