"""The API server as its administrator, or as somebody that the administrator acts for: quick, without kubectl."""

from __future__ import annotations

import json
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from tests.support.cluster import Cluster, groups_of

KINDS = {
    "workflows": "apis/penstock.dev/v1alpha1",
    "workflowruns": "apis/penstock.dev/v1alpha1",
    "approvalrequests": "apis/penstock.dev/v1alpha1",
    "controllerrevisions": "apis/apps/v1",
    "jobs": "apis/batch/v1",
    "pods": "api/v1",
    "configmaps": "api/v1",
    "secrets": "api/v1",
}
"""Plural to the path of its group."""


@dataclass(frozen=True, slots=True)
class Way:
    """How the API server is reached: by whoever brings his own credentials, or by its administrator."""

    server: str
    session: aiohttp.ClientSession
    trust: ssl.SSLContext
    """Trusts the server, and shows nothing of one's own."""
    admins: ssl.SSLContext
    """The same with the administrator's certificate."""


@asynccontextmanager
async def way_to(cluster: Cluster) -> AsyncIterator[Way]:
    """The way to a cluster's API server."""
    config = json.loads(cluster.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json").stdout)
    server, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    authority = b64decode(server["certificate-authority-data"]).decode()
    admins = _trusting(authority)
    with TemporaryDirectory() as folder:
        pair = Path(folder) / "pair.pem"
        pair.touch(mode=0o600)
        pair.write_bytes(b64decode(user["client-certificate-data"]) + b64decode(user["client-key-data"]))
        admins.load_cert_chain(pair)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        yield Way(server["server"], session, _trusting(authority), admins)


def _trusting(authority: str) -> ssl.SSLContext:
    trust = ssl.create_default_context(cadata=authority)
    # Authorities that clusters make for themselves lack what RFC 5280 strictness (since Python 3.13) asks for.
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return trust


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back."""

    status: int
    body: dict[str, Any]


class Desk:
    """Objects of one namespace."""

    def __init__(self, way: Way, namespace: str, *, groups: Sequence[str] = ()) -> None:
        """`groups` are those of everybody who is acted for."""
        self._way = way
        self._namespace = namespace
        self._groups = tuple(groups)

    async def create(self, plural: str, body: dict[str, Any], *, by: str = "") -> Answered:
        """POST."""
        return await self._ask("POST", self._path(plural), body, by=by)

    async def merge(self, plural: str, name: str, patch: dict[str, Any], *, by: str = "") -> Answered:
        """A merge patch."""
        return await self._ask("PATCH", self._path(plural, name), patch, by=by, kind="application/merge-patch+json")

    async def json_patch(self, plural: str, name: str, patch: list[dict[str, Any]], *, by: str = "") -> Answered:
        """A JSON patch."""
        return await self._ask("PATCH", self._path(plural, name), patch, by=by, kind="application/json-patch+json")

    async def delete(self, plural: str, name: str, *, by: str = "", at_once: bool = False) -> Answered:
        """Delete it; a pod `at_once` without waiting for its node."""
        options = {"gracePeriodSeconds": 0} if at_once else {"propagationPolicy": "Background"}
        return await self._ask("DELETE", self._path(plural, name), options, by=by)

    async def get(self, plural: str, name: str) -> dict[str, Any]:
        """One of them."""
        return (await self._ask("GET", self._path(plural, name), None)).body

    async def list(self, plural: str) -> tuple[list[dict[str, Any]], str]:
        """All of a kind, and the version of the list."""
        found = (await self._ask("GET", self._path(plural), None)).body
        return found["items"], found["metadata"]["resourceVersion"]

    @asynccontextmanager
    async def watch(self, plural: str, since: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """Its changes from a version on, until the server ends it."""
        url = f"{self._way.server}/{self._path(plural)}?watch=true&resourceVersion={since}&allowWatchBookmarks=true"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        headers = {"Accept-Encoding": "identity"}
        async with self._way.session.get(url, ssl=self._way.admins, timeout=timeout, headers=headers) as found:

            async def changes() -> AsyncIterator[dict[str, Any]]:
                rest = b""
                async for chunk in found.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        yield json.loads(line)

            yield changes()

    def _path(self, plural: str, name: str = "") -> str:
        path = f"{KINDS[plural]}/namespaces/{self._namespace}/{plural}"
        return f"{path}/{name}" if name else path

    async def _ask(
        self, method: str, path: str, body: Any, *, by: str = "", kind: str = "application/json"
    ) -> Answered:
        headers = [("Content-Type", kind), ("Accept", "application/json"), ("Accept-Encoding", "identity")]
        if by:
            groups = (*groups_of(by), *self._groups)
            headers += [("Impersonate-User", by), *(("Impersonate-Group", group) for group in groups)]
        url = f"{self._way.server}/{path}"
        data = None if body is None else json.dumps(body)
        timeout = aiohttp.ClientTimeout(total=60)
        async with self._way.session.request(
            method, url, data=data, headers=headers, ssl=self._way.admins, timeout=timeout
        ) as found:
            return Answered(found.status, json.loads(await found.read() or b"{}"))
