"""Calls to an API on a real node: what a Connection allows is called, with its Secret, by whoever may not read that."""

from __future__ import annotations

import json

import pytest

from tests.support.cluster import wait_for
from tests.support.tenant import ALICE, API_VERSION, MALLORY, Json, Tenant, a_run, a_workflow

TOKEN = "hunter2-of-the-shop"
SERVER = """
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/.well-known/mcp.json":
            return self.say(200, {"learning": "Ask nicely.", "resources": [{"name": "Order"}]})
        self.say(200, {"data": [{"id": "1"}, {"id": "2"}], "said": self.headers.get("authorization", "")})
    def do_POST(self):
        self.say(201, {"got": json.loads(self.rfile.read(int(self.headers["content-length"])))})
    def say(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""


@pytest.fixture
def shop(tenant: Tenant) -> str:
    """Address of an API in a pod; its token is in the Secret shop, which nobody of the people may read yet."""
    container = {"name": "shop", "image": tenant_image(tenant), "command": ["python3", "-c", SERVER]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop"}, "spec": {"containers": [container]}}
    tenant.admin("create", "-f", "-", stdin=pod)
    tenant.admin("create", "secret", "generic", "shop", f"--from-literal=token={TOKEN}")
    tenant.admin("wait", "pod/shop", "--for=condition=Ready", "--timeout=60s")
    status = tenant.cluster.read("-n", tenant.namespace, "pod", "shop")["status"]
    return f"http://{status['podIP']}:8080"


def tenant_image(tenant: Tenant) -> str:
    """The image with Python in it that the installation runs steps in."""
    deployment = tenant.cluster.read("-n", "penstock-system", "deployment", "penstock-operator")
    found = json.dumps(deployment["spec"]["template"]["spec"])
    return next(word for word in found.replace('\\"', '"').split('"') if "penstock-runtime-python@" in word)


def a_connection(url: str) -> Json:
    spec = {
        "type": "json-api",
        "url": url,
        "auth": {"secretRef": {"name": "shop", "key": "token"}},
        "allow": [{}, {"methods": ["POST"], "paths": ["/emails"]}],
    }
    return {"apiVersion": API_VERSION, "kind": "Connection", "metadata": {"name": "shop"}, "spec": spec}


def may_read_the_secret(tenant: Tenant) -> None:
    tenant.admin("create", "role", "reads", "--verb=get", "--resource=secrets", "--resource-name=shop")
    tenant.admin("create", "rolebinding", "reads", "--role=reads", f"--user={ALICE.name}")


def test_an_api_is_asked_and_told_in_the_name_of_its_connection(tenant: Tenant, shop: str) -> None:
    refused = tenant.kubectl(ALICE, "create", "-f", "-", stdin=a_connection(shop), check=False)
    assert "you may not use Secret shop: whoever writes a Connection" in refused.stderr
    may_read_the_secret(tenant)
    wait_for(
        lambda: tenant.kubectl(ALICE, "apply", "-f", "-", stdin=a_connection(shop), check=False).returncode == 0,
        seconds=30,
        what=lambda: "the right to get the Secret",
    )
    mail = {"connection": "shop", "method": "POST", "path": "/emails", "body": {"order": "{{ item.id }}"}}
    tenant.apply(
        a_workflow(
            "remind",
            {"name": "orders", "http": {"connection": "shop", "path": "/orders"}},
            {"name": "mail", "needs": ["orders"], "forEach": "steps.orders.output.body.data", "http": mail},
            {
                "name": "drop",
                "needs": ["mail"],
                "http": {"connection": "shop", "method": "DELETE", "path": "/orders/1"},
            },
        )
    )
    # Whoever runs it may not read the Secret, nor write a Connection.
    tenant.kubectl(MALLORY, "create", "-f", "-", stdin=a_run("run", "remind"))
    status = tenant.finished("run")["status"]

    steps = status["steps"]
    assert steps["orders"]["phase"] == "Succeeded", tenant.account("run")
    assert steps["orders"]["output"]["body"]["said"] == "Bearer ***"
    assert [each["body"]["got"] for each in steps["mail"]["output"]] == [{"order": "1"}, {"order": "2"}]
    assert (status["error"]["code"], status["error"]["step"]) == ("CALL_REFUSED", "drop")
    assert not [pod for pod in tenant.of_run("pod", "run") if "drop" in pod["metadata"]["name"]]
    everything = tenant.admin("get", "pwf,pwr,pconn,pods,jobs,configmaps,events", "-o", "json").stdout
    assert TOKEN not in everything


def test_what_a_connection_offers_is_found_out_and_nobody_else_can_say_so(tenant: Tenant, shop: str) -> None:
    tenant.admin("create", "-f", "-", stdin=a_connection(shop))

    def conditions() -> dict[str, str]:
        status = tenant.cluster.read("-n", tenant.namespace, "connection", "shop").get("status", {})
        return {each["type"]: each["status"] for each in status.get("conditions", [])}

    wait_for(lambda: conditions() == {"Reachable": "True", "Discovered": "True"}, seconds=90, what=conditions)
    row = tenant.admin("get", "connections").stdout.splitlines()[1].split()
    assert row[:5] == ["shop", "json-api", shop, "true", "1"]
    forged = a_run("forged", "remind")
    forged["metadata"]["labels"] = {"penstock.dev/look": "shop"}
    refused = tenant.kubectl(ALICE, "create", "-f", "-", stdin=forged, check=False)
    assert "penstock.dev/look is set by the operator only" in refused.stderr
