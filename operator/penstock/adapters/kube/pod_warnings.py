"""What the cluster warns of about a pod. Only Events say why a volume cannot be mounted."""

from __future__ import annotations

import msgspec

from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.objects import Pod, Struct
from penstock.adapters.kube.resources import CORE_EVENTS


class _Series(Struct, frozen=True):
    last_observed_time: str | None = None


class _Event(Struct, frozen=True):
    reason: str = ""
    message: str = ""
    last_timestamp: str | None = None
    event_time: str | None = None
    series: _Series | None = None

    @property
    def moment(self) -> str:
        """When it was seen last; RFC 3339 in UTC sorts as text."""
        return (self.series and self.series.last_observed_time) or self.last_timestamp or self.event_time or ""


class _Events(Struct, frozen=True):
    items: tuple[_Event, ...] = ()


_decode_events = msgspec.json.Decoder(_Events).decode


async def last_warning(client: KubeClient, pod: Pod) -> str:
    """The newest warning, as `Reason: message`; empty where there is none. Raises Forbidden, Unavailable."""
    meta = pod.metadata
    wanted = {"fieldSelector": f"involvedObject.uid={meta.uid},type=Warning"}
    found = await client.get(CORE_EVENTS.path(meta.namespace), _decode_events, wanted)
    newest = max(found.items, key=lambda event: event.moment, default=None)
    return f"{newest.reason}: {newest.message}".strip(": ") if newest else ""
