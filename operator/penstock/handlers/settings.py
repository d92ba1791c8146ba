"""How kopf is set up for an operator that must not stop: what its defaults would do is in each comment."""

from __future__ import annotations

from collections.abc import Iterator

import kopf

from penstock.handlers.storages import NoDiffBase, NoProgress


class EndlessBackoff:
    """Waits that grow to a limit and never run out. After its last wait kopf's operator would exit."""

    def __init__(self, first: float = 0.1, longest: float = 10.0) -> None:
        self._first = first
        self._longest = longest

    def __iter__(self) -> Iterator[float]:
        """Seconds to wait, again and again."""
        wait = self._first
        while True:
            yield wait
            wait = min(wait * 2, self._longest)


def kopf_settings() -> kopf.OperatorSettings:
    """Settings for handlers that only hand over."""
    settings = kopf.OperatorSettings()
    settings.persistence.diffbase_storage = NoDiffBase()
    settings.persistence.progress_storage = NoProgress()
    settings.persistence.finalizer = "penstock.dev/never-set"
    settings.persistence.consistency_timeout = 0
    settings.posting.enabled = False
    settings.scanning.disabled = True  # else it watches all CRDs and namespaces, and needs the rights to
    settings.queueing.idle_timeout = 2.0
    settings.queueing.error_delays = (0.1, 0.5, 1, 2, 5, 10)  # by default an object goes deaf for up to ten minutes
    settings.watching.server_timeout = 290
    settings.watching.client_timeout = 300
    settings.watching.connect_timeout = 10
    settings.watching.inactivity_timeout = 70
    settings.watching.reconnect_backoff = 1.0
    settings.networking.request_timeout = 30
    settings.networking.error_backoffs = EndlessBackoff()
    settings.networking.enforce_retry_after = True
    settings.process.ultimate_exiting_timeout = None  # else it kills the whole process when its own end takes longer
    return settings
