"""Outputs beside their runs: immutable ConfigMaps that the run owns, written once, checked by digest when read."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec

from penstock.adapters.kube import labels
from penstock.adapters.kube.client import KubeClient, as_dict
from penstock.adapters.kube.manifests import Manifest
from penstock.adapters.kube.objects import Meta
from penstock.adapters.kube.resources import CONFIG_MAPS
from penstock.api.v1alpha1 import API_VERSION
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.commands import StoreOutput
from penstock.engine.digests import OUTPUT_SCHEME, digest_of
from penstock.engine.model import OutputRef
from penstock.errors import AlreadyExists, NotFound, OutputLost

PART_LIMIT = 900 * 1024
"""Bytes in one ConfigMap, which may have 1 MiB with everything."""
KEY = "output"
"""Of the JSON in a ConfigMap's data."""


class _ConfigMap(msgspec.Struct):
    metadata: Meta
    data: dict[str, str] = {}


_decode = msgspec.json.Decoder(_ConfigMap).decode


class KubeOutputs:
    """Outputs of ports.engine, and OutputReader of ports.access, with the rights of `client`."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def store(self, run: WorkflowRun, command: StoreOutput) -> None:
        """Create what is missing of the output's ConfigMaps. Raises AlreadyExists where one of them is not ours."""
        bodies = config_maps(run, command.ref, command.text)
        await asyncio.gather(*(self._create(run, body) for body in bodies))

    async def load(self, run: WorkflowRun, ref: OutputRef) -> Any:
        """The output, read anew. Raises OutputLost where it is gone or is not what `ref` says, Forbidden."""
        text = b""
        number = 0
        while len(text) < ref.size or number == 0:
            text += await self._part(run, part_name(ref.name, number))
            number += 1
        if digest_of(OUTPUT_SCHEME, text) != ref.digest:
            raise OutputLost(f"ConfigMap {run.metadata.namespace}/{ref.name} does not hold what was written there")
        return json.loads(text)

    async def _create(self, run: WorkflowRun, body: Manifest) -> None:
        namespace, name = run.metadata.namespace, body["metadata"]["name"]
        try:
            await self._client.create(CONFIG_MAPS.path(namespace), body, as_dict)
        except AlreadyExists:
            found = await self._client.get(CONFIG_MAPS.path(namespace, name), _decode)
            owner = found.metadata.controller
            ours = owner is not None and owner.uid == run.metadata.uid and labels.RUN in found.metadata.labels
            if not ours or found.data != body["data"]:
                raise AlreadyExists(f"ConfigMap {namespace}/{name} is there and is not this output") from None

    async def _part(self, run: WorkflowRun, name: str) -> bytes:
        namespace = run.metadata.namespace
        try:
            found = await self._client.get(CONFIG_MAPS.path(namespace, name), _decode)
        except NotFound:
            raise OutputLost(f"ConfigMap {namespace}/{name}, which held it, is gone") from None
        text = found.data.get(KEY, "").encode()
        if not text:
            raise OutputLost(f"ConfigMap {namespace}/{name} holds no output")
        return text


def config_maps(run: WorkflowRun, ref: OutputRef, text: bytes) -> list[Manifest]:
    """The ConfigMaps that hold an output; they go with the run."""
    owner = {
        "apiVersion": API_VERSION,
        "kind": "WorkflowRun",
        "name": run.metadata.name,
        "uid": run.metadata.uid,
        "controller": True,
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": part_name(ref.name, number),
                "namespace": run.metadata.namespace,
                "labels": {"app.kubernetes.io/managed-by": "penstock", labels.RUN: run.metadata.name},
                "annotations": {labels.DIGEST: ref.digest},
                "ownerReferences": [owner],
            },
            "immutable": True,
            "data": {KEY: part},
        }
        for number, part in enumerate(parts_of(text))
    ]


def part_name(name: str, number: int) -> str:
    """Name of the ConfigMap with one part of an output; the first has the output's own."""
    return f"{name}-{number:03d}" if number else name


def parts_of(text: bytes, limit: int = PART_LIMIT) -> list[str]:
    """UTF-8 cut into texts of at most `limit` bytes, never within a character."""
    parts = []
    start = 0
    while start < len(text):
        end = min(start + limit, len(text))
        while end < len(text) and text[end] & 0xC0 == 0x80:
            end -= 1
        parts.append(text[start:end].decode())
        start = end
    return parts
