"""penstock doctor looks for what the chart installs, no more and no less."""

from __future__ import annotations

import pytest

from penstock.adapters.kube.doctor import _unguarded
from penstock.adapters.kube.doctor_lists import GUARDS, OPERATOR_RIGHTS, STAMPS
from tests.integration.charts.conftest import Helm, Manifests

pytestmark = pytest.mark.timeout(120, func_only=True)


def by_name(manifests: Manifests, kind: str) -> dict[str, object]:
    return {each["metadata"]["name"]: each for each in manifests.of(kind)}


def test_policies(helm: Helm):
    made = helm.manifests()
    policies = by_name(made, "ValidatingAdmissionPolicy")
    bindings = by_name(made, "ValidatingAdmissionPolicyBinding")
    assert sorted(policies) == sorted(bindings) == sorted(GUARDS)
    assert sorted(by_name(made, "MutatingAdmissionPolicy")) == sorted(STAMPS)
    assert sorted(by_name(made, "MutatingAdmissionPolicyBinding")) == sorted(STAMPS)
    assert list(_unguarded(policies, bindings)) == []


@pytest.mark.parametrize("name", GUARDS)
def test_a_guard_that_is_loosened_is_noticed(helm: Helm, name: str):
    made = helm.manifests()
    policies, bindings = by_name(made, "ValidatingAdmissionPolicy"), by_name(made, "ValidatingAdmissionPolicyBinding")
    gone = {other: each for other, each in bindings.items() if other != name}
    audit = {**bindings, name: {"spec": {"policyName": name, "validationActions": ["Audit"]}}}
    elsewhere = {"policyName": name, "validationActions": ["Deny"], "matchResources": {"namespaceSelector": {}}}
    narrowed = {**bindings, name: {"spec": elsewhere}}
    ignoring = {**policies, name: {"spec": {"failurePolicy": "Ignore"}}}
    for looked, bound in ((policies, gone), (policies, audit), (policies, narrowed), (ignoring, bindings)):
        (wrong,) = _unguarded(looked, bound)
        assert name in wrong


def test_rights_of_the_operator(helm: Helm):
    role = helm.manifests().named("ClusterRole", "penstock-operator")
    installed = {
        (verb, resource, group)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert installed == set(OPERATOR_RIGHTS)
