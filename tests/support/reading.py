"""Reading objects in a tight loop, where a kubectl for each look would cost more than what is looked at."""

from __future__ import annotations

import json
import ssl
from base64 import b64decode
from http.client import HTTPSConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from tests.support.cluster import Cluster


class Reader:
    """One connection to the API server as its administrator. Not to be shared among threads."""

    def __init__(self, cluster: Cluster) -> None:
        config = json.loads(cluster.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json").stdout)
        server, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        trust = ssl.create_default_context(cadata=b64decode(server["certificate-authority-data"]).decode())
        # Authorities that clusters make for themselves lack what RFC 5280 strictness (since Python 3.13) asks for.
        trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
        with TemporaryDirectory() as folder:
            pair = Path(folder) / "pair.pem"
            pair.touch(mode=0o600)
            pair.write_bytes(b64decode(user["client-certificate-data"]) + b64decode(user["client-key-data"]))
            trust.load_cert_chain(pair)
        self._connection = HTTPSConnection(urlsplit(server["server"]).netloc, context=trust, timeout=30)

    def get(self, path: str) -> Any:
        """What the API server answers to a GET, as JSON. AssertionError for anything but 200."""
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, f"GET {path}: {answer.status} {body[:500]!r}"
        return json.loads(body)

    def items(self, api: str, namespace: str, plural: str) -> list[dict[str, Any]]:
        """The objects of a kind in a namespace; `api` is `api/v1` or `apis/<group>/<version>`."""
        found: list[dict[str, Any]] = self.get(f"/{api}/namespaces/{namespace}/{plural}")["items"]
        return found

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
