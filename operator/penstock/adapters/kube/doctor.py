"""Looks at an installation with the rights of whoever asks, and says what is missing. Changes nothing."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from penstock import __version__
from penstock.adapters.kube.asking import KINDS, MANAGED_SINCE
from penstock.adapters.kube.client import KubeClient, as_dict
from penstock.adapters.kube.doctor_lists import (
    ASSERTION_GUARDS,
    ASSERTION_RIGHTS,
    CALLER_RIGHTS,
    GUARDS,
    OPERATOR_RIGHTS,
    STAMPS,
    Right,
)
from penstock.adapters.kube.doctor_signing import PUBLISHES, SIGNS, Signing, asking, with_signing, without_signing
from penstock.adapters.kube.resources import LEASES, Resource
from penstock.api.crd_schema import definitions
from penstock.application.diagnosis import Finding, fail, ok, warn
from penstock.errors import Forbidden, NotFound, PenstockError

OLDEST = 31
"""Minor version of Kubernetes 1."""
_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_DEPLOYMENTS = Resource("/apis/apps/v1", "deployments")
_SLICES = Resource("/apis/discovery.k8s.io/v1", "endpointslices")
_REVIEWS = "/apis/authorization.k8s.io/v1"
_CLOCK_SLACK = 5.0
"""Seconds: the Date of an answer is cut to the second, and the answer took a while."""
_INSTALL = "Install the chart: helm upgrade --install penstock charts/penstock --namespace"

Check = Callable[[], Awaitable[Sequence[Finding]]]


@dataclass(frozen=True, slots=True)
class Visit:
    """What is looked at."""

    installation: str
    """Namespace that Penstock is installed in."""
    namespace: str
    """Namespace that the caller works in."""
    wall: Callable[[], datetime]
    """The clock of this machine."""
    date: Callable[[], datetime | None]
    """What the API server's newest answer said of the time."""


@dataclass(slots=True)
class _Operator:
    """The operator's Deployment, as far as it is known."""

    environment: Mapping[str, str]
    account: str


class ClusterDoctor:
    """Looks at one cluster."""

    def __init__(self, client: KubeClient, visit: Visit) -> None:
        self._client = client
        self._visit = visit
        self._operator = _Operator({}, "penstock-operator")
        self._minor = 0

    async def findings(self) -> AsyncIterator[Finding]:
        """One after another; ends early where the API server cannot be asked."""
        try:
            version = await self._client.get("/version", as_dict)
        except PenstockError as error:
            advice = "Check it with kubectl version; --kube-context chooses another cluster, --local this machine."
            yield fail("API server", f"It cannot be asked: {error}", advice)
            return
        checks: tuple[tuple[str, Check], ...] = (
            ("Kubernetes", lambda: self._kubernetes(version)),
            ("clock", self._clock),
            ("kinds", self._kinds),
            ("policies", self._policies),
            ("stamping", self._stamping),
            ("operator", self._deployment),
            ("operator's Lease", self._lease),
            ("MCP server", self._mcp),
            ("runtimes", self._runtimes),
            ("Jobs", self._managed),
            ("operator's rights", self._operator_rights),
            ("who asked", self._signing),
            ("DNS of steps", self._dns),
            ("isolation of steps", self._isolation),
            ("your rights", self._caller_rights),
        )
        for what, check in checks:
            for finding in await self._made(what, check):
                yield finding

    async def _made(self, what: str, check: Check) -> Sequence[Finding]:
        try:
            return await check()
        except Forbidden as error:
            return [warn(what, f"You may not look: {error}", "Ask somebody with more rights to run penstock doctor.")]
        except PenstockError as error:
            return [fail(what, f"It cannot be looked at: {error}", "Try again; --debug shows where that came from.")]

    async def _kubernetes(self, version: Mapping[str, Any]) -> Sequence[Finding]:
        self._minor = int("".join(filter(str.isdigit, version["minor"])) or 0)
        text = f"The API server is {version['gitVersion']}."
        if version["major"] == "1" and self._minor < OLDEST:
            return [fail("Kubernetes", text, f"Penstock needs 1.{OLDEST} or later.")]
        return [ok("Kubernetes", text)]

    async def _clock(self) -> Sequence[Finding]:
        date = self._visit.date()
        if date is None:
            return [warn("clock", "The API server does not tell the time.", "Look at what is between you and it.")]
        apart = (self._visit.wall() - date).total_seconds()
        text = f"This machine and the API server are {abs(apart):.0f} s apart."
        if abs(apart) > _CLOCK_SLACK:
            return [warn("clock", text, "Set the clock of this machine; ages that are printed here are off by that.")]
        return [ok("clock", text)]

    async def _kinds(self) -> Sequence[Finding]:
        advice = "Install the kinds of this version: helm upgrade --install penstock-crds charts/penstock-crds"
        try:
            served = await self._client.get(KINDS, as_dict)
        except NotFound:
            return [fail("kinds", "The cluster does not know Workflows, WorkflowRuns and ApprovalRequests.", advice)]
        plurals = {each["name"] for each in served["resources"]}
        missing = [plural for plural in definitions() if plural not in plurals]
        if missing:
            return [fail("kinds", f"The cluster does not know {', '.join(missing)}.", advice)]
        found = await asyncio.gather(*(self._client.get(f"{_CRDS}/{p}.penstock.dev", as_dict) for p in definitions()))
        lacking = [
            f"{name}: {', '.join(sorted(unknown)[:3])}"
            for (name, ours), theirs in zip(definitions().items(), found, strict=True)
            if (unknown := _fields(_schema(ours)) - _fields(_schema(theirs)))
        ]
        if lacking:
            text = f"The cluster's kinds lack fields of version {__version__} ({'; '.join(lacking)})."
            return [fail("kinds", text, advice)]
        return [ok("kinds", "Workflow, WorkflowRun and ApprovalRequest have every field of this version.")]

    async def _policies(self) -> Sequence[Finding]:
        wrong = await self._loose(GUARDS)
        if wrong:
            advice = f"Forged decisions and results would be let through. {_INSTALL} {self._visit.installation}"
            return [fail("policies", f"{'; '.join(wrong)}.", advice)]
        return [ok("policies", f"All {len(GUARDS)} admission policies are in force.")]

    async def _loose(self, guards: Sequence[str]) -> Sequence[str]:
        policies = await self._named(f"{_ADMISSION}/validatingadmissionpolicies")
        bindings = await self._named(f"{_ADMISSION}/validatingadmissionpolicybindings")
        return list(_unguarded(policies, bindings, guards))

    async def _stamping(self) -> Sequence[Finding]:
        served = await self._client.get(_ADMISSION, as_dict)
        if "mutatingadmissionpolicies" not in {each["name"] for each in served["resources"]}:
            text = "The cluster has no MutatingAdmissionPolicy: whoever creates a run names himself, and is compared."
            return [ok("stamping", text)]
        policies = await self._named(f"{_ADMISSION}/mutatingadmissionpolicies")
        bindings = await self._named(f"{_ADMISSION}/mutatingadmissionpolicybindings")
        missing = [name for name in STAMPS if name not in policies or name not in bindings]
        if missing:
            text = f"{', '.join(missing)} is not in force: whoever creates a run has to name himself."
            return [warn("stamping", text, "Install the chart with admission.stampRequestedBy=auto.")]
        return [ok("stamping", "The API server writes down who asked for a run, and who edited a Workflow.")]

    async def _named(self, path: str) -> dict[str, dict[str, Any]]:
        found = await self._client.get(path, as_dict)
        return {each["metadata"]["name"]: each for each in found["items"]}

    async def _deployments(self, component: str) -> list[dict[str, Any]]:
        chosen = {"labelSelector": "app.kubernetes.io/name=penstock"}
        found = await self._client.get(_DEPLOYMENTS.path(self._visit.installation), as_dict, chosen)
        label = "app.kubernetes.io/component"
        items: list[dict[str, Any]] = found["items"]
        return [each for each in items if each["spec"]["template"]["metadata"]["labels"].get(label) == component]

    async def _deployment(self) -> Sequence[Finding]:
        place, what = self._visit.installation, "operator"
        found = await self._deployments("operator")
        if not found:
            advice = f"{_INSTALL} {place}, or name its namespace with --installation."
            return [fail(what, f"There is none in the namespace {place}.", advice)]
        pod = found[0]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        environment = {each["name"]: each.get("value", "") for each in container["env"]}
        self._operator = _Operator(environment, pod["serviceAccountName"])
        return [_readiness(what, found[0]), *_version(what, found[0])]

    async def _lease(self) -> Sequence[Finding]:
        what, advice = "operator's Lease", "Look at the log of the operator: kubectl logs deployment/penstock-operator"
        advice += f" -n {self._visit.installation}"
        try:
            lease = await self._client.get(LEASES.path(self._visit.installation, "penstock-operator"), as_dict)
        except NotFound:
            return [fail(what, "No operator has ever held it.", advice)]
        spec = lease["spec"]
        holder, renewed = spec.get("holderIdentity"), datetime.fromisoformat(spec["renewTime"])
        age = ((self._visit.date() or self._visit.wall()) - renewed).total_seconds()
        if not holder or age > spec["leaseDurationSeconds"] + _CLOCK_SLACK:
            return [fail(what, f"No operator drives the runs; the last one renewed it {age:.0f} s ago.", advice)]
        return [ok(what, f"{holder} drives the runs.")]

    async def _mcp(self) -> Sequence[Finding]:
        found = await self._deployments("mcp")
        if not found:
            return [ok("MCP server", "None is installed (mcp.enabled is false).")]
        return [_readiness("MCP server", found[0]), *_version("MCP server", found[0])]

    async def _runtimes(self) -> Sequence[Finding]:
        images: dict[str, str] = json.loads(self._operator.environment.get("PENSTOCK_RUNTIME_IMAGES") or "{}")
        if not images:
            return [fail("runtimes", "No language has an image.", "Set runtimes.<name>.image of the chart.")]
        loose = [name for name, image in images.items() if "@sha256:" not in image]
        if loose:
            text = f"Images of {', '.join(loose)} are named by tag, which could be moved after a vote."
            return [warn("runtimes", text, "Name them by digest: runtimes.<name>.image=NAME@sha256:…")]
        return [ok("runtimes", f"{', '.join(images)}, by digest.")]

    async def _managed(self) -> Sequence[Finding]:
        if self._operator.environment.get("PENSTOCK_EXECUTOR") == "native":
            return [ok("Jobs", "The built-in controller makes the pods (operator.executor is native).")]
        if self._minor < MANAGED_SINCE:
            advice = f"Kubernetes 1.{MANAGED_SINCE} makes each step a second and more faster."
            return [
                warn("Jobs", "The cluster does not know spec.managedBy: the built-in controller makes pods.", advice)
            ]
        return [ok("Jobs", "The operator makes the pods itself (spec.managedBy).")]

    async def _operator_rights(self) -> Sequence[Finding]:
        what, place = "operator's rights", self._watched()
        lacking = await self._operator_lacks(OPERATOR_RIGHTS)
        if lacking:
            more = " and more" if len(lacking) > 5 else ""
            text = f"{self._account()} may not {', '.join(lacking[:5])}{more}."
            return [fail(what, text, f"{_INSTALL} {self._visit.installation}")]
        return [ok(what, f"It has all of them{f' in {place}' if place else ''}.")]

    async def _signing(self) -> Sequence[Finding]:
        upgrade, place = f"{_INSTALL} {self._visit.installation}", self._visit.namespace
        if not self._operator.environment.get(SIGNS):
            found = await self._client.get(f"{KINDS}/namespaces/{place}/connections", as_dict)
            return [without_signing(asking(found["items"]), place, upgrade)]
        servers = [each["spec"]["template"]["spec"]["containers"][0] for each in await self._deployments("mcp")]
        published = any(variable["name"] == PUBLISHES for server in servers for variable in server["env"])
        lacking, loose = await self._operator_lacks(ASSERTION_RIGHTS), await self._loose(ASSERTION_GUARDS)
        return [with_signing(Signing(self._account(), lacking, loose, published), upgrade)]

    def _watched(self) -> str | None:
        """A namespace that the operator watches; None where it watches all."""
        return self._operator.environment.get("PENSTOCK_WATCH_NAMESPACES", "").split(",")[0] or None

    def _account(self) -> str:
        return f"system:serviceaccount:{self._visit.installation}:{self._operator.account}"

    async def _operator_lacks(self, rights: Sequence[Right]) -> Sequence[str]:
        groups = ["system:serviceaccounts", "system:authenticated"]

        async def may(right: Right) -> bool:
            # An empty namespace stands for all of them.
            attributes = _attributes(right, self._watched() or "")
            spec = {"user": self._account(), "groups": groups, "resourceAttributes": attributes}
            body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
            found = await self._client.create(f"{_REVIEWS}/subjectaccessreviews", body, as_dict, counted=False)
            return bool(found["status"]["allowed"])

        return await _without(rights, may)

    async def _caller_rights(self) -> Sequence[Finding]:
        place = self._visit.namespace

        async def may(right: Right) -> bool:
            spec = {"resourceAttributes": _attributes(right, place)}
            body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
            found = await self._client.create(f"{_REVIEWS}/selfsubjectaccessreviews", body, as_dict, counted=False)
            return bool(found["status"]["allowed"])

        allowed = await asyncio.gather(*(may(right) for _, right in CALLER_RIGHTS))
        can = [words for (words, _), yes in zip(CALLER_RIGHTS, allowed, strict=True) if yes]
        cannot = [words for (words, _), yes in zip(CALLER_RIGHTS, allowed, strict=True) if not yes]
        if not can:
            advice = "Have yourself bound to penstock-viewer, -runner, -approver, -author or -admin there."
            return [warn("your rights", f"In {place} you may do nothing with Penstock.", advice)]
        text = f"In {place} you may {', '.join(can)}{'; not ' if cannot else ''}{', '.join(cannot)}."
        return [ok("your rights", text)]

    async def _dns(self) -> Sequence[Finding]:
        what = "DNS of steps"
        if self._operator.environment.get("PENSTOCK_STEP_DNS_POLICY") == "Default":
            return [ok(what, "Steps ask the DNS of their node (operator.stepDnsPolicy is Default).")]
        chosen = {"labelSelector": "kubernetes.io/service-name=kube-dns"}
        slices = await self._client.get(_SLICES.path("kube-system"), as_dict, chosen)
        ready = [
            endpoint
            for each in slices["items"]
            for endpoint in each.get("endpoints") or ()
            if endpoint.get("conditions", {}).get("ready", True)
        ]
        if not ready:
            advice = "Install a DNS add-on, or set operator.stepDnsPolicy=Default."
            return [fail(what, "The Service kube-dns has no endpoint: steps cannot look up names.", advice)]
        return [ok(what, f"The Service kube-dns has {len(ready)} endpoints.")]

    async def _isolation(self) -> Sequence[Finding]:
        found = await self._client.get(
            f"/apis/networking.k8s.io/v1/namespaces/{self._visit.namespace}/networkpolicies", as_dict
        )
        what, held = "isolation of steps", [each["metadata"]["name"] for each in found["items"] if _holds_steps(each)]
        if not held:
            advice = "Add the namespace to networkPolicies.steps of the chart, and try it with --probe."
            return [warn(what, f"No NetworkPolicy in {self._visit.namespace} is about the pods of steps.", advice)]
        return [ok(what, f"{', '.join(held)} is about the pods of steps; --probe tries whether the network keeps it.")]


def _readiness(what: str, deployment: Mapping[str, Any]) -> Finding:
    name, place = deployment["metadata"]["name"], deployment["metadata"]["namespace"]
    wanted, ready = deployment["spec"]["replicas"], deployment.get("status", {}).get("readyReplicas", 0)
    text = f"{ready} of {wanted} replicas of {name} are ready."
    if not wanted:
        return fail(what, text, f"Scale it up: kubectl scale deployment/{name} -n {place} --replicas=1")
    if ready < wanted:
        advice = f"kubectl describe pods -n {place}; kubectl logs deployment/{name} -n {place}"
        return (warn if ready else fail)(what, text, advice)
    return ok(what, text)


def _version(what: str, deployment: Mapping[str, Any]) -> Iterable[Finding]:
    theirs = deployment["metadata"]["labels"].get("app.kubernetes.io/version", "")
    if theirs != __version__:
        yield warn(what, f"It is of version {theirs}, this command of {__version__}.", "Use the same version of both.")


def _unguarded(
    policies: Mapping[str, Any], bindings: Mapping[str, Any], guards: Sequence[str] = GUARDS
) -> Iterable[str]:
    for name in guards:
        binding = bindings.get(name)
        if name not in policies:
            yield f"{name} is not there"
        elif binding is None or binding["spec"]["policyName"] != name:
            yield f"{name} is not bound"
        elif "Deny" not in binding["spec"]["validationActions"] or binding["spec"].get("matchResources"):
            yield f"the binding of {name} does not refuse everywhere"
        elif policies[name]["spec"].get("failurePolicy") != "Fail":
            yield f"{name} lets through what it cannot judge"


def _attributes(right: Right, namespace: str) -> dict[str, str]:
    verb, resource, group = right
    plural, _, sub = resource.partition("/")
    return {"verb": verb, "resource": plural, "subresource": sub, "group": group, "namespace": namespace}


async def _without(rights: Sequence[Right], may: Callable[[Right], Awaitable[bool]]) -> list[str]:
    allowed = await asyncio.gather(*map(may, rights))
    return [f"{verb} {resource}" for (verb, resource, _), yes in zip(rights, allowed, strict=True) if not yes]


def _schema(crd: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def _fields(schema: Mapping[str, Any], path: str = "") -> set[str]:
    """The dotted paths of all fields that a schema names."""
    found: set[str] = set()
    for name, inner in schema.get("properties", {}).items():
        below = f"{path}.{name}".lstrip(".")
        found |= {below, *_fields(inner, below)}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), Mapping):
            found |= _fields(schema[key], f"{path}[]")
    return found


def _holds_steps(policy: Mapping[str, Any]) -> bool:
    text = json.dumps(policy["spec"].get("podSelector", {}))
    everybody = text == "{}"
    return "Egress" in policy["spec"].get("policyTypes", ()) and (
        everybody or re.search(r"penstock\.dev/run", text) is not None
    )
