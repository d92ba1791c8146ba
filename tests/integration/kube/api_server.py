"""A small API server for tests: the real rules of list, watch, resourceVersion and subresources, and faults on order.

It knows no schemas, no admission and no controllers; what those do is tested on the real cluster.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import re
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web

from penstock.ports.engine import Clock
from tests.integration.kube.admission import Denied, admit, review
from tests.support.json_patch import PatchFailed, apply_json_patch, apply_merge_patch

PATH = re.compile(
    r"^/(?:api|apis/(?P<group>[^/]+))/(?P<version>[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>status|log))?$"
)
WITH_STATUS = {"pods", "jobs", "workflows", "workflowruns", "approvalrequests", "connections"}

_OURS = {
    "workflows": "Workflow",
    "workflowruns": "WorkflowRun",
    "approvalrequests": "ApprovalRequest",
    "connections": "Connection",
}


def _group(name: str, version: str) -> dict[str, Any]:
    entry = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [entry], "preferredVersion": entry}


def _resource(plural: str, kind: str) -> dict[str, Any]:
    verbs = ["list", "watch", "patch"]
    return {"name": plural, "singularName": kind.lower(), "kind": kind, "namespaced": True, "verbs": verbs}


DISCOVERY: dict[str, dict[str, Any]] = {
    "/api": {"versions": ["v1"]},
    # kopf waits until it has found the kinds of namespaces and of kinds.
    "/api/v1": {"resources": [_resource("namespaces", "Namespace")]},
    "/apis/apiextensions.k8s.io/v1": {
        "resources": [_resource("customresourcedefinitions", "CustomResourceDefinition")]
    },
    "/apis": {"groups": [_group("apiextensions.k8s.io", "v1"), _group("penstock.dev", "v1alpha1")]},
    "/apis/penstock.dev/v1alpha1": {"resources": [_resource(plural, kind) for plural, kind in _OURS.items()]},
}


@dataclass
class Fault:
    """What goes wrong, once: the next request that fits."""

    method: str
    path: str
    status: int = 500
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    carried_out: bool = False
    """The request is carried out and its answer lost."""


@dataclass
class Log:
    """What a pod prints."""

    data: bytearray = field(default_factory=bytearray)
    ended: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    file: int = 1
    """Of the files that the node writes one after another; only the newest can be read."""

    def rotate(self) -> None:
        """Begin a new file, as a node does at a certain size."""
        self.data.clear()
        self.file += 1

    def stamped(self) -> bytes:
        """Each line with its time."""
        stamp = f"2026-01-02T12:00:{self.file:02d}.123456789Z ".encode()
        return b"".join(stamp + line for line in bytes(self.data).splitlines(keepends=True))

    def write(self, data: bytes) -> None:
        self.data += data
        self.changed.set()

    def end(self) -> None:
        self.ended = True
        self.changed.set()


@dataclass
class Target:
    """The parts of a request's path."""

    plural: str
    namespace: str | None
    name: str | None
    sub: str | None


class ApiServer:
    """The server's memory, its switches, and what was asked of it."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.history: list[tuple[int, str, str, dict[str, Any]]] = []
        self.version = 100
        self.forgotten = 0
        self.requests: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.faults: list[Fault] = []
        self.logs: dict[str, Log] = {}
        self.watchers: set[asyncio.Queue[dict[str, Any] | None]] = set()
        self.watches_opened = 0
        self.clock: Clock | None = None
        """What operators at this server go by, where a test moves the time."""
        self.powerless: set[str] = set()
        """Users who may do nothing, for whoever asks on their behalf."""
        self.lacking: set[str] = set()
        """Names and subresources that nobody has a right to, for whoever asks on somebody's behalf."""
        self.asked_rights: list[dict[str, Any]] = []
        self.on_commit: list[Callable[[str, str, dict[str, Any]], None]] = []
        """Told (kind of event, plural, object) at every change."""
        self.url = ""

    # What tests do behind the clients' backs.

    def put(self, plural: str, obj: dict[str, Any]) -> dict[str, Any]:
        """Create or replace an object, as some other client would."""
        meta = obj.setdefault("metadata", {})
        key = (plural, meta.setdefault("namespace", "default"), meta["name"])
        old = self.objects.get(key)
        meta["uid"] = old["metadata"]["uid"] if old else meta.get("uid") or self.new_uid()
        meta["creationTimestamp"] = self.time()
        return self._commit("MODIFIED" if old else "ADDED", key, obj)

    def set_status(self, plural: str, name: str, status: dict[str, Any], namespace: str = "default") -> None:
        """Report a state, as a node or a controller would."""
        obj = copy.deepcopy(self.objects[plural, namespace, name])
        self._commit("MODIFIED", (plural, namespace, name), {**obj, "status": status})

    def remove(self, plural: str, name: str, namespace: str = "default") -> None:
        """Delete an object, as some other client would."""
        key = (plural, namespace, name)
        self._commit("DELETED", key, self.objects[key])

    def get(self, plural: str, name: str, namespace: str = "default") -> dict[str, Any]:
        return self.objects[plural, namespace, name]

    def names(self, plural: str) -> list[str]:
        return [name for kind, _, name in self.objects if kind == plural]

    def writes(self) -> list[tuple[str, str]]:
        """Mutating requests, less Leases and Events."""
        return [each for each in self.requests if each[0] != "GET" and not re.search("/(leases|events)", each[1])]

    def forget_history(self) -> None:
        """As after compaction: older resourceVersions can no longer be watched."""
        self.history.clear()
        self.version += 1
        self.forgotten = self.version

    def cut_watches(self) -> None:
        """Close all streams, properly."""
        for queue in tuple(self.watchers):
            queue.put_nowait(None)

    def say_error(self, code: int, message: str) -> None:
        """An ERROR event in all streams."""
        status = {"kind": "Status", "code": code, "message": message, "reason": "Expired" if code == 410 else ""}
        for queue in tuple(self.watchers):
            queue.put_nowait({"type": "ERROR", "object": status})

    # The server itself.

    def new_uid(self) -> str:
        """For a new object."""
        return str(uuid.uuid4())

    def time(self) -> str:
        """Now, as objects say it."""
        return "2026-01-02T12:00:00Z"

    def _commit(self, kind: str, key: tuple[str, str, str], obj: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        obj = copy.deepcopy(obj)
        obj["metadata"]["resourceVersion"] = str(self.version)
        if kind == "DELETED":
            self.objects.pop(key, None)
        else:
            self.objects[key] = obj
        self.history.append((self.version, kind, key[0], obj))
        for queue in tuple(self.watchers):
            queue.put_nowait({"type": kind, "object": obj, "plural": key[0]})
        for listener in self.on_commit:
            listener(kind, key[0], obj)
        return obj

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.raw_path.split("?")[0]
        self.requests.append((request.method, path))
        self.headers.append(dict(request.headers))
        fault = next((f for f in self.faults if f.method == request.method and re.search(f.path, path)), None)
        if fault is not None:
            self.faults.remove(fault)
            return await self._fail(request, fault)
        return await self._answer(request)

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.carried_out:
            await self._answer(request)
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        body = fault.body or {"kind": "Status", "message": "a fault on order", "code": fault.status}
        return web.json_response(body, status=fault.status, headers=fault.headers)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/version":
            return web.json_response({"major": "1", "minor": "36"})
        if request.path in DISCOVERY:
            return web.json_response(DISCOVERY[request.path])
        match = PATH.match(request.path)
        if match is None:
            return web.json_response({"kind": "Status", "message": "not served", "code": 404}, status=404)
        target = Target(match["plural"], match["namespace"], match["name"], match["sub"])
        try:
            return await self._serve(request, target)
        except Denied as refusal:
            body = {"kind": "Status", "code": refusal.code, "reason": refusal.reason, "message": str(refusal)}
            return web.json_response(body, status=refusal.code)
        except PatchFailed as error:
            body = {"kind": "Status", "code": 422, "reason": "Invalid", "message": f"cannot apply {error}"}
            return web.json_response(body, status=422)

    async def _serve(self, request: web.Request, target: Target) -> web.StreamResponse:
        if request.query.get("watch") == "true":
            return await self._watch(request, target)
        if target.sub == "log":
            return await self._log(request, target)
        if request.method == "GET" and target.name is None:
            return web.json_response(self._list(request, target))
        if request.method == "GET":
            return web.json_response(self._find(target))
        if target.plural.endswith("reviews"):
            return web.json_response(self._review(target, await request.json(), request.headers), status=201)
        if request.method == "POST":
            return web.json_response(self._create(target, await request.json(), request.headers), status=201)
        if request.method == "DELETE":
            return web.json_response(self._delete(target, await request.json()))
        return web.json_response(self._change(target, request, await request.json()))

    def _review(self, target: Target, body: dict[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
        if target.plural == "selfsubjectreviews":
            return review(headers)
        self.asked_rights.append(body["spec"])
        right = body["spec"].get("resourceAttributes", {})
        lacks = right.get("name") in self.lacking or right.get("subresource") in self.lacking
        return {"status": {"allowed": body["spec"]["user"] not in self.powerless and not lacks}}

    def _key(self, target: Target) -> tuple[str, str, str]:
        return target.plural, target.namespace or "", target.name or ""

    def _find(self, target: Target) -> dict[str, Any]:
        found = self.objects.get(self._key(target))
        if found is None:
            raise Denied(404, "NotFound", f'{target.plural} "{target.name}" not found')
        return found

    def _fits(self, request: web.Request, target: Target, obj: dict[str, Any]) -> bool:
        meta = obj["metadata"]
        wanted = [part for part in request.query.get("labelSelector", "").split(",") if part]
        labels = meta.get("labels", {})
        for part in wanted:
            name, _, value = part.partition("=")
            if name not in labels or (value and labels[name] != value):
                return False
        fields = [part.partition("=") for part in request.query.get("fieldSelector", "").split(",") if part]
        if any(_at(obj, path) != value for path, _, value in fields):
            return False
        return target.namespace is None or meta["namespace"] == target.namespace

    def _list(self, request: web.Request, target: Target) -> dict[str, Any]:
        items = [
            obj
            for (kind, _, _), obj in self.objects.items()
            if kind == target.plural and self._fits(request, target, obj)
        ]
        # As the real one has it: an empty list of metadata alone is null.
        none: list[Any] | None = None if "PartialObjectMetadataList" in request.headers.get("Accept", "") else []
        return {"kind": "List", "metadata": {"resourceVersion": str(self.version)}, "items": items or none}

    def _create(self, target: Target, obj: dict[str, Any], headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        admit(target.plural, None, obj, headers or {})
        meta = obj["metadata"]
        meta["namespace"] = target.namespace or ""
        if "name" not in meta:
            meta["name"] = meta["generateName"] + self.new_uid()[:5]
        target.name = meta["name"]
        if self._key(target) in self.objects:
            raise Denied(409, "AlreadyExists", f'{target.plural} "{target.name}" already exists')
        meta["uid"] = self.new_uid()
        meta["creationTimestamp"] = self.time()
        meta["generation"] = 1
        if target.plural in WITH_STATUS - {"pods", "jobs"}:
            obj.pop("status", None)
        return self._commit("ADDED", self._key(target), obj)

    def _delete(self, target: Target, options: dict[str, Any]) -> dict[str, Any]:
        found = self._find(target)
        uid = options.get("preconditions", {}).get("uid")
        if uid and uid != found["metadata"]["uid"]:
            raise Denied(409, "Conflict", "the UID in the precondition does not match")
        return self._commit("DELETED", self._key(target), found)

    def _change(self, target: Target, request: web.Request, body: Any) -> dict[str, Any]:
        old = self._find(target)
        new = copy.deepcopy(old)
        if request.method == "PUT":
            new = body
        elif request.content_type == "application/json-patch+json":
            new = apply_json_patch(new, body)
        else:
            new = apply_merge_patch(new, body)
        asked = new["metadata"].get("resourceVersion", old["metadata"]["resourceVersion"])
        if asked != old["metadata"]["resourceVersion"]:
            raise Denied(
                409, "Conflict", "the object has been modified; please apply your changes to the latest version"
            )
        if target.plural in WITH_STATUS:
            keep = {**old, "status": new.get("status", {})} if target.sub == "status" else {**new}
            if target.sub != "status":
                keep.pop("status", None)
                if "status" in old:
                    keep["status"] = old["status"]
            new = keep
        new["metadata"] = {**new["metadata"], "uid": old["metadata"]["uid"]}
        if target.sub is None:
            admit(target.plural, old, new, request.headers)
        if not new["metadata"].get("labels", True):
            # As the real one stores it: an empty map is none.
            del new["metadata"]["labels"]
        if new == old:
            return old
        if new.get("spec") != old.get("spec"):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        return self._commit("MODIFIED", self._key(target), new)

    async def _watch(self, request: web.Request, target: Target) -> web.StreamResponse:
        self.watches_opened += 1
        since = int(request.query["resourceVersion"])
        if since < self.forgotten:
            raise Denied(410, "Expired", f"too old resource version: {since} ({self.forgotten})")
        response = web.StreamResponse()
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        for version, kind, plural, obj in self.history:
            if version > since:
                queue.put_nowait({"type": kind, "object": obj, "plural": plural})
        self.watchers.add(queue)
        await response.prepare(request)
        try:
            while (event := await queue.get()) is not None:
                if event.pop("plural", target.plural) == target.plural and (
                    event["type"] in ("ERROR", "BOOKMARK") or self._fits(request, target, event["object"])
                ):
                    await response.write(json.dumps(event).encode() + b"\n")
        finally:
            self.watchers.discard(queue)
        return response

    async def _log(self, request: web.Request, target: Target) -> web.StreamResponse:
        target.sub = None
        self._find(target)
        log = self.logs.get(target.name or "")
        if log is None:
            raise Denied(400, "BadRequest", f'container "step" in pod "{target.name}" is waiting to start')
        response = web.StreamResponse()
        await response.prepare(request)
        if request.query.get("timestamps") == "true":
            await response.write(log.stamped()[: int(request.query.get("limitBytes", "0")) or None])
            return response
        sent = 0
        while True:
            log.changed.clear()
            if sent < len(log.data):
                await response.write(bytes(log.data[sent:]))
                sent = len(log.data)
            if log.ended or request.query.get("follow") != "true":
                return response
            await log.changed.wait()


def _at(obj: dict[str, Any], path: str) -> Any:
    for name in path.split("."):
        obj = obj.get(name, {})
    return obj


Served = TypeVar("Served", bound=ApiServer)


@contextlib.asynccontextmanager
async def serving(server: Served) -> AsyncIterator[Served]:
    """The server on a port of its own, stopped at the end."""
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{tail:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}"
    try:
        yield server
    finally:
        server.cut_watches()
        for log in server.logs.values():
            log.end()
        await runner.cleanup()
