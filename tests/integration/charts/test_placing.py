"""Where pods may run, what they may call, and where their images come from."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from penstock.settings import OperatorSettings
from tests.integration.charts.conftest import CHARTS, Helm, Manifest, Manifests

pytestmark = pytest.mark.timeout(120, func_only=True)

DIGEST = "@sha256:" + "a" * 64


def container(made: Manifests, name: str) -> dict[str, Any]:
    (found,) = made.named("Deployment", name)["spec"]["template"]["spec"]["containers"]
    return dict(found)


def labels_of(made: Manifests, deployment: str) -> dict[str, str]:
    found: dict[str, str] = made.named("Deployment", deployment)["spec"]["template"]["metadata"]["labels"]
    return found


@pytest.mark.parametrize(
    ("written", "pulled"),
    [
        ("ghcr.io/penstock/operator:1", "mirror.example.com/all/penstock/operator:1"),
        ("localhost/operator" + DIGEST, "mirror.example.com/all/operator" + DIGEST),
        ("registry:5000/operator:1", "mirror.example.com/all/operator:1"),
        ("penstock/operator:1", "mirror.example.com/all/penstock/operator:1"),
        ("operator:1", "mirror.example.com/all/operator:1"),
    ],
)
def test_one_registry_for_all_images(helm: Helm, written: str, pulled: str):
    images = {"image__operator": written, "image__mcp": written, "runtimes__bash__image": written}
    made = helm.manifests(image__registry="mirror.example.com/all", **images)
    assert container(made, "penstock-operator")["image"] == pulled
    assert container(made, "penstock-mcp")["image"] == pulled
    environment = {each["name"]: each.get("value") for each in container(made, "penstock-operator")["env"]}
    assert json.loads(environment["PENSTOCK_RUNTIME_IMAGES"]) == {"bash": pulled}


def test_images_stay_as_they_are_without_one(helm: Helm):
    assert container(helm.manifests(image__operator="a.b/c:1"), "penstock-operator")["image"] == "a.b/c:1"


def test_replicas_are_kept_while_nodes_are_drained(helm: Helm):
    assert helm.manifests().of("PodDisruptionBudget") == [], "with one replica a node could never be drained"
    made = helm.manifests(operator__replicas=2, mcp__replicas=3)
    for name in ("penstock-operator", "penstock-mcp"):
        budget = made.named("PodDisruptionBudget", name)["spec"]
        assert budget["maxUnavailable"] == 1
        assert budget["selector"]["matchLabels"].items() <= labels_of(made, name).items()
    assert helm.manifests(operator__replicas=2, operator__podDisruptionBudget=False).of("PodDisruptionBudget") == []


def test_where_pods_go(helm: Helm):
    wanted = {
        "priorityClassName": "important",
        "nodeSelector": {"pool": "system"},
        "tolerations": [{"key": "system", "operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}},
    }
    values = {f"{part}__{name}": value for part in ("operator", "mcp") for name, value in wanted.items()}
    made = helm.manifests(**values, operator__podAnnotations={"a": "b"})
    for name in ("penstock-operator", "penstock-mcp"):
        pod = made.named("Deployment", name)["spec"]["template"]["spec"]
        assert {key: pod[key] for key in wanted} == wanted
    template = made.named("Deployment", "penstock-operator")["spec"]["template"]
    assert template["metadata"]["annotations"] == {"a": "b"}


def selected(made: Manifests, policy: Manifest) -> list[str]:
    wanted = policy["spec"]["podSelector"]["matchLabels"].items()
    return [each["metadata"]["name"] for each in made.of("Deployment") if wanted <= labels_of_one(each).items()]


def labels_of_one(deployment: Manifest) -> dict[str, str]:
    return dict(deployment["spec"]["template"]["metadata"]["labels"])


def test_our_own_pods_are_called_at_their_ports_alone(helm: Helm):
    made = helm.manifests(networkPolicies__enabled=True, networkPolicies__egressPorts=[6443])
    for name in ("penstock-operator", "penstock-mcp"):
        policy = made.named("NetworkPolicy", name)
        assert selected(made, policy) == [name]
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
        (ingress,) = policy["spec"]["ingress"]
        named = {port["name"] for port in container(made, name)["ports"]}
        assert {port["port"] for port in ingress["ports"]} == named
        names, calls = policy["spec"]["egress"]
        assert {(port["port"], port["protocol"]) for port in names["ports"]} == {(53, "UDP"), (53, "TCP")}
        assert calls["ports"] == [{"port": 6443, "protocol": "TCP"}]
    assert helm.manifests().of("NetworkPolicy") == []


def test_steps_are_cut_off_in_the_namespaces_that_are_named(helm: Helm):
    made = helm.manifests(
        networkPolicies__steps=[{"namespace": "sales"}, {"namespace": "ops", "apiServer": True}],
        networkPolicies__apiServerCidrs=["10.0.0.1/32", "fd00::1/128"],
    )
    policies = {each["metadata"]["namespace"]: each["spec"] for each in made.of("NetworkPolicy")}
    assert sorted(policies) == ["ops", "sales"]
    for spec in policies.values():
        assert spec["podSelector"] == {"matchExpressions": [{"key": "penstock.dev/run", "operator": "Exists"}]}
        assert spec["ingress"] == []
        assert "Ingress" in spec["policyTypes"]
    blocks = {place: forbidden(spec) for place, spec in policies.items()}
    for forbid in blocks.values():
        assert {"169.254.169.254/32", "fd00:ec2::254/128"} <= forbid
    assert {"10.0.0.1/32", "fd00::1/128"} <= blocks["sales"]
    assert not {"10.0.0.1/32", "fd00::1/128"} & blocks["ops"]


def forbidden(spec: dict[str, Any]) -> set[str]:
    names, calls = spec["egress"]
    assert {port["port"] for port in names["ports"]} == {53}
    return {cidr for peer in calls["to"] for cidr in peer["ipBlock"]["except"]}


def test_an_address_for_clients_outside(helm: Helm):
    made = helm.manifests(
        mcp__ingress={"enabled": True, "host": "mcp.example.com", "className": "nginx", "tlsSecretName": "mcp-tls"}
    )
    (ingress,) = made.of("Ingress")
    assert ingress["spec"]["ingressClassName"] == "nginx"
    assert ingress["spec"]["tls"] == [{"hosts": ["mcp.example.com"], "secretName": "mcp-tls"}]
    (rule,) = ingress["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    service = made.named("Service", backend["name"])
    assert backend["port"]["name"] in {port["name"] for port in service["spec"]["ports"]}
    environment = {each["name"]: each.get("value") for each in container(made, "penstock-mcp")["env"]}
    assert "mcp.example.com" in str(environment["PENSTOCK_MCP_ALLOWED_HOSTS"]).split(",")
    assert helm.manifests().of("Ingress") == []


def test_an_ingress_without_a_host_is_refused(helm: Helm):
    done = helm.render(image__operator="o", image__mcp="m", mcp__ingress__enabled=True)
    assert done.returncode != 0
    assert "ingress/host" in done.stderr


def test_a_queue_of_its_own_at_the_api_server(helm: Helm):
    (schema,) = helm.manifests(flowSchema__enabled=True).of("FlowSchema")
    (rule,) = schema["spec"]["rules"]
    assert rule["subjects"] == [
        {
            "kind": "ServiceAccount",
            "serviceAccount": {"name": "penstock-operator", "namespace": "penstock-system"},
        }
    ]
    assert helm.manifests().of("FlowSchema") == []


@pytest.mark.parametrize("chart", ["penstock", "penstock-crds"])
def test_the_schema_knows_every_value(chart: str):
    schema = json.loads((CHARTS / chart / "values.schema.json").read_text())
    values = yaml.safe_load((CHARTS / chart / "values.yaml").read_text())
    assert list(unknown(values, schema, schema.get("definitions", {}), "")) == []


def unknown(value: Any, schema: dict[str, Any], shared: dict[str, Any], path: str) -> Any:
    """Paths of values that any text would be accepted for."""
    if "$ref" in schema:
        schema = shared[schema["$ref"].rpartition("/")[2]]
    if not isinstance(value, dict) or "properties" not in schema:
        if not {"type", "enum", "allOf", "properties"} & schema.keys():
            yield path
        return
    assert schema["additionalProperties"] is False or path == "", path
    for name, inner in value.items():
        yield from unknown(inner, schema["properties"].get(name, {}), shared, f"{path}.{name}")


def test_who_is_told_of_gates(helm: Helm):
    made = helm.manifests(
        notifications__secretName="gates",
        notifications__link="https://flows.example.com/{namespace}/{name}",
        notifications__smtp={
            "host": "mail.example.com",
            "from": "p@example.com",
            "to": ["a@example.com", "b@example.com"],
        },
    )
    found = {each["name"]: each for each in container(made, "penstock-operator")["env"]}
    assert found["PENSTOCK_NOTIFY_LINK"]["value"].endswith("/{name}")
    assert found["PENSTOCK_NOTIFY_MAIL_TO"]["value"] == "a@example.com,b@example.com"
    assert found["PENSTOCK_NOTIFY_SMTP_PORT"]["value"] == "587"
    secret = {
        name: each["valueFrom"]["secretKeyRef"] for name, each in found.items() if "SECRET" in name or "URL" in name
    }
    assert secret["PENSTOCK_NOTIFY_WEBHOOK_SECRET"] == {"name": "gates", "key": "webhook-secret", "optional": True}
    known = {f"PENSTOCK_{name.upper()}" for name in OperatorSettings.model_fields}
    assert {name for name in found if name.startswith("PENSTOCK_NOTIFY_")} <= known


def test_mail_for_nobody_is_refused(helm: Helm):
    done = helm.render(
        image__operator="o", image__mcp="m", notifications__smtp={"host": "mail.example.com", "from": "p@example.com"}
    )
    assert done.returncode != 0
    assert "notifications.smtp.to" in done.stderr
