"""A trace from whoever asked to the program in its pod, past real pods: with the operator's own spans between."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.support.cluster import Cluster, wait_for
from tests.support.host_operator import HostOperator, OperatorConfig, allow_lease
from tests.support.installation import put_authorities
from tests.support.otlp import Received, spans_of
from tests.support.tenant import ALICE, Tenant, a_run, a_step, a_workflow

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TELLS = "import os\noutput(os.environ['TRACEPARENT'])"


class Spans(list[Received]):
    """What was sent."""

    url = ""

    def named(self, name: str) -> Received:
        (found,) = [span for span in self if span.name == name]
        return found


@pytest.fixture
def spans() -> Iterator[Spans]:
    got = Spans()

    class Take(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.extend(spans_of(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Take) as server:
        got.url = f"http://127.0.0.1:{server.server_address[1]}/v1/traces"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield got
        server.shutdown()


def test_a_program_finds_its_own_span(cluster: Cluster, config: OperatorConfig, namespace: str, spans: Spans) -> None:
    tenant = Tenant(cluster, namespace)
    tenant.settle()
    allow_lease(cluster, namespace)
    put_authorities(cluster, namespace)
    operator = HostOperator(replace(config, settings={"PENSTOCK_TRACING_ENDPOINT": spans.url}), namespace)
    operator.start()
    try:
        tenant.apply(a_workflow("traced", a_step("tell", TELLS)))
        run = a_run("run", "traced")
        run["metadata"]["annotations"] = {"penstock.dev/traceparent": f"00-{TRACE}-{SPAN}-01"}
        tenant.kubectl(ALICE, "create", "-f", "-", stdin=run)
        found = tenant.finished("run")
        wait_for(lambda: "run traced" in {span.name for span in spans}, seconds=30, what=operator.log)
    finally:
        operator.kill()
    step, top = spans.named("step tell"), spans.named("run traced")
    assert {span.trace_id for span in spans} == {TRACE}
    assert (top.parent_id, step.parent_id) == (SPAN, top.span_id)
    assert spans.named("pod start").parent_id == spans.named("program").parent_id == step.span_id
    assert found["status"]["steps"]["tell"]["output"] == f"00-{TRACE}-{step.span_id}-01"
