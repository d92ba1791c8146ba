"""An agent in a pod, known by its ServiceAccount's projected token, drives the example over MCP in both eras."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import audit
from tests.cluster.layout import from_environment
from tests.support.cluster import MCP_SERVER, RELEASE, ROOT, SYSTEM_NAMESPACE, Cluster
from tests.support.installation import AUDIENCE, Installation
from tests.support.tailing import Tail
from tests.support.tenant import ALICE, LEAD, Json, Tenant

WORKFLOW = "order-processing"
ACCOUNT = "agent"
HOST = f"{RELEASE}-mcp.{SYSTEM_NAMESPACE}.svc"
PORT = 8080


@pytest.fixture
def agents(tenant: Tenant, installation: Installation, impersonation: str) -> Iterator[Tenant]:
    """A namespace whose ServiceAccounts may call the MCP server, with one that may run the example."""
    installation.install(mcp__tenantNamespaces=[tenant.namespace], mcp__impersonation=impersonation)
    tenant.admin("create", "serviceaccount", ACCOUNT)
    subject = f"--serviceaccount={tenant.namespace}:{ACCOUNT}"
    for role in ("runner", "approver"):
        # The right to vote in general: what refuses the agent's vote is not RBAC.
        tenant.admin("create", "rolebinding", f"agent-{role}", f"--clusterrole={RELEASE}-{role}", subject)
    tenant.kubectl(ALICE, "apply", "-f", str(ROOT / "examples" / "order-processing.yaml"))
    tenant.workflow_says(WORKFLOW, "Ready=True")
    yield tenant
    installation.install()


@pytest.mark.parametrize(
    ("era", "impersonation"), [("auto", "constrained"), ("legacy", "constrained"), ("auto", "classic")]
)
def test_an_agent_is_stopped_at_the_gate_and_gets_the_result(
    agents: Tenant, cluster: Cluster, installation: Installation, era: str
) -> None:
    log = from_environment().audit_log
    since = audit.end(log)
    pod = an_agent(cluster, agents.namespace, installation.images.mcp, era, name=f"agent-{era}")
    agents.admin("create", "-f", "-", stdin=pod)
    with Tail(agents.cluster, agents.namespace, pod["metadata"]["name"]) as tail:
        said = Sayings(tail)
        assert said.of("without a token") == 401
        assert said.of("with a token for another audience") == 401
        assert said.of("with a token that is none") == 401
        tool = f"execute_{agents.namespace.replace('-', '_')}__order_processing"
        assert tool in said.of("tools")

        wrong = said.of("wrong context")
        assert wrong["status"] == "error"
        assert all(name in wrong["message"] for name in ("colour", "order_total", "10,000 is the limit"))

        started = said.of("started")
        assert started["status"] == "waiting"
        (gate,) = started["approvals"]
        assert gate["message"] == "Release order ORD-12345 over 500?"
        assert gate["request_id"] in [each["request_id"] for each in said.of("pending")["output"]["approvals"]]
        own = said.of("own vote")
        assert (own["status"], "ServiceAccounts" in own["message"]) == ("error", True)

        name = started["run"].split("/")[1]
        run = agents.run(name)
        request = agents.gate(run, "release")
        assert (run["status"]["phase"], request["spec"]["decisions"]) == ("Waiting", [])
        assert agents.vote(LEAD, request).returncode == 0
        output = {"order_id": "ORD-12345", "lines": []}
        waited = said.of("waited")
        assert (waited["status"], waited["output"]) == ("success", output)
        got = said.of("got")
        assert (got["status"], got["output"]) == ("success", output)

    me = f"system:serviceaccount:{agents.namespace}:{ACCOUNT}"
    asked = agents.run(name)["spec"]["requestedBy"]
    assert (asked["user"], asked["client"]) == (me, f"sa:{agents.namespace}:{ACCOUNT}")
    assert len(agents.cluster.read("-n", agents.namespace, "pwr")["items"]) == 1, "the wrong context made a run"
    created = [
        (write.user, write.impersonated)
        for write in audit.writes(log, since)
        if (write.namespace, write.resource, write.verb, write.code)
        == (agents.namespace, "workflowruns", "create", 201)
    ]
    assert created == [(MCP_SERVER, me)]


class Sayings:
    """What the agent said, in its order."""

    def __init__(self, tail: Tail) -> None:
        self._tail = tail

    def of(self, what: str) -> Any:
        """The value that goes with the next line, which has to be about this."""
        line = self._tail.line(seconds=180)
        said = json.loads(line)
        assert said["what"] == what, f"expected {what}, the agent said: {line}"
        return said["value"]


def an_agent(
    cluster: Cluster,
    namespace: str,
    image: str,
    *words: str,
    script: str = "agent_in_pod.py",
    account: str = ACCOUNT,
    name: str = "agent",
) -> Json:
    """The pod of an agent that is given these words; its script is put into a ConfigMap first."""
    text = (Path(__file__).parent / script).read_text()
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"agent.py": text}}
    cluster.kubectl("create", "-n", namespace, "-f", "-", stdin=body)
    address = cluster.read("service", f"{RELEASE}-mcp", "-n", SYSTEM_NAMESPACE)["spec"]["clusterIP"]
    tokens = [
        {"serviceAccountToken": {"audience": audience, "path": path, "expirationSeconds": 3600}}
        for path, audience in (("mcp", AUDIENCE), ("other", "somebody-else"))
    ]
    container = {
        "name": "agent",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "/script/agent.py", f"http://{HOST}:{PORT}/mcp", *words],
        "env": [{"name": "HOME", "value": "/tmp"}],
        "volumeMounts": [
            {"name": "script", "mountPath": "/script"},
            {"name": "tokens", "mountPath": "/tokens"},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    }
    spec = {
        "serviceAccountName": account,
        "automountServiceAccountToken": False,
        "restartPolicy": "Never",
        # The test cluster has no DNS for Services.
        "hostAliases": [{"ip": address, "hostnames": [HOST]}],
        "dnsPolicy": "Default",
        "containers": [container],
        "volumes": [
            {"name": "script", "configMap": {"name": name}},
            {"name": "tokens", "projected": {"sources": tokens}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
