"""The command lines of the components."""

from __future__ import annotations

from pathlib import Path

from tests.cluster import commands
from tests.cluster.layout import Layout

LAYOUT = Layout(cache=Path("/cache"), state=Path("/state"))


def options(name: str) -> dict[str, str]:
    words = commands.every(LAYOUT, "192.0.2.7")[name].words
    return dict(word[2:].split("=", 1) for word in words if word.startswith("--") and "=" in word)


def test_every_component_has_a_command_and_the_order_is_that_of_the_start():
    assert tuple(commands.every(LAYOUT, "192.0.2.7")) == commands.COMPONENTS


def test_only_what_mounts_for_pods_runs_in_the_private_mount_namespace():
    inside = {command.name for command in commands.every(LAYOUT, "192.0.2.7").values() if command.in_mounts}
    assert inside == {"containerd", "kubelet"}


def test_the_api_server_audits_to_one_file_that_is_not_rotated_under_its_readers():
    found = options("kube-apiserver")
    assert found["audit-log-path"] == str(LAYOUT.audit_log)
    assert int(found["audit-log-maxsize"]) > 1000
    assert "audit-log-maxage" not in found


def test_pods_reach_the_api_server_through_the_nodes_address():
    assert options("kube-apiserver")["advertise-address"] == "192.0.2.7"
    assert options("kubelet")["node-ip"] == "192.0.2.7"


def test_admission_policies_can_tell_the_controllers_apart():
    assert options("kube-controller-manager")["use-service-account-credentials"] == "true"


def test_what_the_runtime_writes_to_fixed_paths_lands_in_the_state_folder():
    script = commands.mounts(LAYOUT).words[-1]
    for folder in commands.PRIVATE_FOLDERS:
        assert f"mount --bind '/state/private{folder}' '{folder}'" in script
    assert script.endswith("exec sleep infinity")
