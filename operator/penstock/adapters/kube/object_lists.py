"""All objects of a kind at once, for whoever asks under his own rights."""

from __future__ import annotations

import logging
from typing import TypeVar

import msgspec
from pydantic import ValidationError

from penstock.adapters.kube.client import Decode, KubeClient
from penstock.adapters.kube.resources import Resource
from penstock.api.v1alpha1.meta import ApiObject

T = TypeVar("T", bound=ApiObject)

_log = logging.getLogger(__name__)


class _RawList(msgspec.Struct):
    items: list[msgspec.Raw] = []


_decode_list = msgspec.json.Decoder(_RawList).decode


async def list_objects(client: KubeClient, resource: Resource, namespace: str | None, decode: Decode[T]) -> list[T]:
    """The objects of a namespace, of all namespaces for None. Raises Forbidden."""
    answer = await client.get(resource.path(namespace), _decode_list)
    found = []
    for item in answer.items:
        try:
            found.append(decode(bytes(item)))
        except ValidationError:
            # One object that the API server let pass and nobody can read must not hide all others.
            _log.warning("an object of %s cannot be read and is left out", resource.plural, exc_info=True)
    return found
