r"""The ends of logs, kept after their pods: how much of each, in what form, which where there is no room for all.

Pure. They stand in one immutable ConfigMap of their run: gzip under one key for each attempt, and an index of what each
attempt printed in all. `kubectl get configmap NAME -o jsonpath='{.binaryData.STEP\\.1}' | base64 -d | zcat` shows one.
"""

from __future__ import annotations

import gzip
import json
import zlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from penstock.adapters.kube import labels
from penstock.adapters.kube.manifests import Manifest
from penstock.adapters.kube.record_stripper import RecordStripper
from penstock.api.v1alpha1 import API_VERSION
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.identifiers import log_ends_name
from penstock.engine.model import AttemptId

END_LIMIT = 64 * 1024
"""Bytes of output kept of one attempt."""
RUN_LIMIT = 900 * 1024
"""Bytes, compressed, kept of one run; a ConfigMap may have 1 MiB with everything."""
INDEX = "index.json"
_ENTRY = 128
"""Bytes that one attempt takes beside its end: its key twice, and its count."""


class LogEnd:
    """The last bytes of a log that is read, and how many there were in all."""

    def __init__(self) -> None:
        self._stripper = RecordStripper()
        self._ring = bytearray()

    @property
    def total(self) -> int:
        """Bytes of output so far, without records."""
        return self._stripper.count

    def feed(self, data: bytes) -> None:
        """Some of the log, as it came."""
        self._keep(self._stripper.feed(data))

    def close(self) -> KeptEnd:
        """The log has ended."""
        self._keep(self._stripper.close())
        data = bytes(self._ring[-END_LIMIT:])
        # Without a time in it, equal ends are equal bytes.
        return KeptEnd(self.total, gzip.compress(data, 6, mtime=0) if data else b"")

    def _keep(self, data: bytes) -> None:
        self._ring += data[-END_LIMIT:]
        if len(self._ring) > 2 * END_LIMIT:
            del self._ring[:-END_LIMIT]


@dataclass(frozen=True, slots=True)
class KeptEnd:
    """The end of one attempt's log."""

    total: int
    """Bytes of output that the attempt printed in all."""
    packed: bytes
    """gzip of the last of them; empty where nothing was printed."""

    @property
    def cost(self) -> int:
        """Bytes that it takes up where it is kept."""
        return len(self.packed) + _ENTRY

    def data(self) -> bytes:
        """The last bytes. Raises ValueError where they were never packed by us."""
        if not self.packed:
            return b""
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            data = unpacker.decompress(self.packed, END_LIMIT)
        except zlib.error as error:
            raise ValueError(str(error)) from error
        if not unpacker.eof or len(data) > self.total:
            raise ValueError("it is longer than it can be")
        return data


class RunEnds:
    """The ends of one run's logs, within its limit: of what failed and of what is newest rather than of the rest."""

    def __init__(self, limit: int = RUN_LIMIT) -> None:
        self._limit = limit
        self._cost = 0
        self._failed: OrderedDict[AttemptId, KeptEnd] = OrderedDict()
        self._others: OrderedDict[AttemptId, KeptEnd] = OrderedDict()
        self._dropped: set[AttemptId] = set()

    def __contains__(self, attempt: AttemptId) -> bool:
        """The attempt's end was put here, whether or not there is room for it."""
        return attempt in self._failed or attempt in self._others or attempt in self._dropped

    @property
    def cost(self) -> int:
        """Bytes that they take up."""
        return self._cost

    @property
    def kept(self) -> Mapping[AttemptId, KeptEnd]:
        """What is kept."""
        return {**self._failed, **self._others}

    def put(self, attempt: AttemptId, end: KeptEnd, *, failed: bool) -> None:
        """Keep the end of an attempt that is newer than all others; the first word on an attempt counts."""
        if attempt in self:
            return
        (self._failed if failed else self._others)[attempt] = end
        self._cost += end.cost
        while self._cost > self._limit:
            oldest, dropped = (self._others or self._failed).popitem(last=False)
            self._cost -= dropped.cost
            self._dropped.add(oldest)


def config_map(run: WorkflowRun, ends: Mapping[AttemptId, KeptEnd]) -> Manifest:
    """The ConfigMap that keeps them; it goes with the run."""
    meta = run.metadata
    owner = {"apiVersion": API_VERSION, "kind": "WorkflowRun", "name": meta.name, "uid": meta.uid, "controller": True}
    keyed = {_key(attempt): end for attempt, end in ends.items()}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": log_ends_name(meta.name, meta.uid),
            "namespace": meta.namespace,
            "labels": {"app.kubernetes.io/managed-by": "penstock", labels.RUN: meta.name},
            "ownerReferences": [owner],
        },
        "immutable": True,
        "data": {INDEX: json.dumps({key: end.total for key, end in keyed.items()}, separators=(",", ":"))},
        "binaryData": {key: b64encode(end.packed).decode() for key, end in keyed.items() if end.packed},
    }


def find(data: Mapping[str, str], binary: Mapping[str, str], attempt: AttemptId) -> KeptEnd | None:
    """The end of an attempt's log out of a ConfigMap; None where it holds none."""
    key = _key(attempt)
    try:
        totals = json.loads(data.get(INDEX, "{}"))
        return KeptEnd(int(totals[key]), b64decode(binary.get(key, ""), validate=True))
    except (ValueError, TypeError, KeyError, Base64Error):
        return None


def _key(attempt: AttemptId) -> str:
    """`STEP.ATTEMPT`, or `STEP.BATCH.ATTEMPT`: no name of a step has a dot."""
    return ".".join(str(part) for part in (attempt.step, attempt.batch, attempt.attempt) if part is not None)
