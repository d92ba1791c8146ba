"""The cluster's cgroup, on a folder that looks like the kernel's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster import cgroups


@pytest.fixture
def first_version(tmp_path: Path) -> Path:
    for name in ("cpuset", "memory", "pids"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cgroup.procs").write_text("1\n")
    (tmp_path / "cpu").symlink_to("cpuset")
    return tmp_path


def test_version_one_has_a_group_in_every_hierarchy_and_processes_join_that_of_pids(first_version: Path):
    joined_by = cgroups.create("penstock", first_version)

    assert joined_by == first_version / "pids" / "penstock" / "processes" / "cgroup.procs"
    assert all((first_version / name / "penstock").is_dir() for name in ("cpuset", "memory", "pids"))


def test_version_two_has_one_hierarchy_and_processes_join_a_leaf(tmp_path: Path):
    (tmp_path / "cgroup.controllers").write_text("pids memory\n")

    assert cgroups.create("penstock", tmp_path) == tmp_path / "penstock" / "processes" / "cgroup.procs"


def test_members_are_found_at_any_depth_in_any_hierarchy(first_version: Path):
    for place, pids in (("pids/penstock/processes", "10\n11\n"), ("memory/penstock/kubepods/pod1", "12\n")):
        (first_version / place).mkdir(parents=True)
        (first_version / place / "cgroup.procs").write_text(pids)

    assert cgroups.members("penstock", first_version) == {10, 11, 12}
    assert cgroups.members("another", first_version) == set()


def test_removal_says_when_something_is_left(first_version: Path):
    cgroups.create("penstock", first_version)
    (first_version / "memory" / "penstock" / "busy").touch()
    assert not cgroups.remove("penstock", first_version)

    (first_version / "memory" / "penstock" / "busy").unlink()
    assert cgroups.remove("penstock", first_version)
    assert (first_version / "memory").is_dir()
