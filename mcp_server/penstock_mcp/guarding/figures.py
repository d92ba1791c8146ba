"""Figures for Prometheus: calls by tool and outcome, how long they took, and what the door refused."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, make_asgi_app
from starlette.types import ASGIApp

WORKFLOWS = "execute_workflow"
"""Stands for all Workflows' tools where each would cost fifteen series."""
_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Figures:
    """One process's figures."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._calls = Counter("penstock_mcp_calls", "Calls of tools.", ["tool", "outcome"], registry=self._registry)
        self._seconds = Histogram(
            "penstock_mcp_call_seconds", "Duration of calls.", ["tool"], buckets=_SECONDS, registry=self._registry
        )
        self._refused = Counter(
            "penstock_mcp_refused_requests", "Requests refused at the door.", ["reason"], registry=self._registry
        )

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
