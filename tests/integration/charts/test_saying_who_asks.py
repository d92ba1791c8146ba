"""What the chart makes of `onBehalfOf`: a key, the right to hand out what it signs, and the route that publishes it."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from penstock.adapters.kube.doctor_signing import PUBLISHES, SIGNS
from tests.integration.charts.conftest import Helm, Manifest, Manifests

pytestmark = pytest.mark.timeout(120, func_only=True)


def pod_of(made: Manifests, name: str) -> dict[str, Any]:
    found: dict[str, Any] = made.named("Deployment", name)["spec"]["template"]["spec"]
    return found


def environment(made: Manifests, name: str) -> dict[str, Any]:
    (container,) = pod_of(made, name)["containers"]
    return {variable["name"]: variable.get("value") for variable in container["env"]}


def secrets_of(made: Manifests, name: str) -> dict[str, tuple[str, list[str]]]:
    """Of each folder: the Secret that is in it, and the keys of it."""
    pod = pod_of(made, name)
    (container,) = pod["containers"]
    volumes = {each["name"]: each["secret"] for each in pod["volumes"] if "secret" in each}
    return {
        mount["mountPath"]: (
            volumes[mount["name"]]["secretName"],
            [item["key"] for item in volumes[mount["name"]]["items"]],
        )
        for mount in container["volumeMounts"]
        if mount["name"] in volumes
    }


def about_secrets(made: Manifests, account: str) -> list[tuple[list[str], list[str]]]:
    """(resources, verbs) of every right to Secrets that a ServiceAccount is bound to."""
    bound = {
        each["roleRef"]["name"]
        for kind in ("ClusterRoleBinding", "RoleBinding")
        for each in made.of(kind)
        if any(subject["name"] == account for subject in each["subjects"])
    }
    roles: list[Manifest] = [*made.of("ClusterRole"), *made.of("Role")]
    return [
        (rule["resources"], rule["verbs"])
        for role in roles
        if role["metadata"]["name"] in bound
        for rule in role["rules"]
        if "secrets" in rule.get("resources", ()) and "" in rule["apiGroups"]
    ]


def test_nothing_of_it_is_there_unless_it_is_asked_for(helm: Helm) -> None:
    made = helm.manifests()
    assert about_secrets(made, "penstock-operator") == []
    assert SIGNS not in environment(made, "penstock-operator")
    assert PUBLISHES not in environment(made, "penstock-mcp")
    assert made.of("Secret") == []


def test_the_operator_may_make_secrets_and_reads_none(helm: Helm) -> None:
    made = helm.manifests(onBehalfOf__enabled=True)
    assert about_secrets(made, "penstock-operator") == [(["secrets"], ["create", "delete"])]
    policies = {each["metadata"]["name"]: each["spec"] for each in made.of("ValidatingAdmissionPolicy")}
    for name in ("operator-secrets.penstock.dev", "assertions.penstock.dev"):
        assert policies[name]["failurePolicy"] == "Fail"


def test_in_some_namespaces_it_may_in_these_alone(helm: Helm) -> None:
    made = helm.manifests(onBehalfOf__enabled=True, watchNamespaces=["sales", "support"])
    role = "penstock-operator-assertions"
    bound = [each for each in made.of("RoleBinding") if each["roleRef"]["name"] == role]
    assert sorted(each["metadata"]["namespace"] for each in bound) == ["sales", "support"]
    assert [each for each in made.of("ClusterRoleBinding") if each["roleRef"]["name"] == role] == []


def test_the_operator_signs_with_a_key_that_the_chart_makes_and_keeps(helm: Helm) -> None:
    made = helm.manifests(onBehalfOf__enabled=True, onBehalfOf__issuer="https://penstock.example.com")
    secret = made.named("Secret", "penstock-operator-assertions")
    assert secret["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert b"EC PRIVATE KEY" in base64.b64decode(secret["data"]["tls.key"])
    assert secrets_of(made, "penstock-operator") == {
        "/etc/penstock/assertions": ("penstock-operator-assertions", ["tls.key"])
    }
    settings = environment(made, "penstock-operator")
    assert settings[SIGNS] == "/etc/penstock/assertions/tls.key"
    assert settings["PENSTOCK_ASSERTION_ISSUER"] == "https://penstock.example.com"


def test_the_server_publishes_certificates_and_never_has_the_key(helm: Helm) -> None:
    made = helm.manifests(
        onBehalfOf__enabled=True, onBehalfOf__existingSecret="own", onBehalfOf__alsoPublished=["next"]
    )
    assert made.of("Secret") == []
    assert secrets_of(made, "penstock-operator")["/etc/penstock/assertions"] == ("own", ["tls.key"])
    assert secrets_of(made, "penstock-mcp") == {
        "/etc/penstock/assertions-0": ("own", ["tls.crt"]),
        "/etc/penstock/assertions-1": ("next", ["tls.crt"]),
    }
    files = environment(made, "penstock-mcp")[PUBLISHES]
    assert files == "/etc/penstock/assertions-0/tls.crt,/etc/penstock/assertions-1/tls.crt"
