"""How many runs Hypothesis tries."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("deep", max_examples=5_000, deadline=None)
