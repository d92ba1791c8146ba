"""A gate tells its people, past the real guards: what was told is kept with the gate, and told once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.support.cluster import Cluster, wait_for
from tests.support.host_operator import HostOperator, OperatorConfig, allow_lease
from tests.support.installation import put_authorities
from tests.support.tenant import LEAD, Json, Tenant, a_step, a_workflow

TOLD = "penstock.dev/told"
SECRET = "whsec_" + "A" * 43 + "="


class Received(list[tuple[str, Any]]):
    """What was posted: its id, and the document."""

    url = ""


@pytest.fixture
def received() -> Iterator[Received]:
    got = Received()

    class Take(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.headers["webhook-id"], json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Take) as server:
        got.url = f"http://127.0.0.1:{server.server_address[1]}/"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield got
        server.shutdown()


def told(tenant: Tenant, name: str) -> str:
    request: Json = tenant.cluster.read("approvalrequest", name, "-n", tenant.namespace)
    return str(request["metadata"].get("annotations", {}).get(TOLD, ""))


def test_what_was_told_of_a_gate_is_kept_with_it(
    cluster: Cluster, config: OperatorConfig, namespace: str, received: Received
) -> None:
    tenant = Tenant(cluster, namespace)
    tenant.settle()
    allow_lease(cluster, namespace)
    put_authorities(cluster, namespace)
    settings = {"PENSTOCK_NOTIFY_WEBHOOK_URL": received.url, "PENSTOCK_NOTIFY_WEBHOOK_SECRET": SECRET}
    operator = HostOperator(replace(config, settings=settings), namespace)
    operator.start()
    try:
        approval = {"approvers": {"users": [LEAD.name]}, "message": "Go on?"}
        tenant.apply(
            a_workflow("asking", {"name": "ask", "approval": approval}, a_step("say", "output('said')", needs=["ask"]))
        )
        tenant.start("asking")
        request = tenant.gate(tenant.step_phase("run", "ask", "Waiting"), "ask")
        name = request["metadata"]["name"]
        wait_for(lambda: told(tenant, name) == "opened", seconds=30, what=operator.log)
        operator.kill()
        operator.start()
        tenant.vote(LEAD, request)
        wait_for(lambda: told(tenant, name) == "opened,ended", seconds=60, what=operator.log)
    finally:
        operator.kill()

    assert [document["type"] for _, document in received] == ["approval.opened", "approval.ended"]
    opened, ended = (document["data"] for _, document in received)
    assert opened["answer"]["approve"] == f"penstock approve {namespace}/{name}"
    assert (ended["phase"], ended["decidedBy"]) == ("Approved", [LEAD.name])
