from __future__ import annotations

from itertools import islice

import kopf

from penstock.handlers.settings import EndlessBackoff, kopf_settings


def test_the_waits_grow_to_a_limit_and_never_end():
    assert list(islice(EndlessBackoff(0.1, 0.5), 5)) == [0.1, 0.2, 0.4, 0.5, 0.5]


def test_each_use_begins_anew():
    backoff = EndlessBackoff(0.1, 0.5)
    assert next(iter(backoff)) == next(iter(backoff)) == 0.1


def test_kopf_never_gives_up_and_writes_nothing():
    settings = kopf_settings()

    assert isinstance(settings.networking.error_backoffs, EndlessBackoff)
    assert settings.scanning.disabled
    assert not settings.posting.enabled
    assert settings.persistence.diffbase_storage.fetch(body=kopf.Body({})) is None
