"""A run that somebody holds: what runs goes on to its end, nothing more starts. Its time limits go on."""

from __future__ import annotations

from penstock.engine.draft import Draft


def note_suspension(draft: Draft) -> Draft:
    """The run is held exactly while somebody asks for it; one that is being stopped is not held up in that."""
    suspended = draft.facts.suspend and draft.state.stopping is None
    return draft if draft.state.suspended == suspended else draft.with_run(suspended=suspended)
