"""What is refused before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster import modules
from tests.cluster.programs import ClusterError


def test_a_folder_too_deep_for_sockets_is_refused_with_the_way_out():
    modules.check_length(Path("/var/lib/penstock-cluster/containerd.sock"))
    with pytest.raises(ClusterError, match="shorter folder in PENSTOCK_CLUSTER_DIR"):
        modules.check_length(Path("/" + "long/" * 20) / "containerd.sock")


def test_secrets_are_readable_by_their_owner_only_even_where_the_file_was_open_before(tmp_path: Path):
    (tmp_path / "kubeconfig").write_text("old")
    modules.write_private(tmp_path / "kubeconfig", "new")
    assert (tmp_path / "kubeconfig").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "kubeconfig").read_text() == "new"
