"""How figures come to be collected, watched and drawn: nothing asks for a metric that nobody serves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from penstock.adapters.kube import figures_list
from penstock_mcp.guarding import figures as mcp_figures
from tests.integration.charts.conftest import CHARTS, Helm

pytestmark = pytest.mark.timeout(120, func_only=True)

RULES = CHARTS / "penstock" / "rules" / "penstock.yaml"
DASHBOARD = CHARTS / "penstock" / "dashboards" / "penstock.json"
METRICS = (*figures_list.METRICS, *mcp_figures.METRICS)
SERIES = {series for metric in METRICS for series in metric.series}
LABELS = {series: set(metric.labels) | {"le"} for metric in METRICS for series in metric.series}
ALLOWED = {
    (metric.name, label): set(re.findall(r"`([^`]*)`", values))
    for metric in METRICS
    for label, values in metric.labels.items()
}


def rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    return found


def panels() -> list[dict[str, Any]]:
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[Any]:
    for rule in rules():
        yield pytest.param(rule["expr"], id=rule["alert"])
    for panel in panels():
        for target in panel["targets"]:
            yield pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")


@pytest.mark.parametrize("expression", [*expressions()])
def test_every_metric_that_is_asked_for_is_served(expression: str):
    asked = set(re.findall(r"penstock_[a-z_]+", expression))
    assert asked
    assert asked <= SERIES


@pytest.mark.parametrize("expression", [*expressions()])
def test_every_label_and_value_that_is_asked_for_is_there(expression: str):
    for name, selector in re.findall(r"(penstock_[a-z_]+)\{([^}]*)\}", expression):
        for label, values in re.findall(r'([a-z]+)(?:=|!=|=~|!~)"([^"]*)"', selector):
            assert label in LABELS[name]
            known = ALLOWED[re.sub(r"_(bucket|sum|count)$", "", name), label]
            # Outcomes of calls are codes of errors too, which docs/reference/errors.md lists.
            assert set(values.split("|")) <= known or name.startswith("penstock_mcp_")
    for names in re.findall(r"by \(([a-z, ]+)\)", expression):
        asked = {name.strip() for name in names.split(",")}
        assert asked <= set.union(*(LABELS[name] for name in re.findall(r"penstock_[a-z_]+", expression)))


def test_every_rule_says_what_is_the_matter_and_what_to_do():
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["description"].endswith(".")
    page = (CHARTS.parent / "docs" / "how-to" / "metrics.md").read_text()
    assert [name for name in names if f"`{name}`" not in page] == []


def test_every_metric_of_the_operator_is_on_the_dashboard():
    drawn = " ".join(target["expr"] for panel in panels() for target in panel["targets"])
    assert [metric.name for metric in METRICS if metric.name not in drawn] == []
    assert len({panel["id"] for panel in panels()}) == len(panels())


def test_nothing_of_prometheus_is_installed_unasked(helm: Helm):
    made = helm.manifests()
    kinds = {manifest["kind"] for manifest in made}
    assert not kinds & {"ServiceMonitor", "PrometheusRule"}
    assert not [each for each in made.of("ConfigMap") if "dashboard" in each["metadata"]["name"]]


def test_the_monitor_finds_both_services(helm: Helm):
    made = helm.manifests(
        metrics__serviceMonitor__enabled=True,
        metrics__serviceMonitor__labels={"release": "prometheus"},
        metrics__rules__enabled=True,
        metrics__dashboard__enabled=True,
    )
    (monitor,), (rule,) = made.of("ServiceMonitor"), made.of("PrometheusRule")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    wanted = monitor["spec"]["selector"]["matchLabels"]
    found = [each for each in made.of("Service") if wanted.items() <= each["metadata"]["labels"].items()]
    assert sorted(each["metadata"]["name"] for each in found) == ["penstock-mcp", "penstock-operator-metrics"]
    for service in found:
        assert "metrics" in [port["name"] for port in service["spec"]["ports"]]
        assert len([d for d in made.of("Deployment") if selects(service, d)]) == 1
    assert rule["spec"]["groups"][0]["rules"] == rules()
    (dashboard,) = [each for each in made.of("ConfigMap") if each["metadata"]["name"] == "penstock-dashboard"]
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(dashboard["data"]["penstock.json"])["uid"] == "penstock"


def selects(service: dict[str, Any], deployment: dict[str, Any]) -> bool:
    pod = deployment["spec"]["template"]
    ports = {port["name"] for container in pod["spec"]["containers"] for port in container["ports"]}
    return service["spec"]["selector"].items() <= pod["metadata"]["labels"].items() and "metrics" in ports


def test_a_port_of_zero_serves_nothing(helm: Helm):
    made = helm.manifests(operator__metricsPort=0)
    assert [each["metadata"]["name"] for each in made.of("Service")] == ["penstock-mcp"]
    (container,) = made.named("Deployment", "penstock-operator")["spec"]["template"]["spec"]["containers"]
    assert [port["name"] for port in container["ports"]] == ["probes"]
    assert {"name": "PENSTOCK_METRICS_PORT", "value": "0"} in container["env"]
