"""Who asked for a run, told to a system with roles of its own, on the real cluster, by the sample verifier in a pod."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import RELEASE, ROOT, SYSTEM_NAMESPACE
from tests.support.command_line import CommandLine, output_of
from tests.support.installation import Installation
from tests.support.tenant import ALICE, API_VERSION, MALLORY, Json, Tenant, a_run, a_workflow

HOST = f"{RELEASE}-mcp.{SYSTEM_NAMESPACE}.svc"
SERVER = """
import functools, json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
sys.path.insert(0, "/shop")
from examples.shop.assertions import Verifier, read_keys
from examples.shop.roles import Role
ROWS = [{"id": str(n), "region": "north" if n < 3 else "south"} for n in range(1, 6)]
roles = {os.environ["ALL"]: Role("sales"), os.environ["NORTH"]: Role("north", region="north")}
keys = functools.partial(read_keys, os.environ["KEYS"])
verifier = Verifier("penstock", f"http://{os.environ['IP']}:8080", roles, keys)
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        role = verifier.role_of(self.headers.get("authorization", "").removeprefix("Bearer "))
        rows = [row for row in ROWS if role and role.region in (None, row["region"])]
        body = json.dumps({"data": rows}).encode()
        self.send_response(200 if role else 401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""


@pytest.fixture
def shop(tenant: Tenant, installation: Installation) -> Iterator[str]:
    """Address of a system that sees who asks: Alice sees everything there, Mallory the north."""
    installation.install(onBehalfOf__enabled=True)
    sources = {
        "examples_shop_assertions": (ROOT / "examples" / "shop" / "assertions.py").read_text(),
        "examples_shop_roles": (ROOT / "examples" / "shop" / "roles.py").read_text(),
        "main": SERVER,
    }
    paths = {
        "examples_shop_assertions": "examples/shop/assertions.py",
        "examples_shop_roles": "examples/shop/roles.py",
        "main": "main.py",
    }
    tenant.admin(
        "create",
        "-f",
        "-",
        stdin={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop"}, "data": sources},
    )
    address = tenant.cluster.read("-n", SYSTEM_NAMESPACE, "service", f"{RELEASE}-mcp")["spec"]["clusterIP"]
    env = {"ALL": ALICE.name, "NORTH": MALLORY.name, "KEYS": f"http://{HOST}:8080/.well-known/jwks.json"}
    container: Json = {
        "name": "shop",
        "image": installation.images.mcp,
        "command": ["python", "/shop/main.py"],
        "env": [
            *({"name": name, "value": value} for name, value in env.items()),
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        ],
        "volumeMounts": [{"name": "shop", "mountPath": "/shop"}],
    }
    volume = {
        "name": "shop",
        "configMap": {"name": "shop", "items": [{"key": key, "path": path} for key, path in paths.items()]},
    }
    spec = {
        "containers": [container],
        "volumes": [volume],
        "hostAliases": [{"ip": address, "hostnames": [HOST]}],
    }
    tenant.admin(
        "create", "-f", "-", stdin={"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop"}, "spec": spec}
    )
    tenant.admin("wait", "pod/shop", "--for=condition=Ready", "--timeout=90s")
    status = tenant.cluster.read("-n", tenant.namespace, "pod", "shop")["status"]
    yield f"http://{status['podIP']}:8080"
    installation.install()
    # The chart keeps it, for what it signed may still be under way.
    tenant.cluster.kubectl("delete", "-n", SYSTEM_NAMESPACE, "secret", f"{RELEASE}-operator-assertions")


def test_a_user_whose_role_sees_two_of_five_rows_gets_two(tenant: Tenant, shop: str) -> None:
    spec = {"type": "json-api", "url": shop, "auth": {"onBehalfOf": {}}}
    connection = {"apiVersion": API_VERSION, "kind": "Connection", "metadata": {"name": "shop"}, "spec": spec}
    tenant.kubectl(ALICE, "create", "-f", "-", stdin=connection)
    tenant.apply(a_workflow("orders", {"name": "list", "http": {"connection": "shop", "path": "/orders"}}))
    seen = {}
    for who in (ALICE, MALLORY):
        name = f"run-{who.name.partition('@')[0]}"
        tenant.kubectl(who, "create", "-f", "-", stdin=a_run(name, "orders"))
        step = tenant.finished(name)["status"]["steps"]["list"]
        assert step["phase"] == "Succeeded", tenant.account(name)
        seen[who.name] = [row["id"] for row in step["output"]["body"]["data"]]
    assert seen == {ALICE.name: ["1", "2", "3", "4", "5"], MALLORY.name: ["1", "2"]}

    listed = json.loads(tenant.admin("get", "secrets", "-o", "json").stdout)["items"]
    made = [each for each in listed if each["type"] == "penstock.dev/assertion"]
    assert len(made) >= len(seen)
    assert all(each["immutable"] and each["metadata"]["ownerReferences"][0]["kind"] == "Job" for each in made)


def test_the_operator_makes_no_other_secret_and_reads_none(tenant: Tenant, shop: str) -> None:
    operator = f"system:serviceaccount:{SYSTEM_NAMESPACE}:{RELEASE}-operator"
    token = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "stolen", "annotations": {"kubernetes.io/service-account.name": "default"}},
        "type": "kubernetes.io/service-account-token",
    }
    asked = ("create", "-f", "-", "--as", operator)
    assert "of type penstock.dev/assertion" in tenant.admin(*asked, stdin=token, check=False).stderr
    tenant.admin("create", "secret", "generic", "own", "--from-literal=a=b")
    assert "deletes no Secrets but" in tenant.admin("delete", "secret", "own", "--as", operator, check=False).stderr
    assert "cannot get" in tenant.admin("get", "secret", "own", "--as", operator, check=False).stderr
    forged: Json = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "forged", "labels": {"penstock.dev/run": "run"}},
    }
    refused = tenant.admin("create", "-f", "-", stdin=forged, check=False)
    assert "only the operator touches them" in refused.stderr


def test_doctor_says_that_the_operator_may_not_hand_out_what_it_signs(
    tenant: Tenant, shop: str, installation: Installation, tmp_path: Path
) -> None:
    penstock = CommandLine(tenant.cluster.kubeconfig, tmp_path / "home")

    def finding(code: int) -> Json:
        answer = penstock("doctor", "-o", "json", "-n", tenant.namespace, timeout=240)
        assert answer.returncode == code, output_of(answer)
        [found] = [each for each in json.loads(answer.stdout)["findings"] if each["what"] == "who asked"]
        return dict(found)

    assert finding(0)["level"] == "ok"
    tenant.cluster.kubectl("delete", "clusterrolebinding", f"{RELEASE}-operator-assertions")
    lacking = finding(1)
    assert "may not create secrets and delete secrets" in lacking["message"]
    assert "onBehalfOf.enabled=true" in lacking["advice"]
    installation.install()
    spec = {"type": "json-api", "url": shop, "auth": {"onBehalfOf": {}}}
    connection = {"apiVersion": API_VERSION, "kind": "Connection", "metadata": {"name": "shop"}, "spec": spec}
    tenant.kubectl(ALICE, "create", "-f", "-", stdin=connection)
    assert "nothing is signed" in finding(1)["message"]
