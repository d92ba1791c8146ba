"""Two clusters on one machine must not share what is killed or overwritten."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.layout import Layout


def test_clusters_in_different_folders_have_different_cgroups():
    first, second = (Layout(cache=Path("/c"), state=Path(state)) for state in ("/var/lib/a", "/srv/a"))
    assert first.cgroup != second.cgroup
    assert "/" not in first.cgroup
