"""Figures for Prometheus: calls by tool and outcome, how long they took, and what the door refused."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, ProcessCollector, make_asgi_app
from starlette.types import ASGIApp

from penstock.adapters.metrics import Metric

WORKFLOWS = "execute_workflow"
"""Stands for all Workflows' tools where each would cost fifteen series."""
_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

CALLS = Metric(
    "penstock_mcp_calls_total",
    "counter",
    "Calls of tools.",
    {"tool": "its name", "outcome": "`success`, or what kept it from that"},
)
CALL_TIMES = Metric(
    "penstock_mcp_call_seconds",
    "histogram",
    "Duration of calls.",
    {"tool": f"its name; `{WORKFLOWS}` for those of all Workflows"},
    _SECONDS,
)
REFUSED = Metric(
    "penstock_mcp_refused_requests_total", "counter", "Requests refused at the door.", {"reason": "why, in a word"}
)
METRICS = (CALLS, CALL_TIMES, REFUSED)
"""In the order of docs/reference/metrics.md."""


class Figures:
    """One process's figures."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._calls = CALLS.counter(self._registry)
        self._seconds = CALL_TIMES.histogram(self._registry)
        self._refused = REFUSED.counter(self._registry)

    def called(self, tool: str, outcome: str, seconds: float, *, workflow: bool) -> None:
        """A call of a tool that is known ended."""
        self._calls.labels(tool, outcome).inc()
        self._seconds.labels(WORKFLOWS if workflow else tool).observe(seconds)

    def refused(self, reason: str) -> None:
        """A request went no further than the door."""
        self._refused.labels(reason).inc()

    def app(self) -> ASGIApp:
        """Serves them."""
        made: ASGIApp = make_asgi_app(self._registry)
        return made
