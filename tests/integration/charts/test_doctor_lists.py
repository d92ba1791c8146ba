"""penstock doctor looks for what the chart installs, no more and no less."""

from __future__ import annotations

import pytest

from penstock.adapters.kube.doctor import _unguarded
from penstock.adapters.kube.doctor_lists import ASSERTION_GUARDS, ASSERTION_RIGHTS, GUARDS, OPERATOR_RIGHTS, STAMPS
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
    assert rights_of(helm.manifests(), "penstock-operator") == set(OPERATOR_RIGHTS)


def test_what_comes_with_saying_who_asks(helm: Helm):
    made = helm.manifests(onBehalfOf__enabled=True)
    assert rights_of(made, "penstock-operator") == set(OPERATOR_RIGHTS)
    assert rights_of(made, "penstock-operator-assertions") == set(ASSERTION_RIGHTS)
    policies, bindings = by_name(made, "ValidatingAdmissionPolicy"), by_name(made, "ValidatingAdmissionPolicyBinding")
    assert sorted(policies) == sorted(bindings) == sorted((*GUARDS, *ASSERTION_GUARDS))
    assert list(_unguarded(policies, bindings, ASSERTION_GUARDS)) == []
    (found,) = _unguarded(policies, {**bindings, ASSERTION_GUARDS[0]: None}, ASSERTION_GUARDS)
    assert ASSERTION_GUARDS[0] in found


def rights_of(made: Manifests, name: str) -> set[tuple[str, str, str]]:
    return {
        (verb, resource, group)
        for rule in made.named("ClusterRole", name)["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
