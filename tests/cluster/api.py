"""The few questions that starting a cluster has to ask its API server, each with a time limit of its own.

Against a server that is half up a request without one hangs.
"""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any

from tests.cluster.commands import API_PORT
from tests.cluster.documents import NODE


class ApiProbe:
    """Reads from the API server as the administrator."""

    def __init__(self, pki: Path) -> None:
        self._pki = pki

    def get(self, path: str, *, seconds: float = 2) -> bytes | None:
        """The body of a 200 answer; None for every other outcome."""
        connection = None
        try:
            context = ssl.create_default_context(cafile=str(self._pki / "ca.crt"))
            context.load_cert_chain(self._pki / "admin.crt", self._pki / "admin.key")
            connection = http.client.HTTPSConnection("127.0.0.1", API_PORT, timeout=seconds, context=context)
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            return body if answer.status == 200 else None
        except (OSError, http.client.HTTPException):
            return None
        finally:
            if connection is not None:
                connection.close()

    def ready(self) -> bool:
        """Whether the API server says that it is ready."""
        return self.get("/readyz") is not None

    def node_ready(self) -> bool:
        """Whether the node is Ready and the default ServiceAccount exists, without which no pod is admitted."""
        body = self.get(f"/api/v1/nodes/{NODE}")
        return (
            body is not None
            and is_ready(json.loads(body))
            and self.get("/api/v1/namespaces/default/serviceaccounts/default") is not None
        )


def is_ready(node: dict[str, Any]) -> bool:
    """Whether a Node object carries the condition Ready."""
    conditions = node.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def proxy_ready(port: int = 10256) -> bool:
    """Whether kube-proxy has written its rules."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
