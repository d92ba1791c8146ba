"""What decides whether a binary is built again."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster import gobuild
from tests.cluster.layout import GO_PROJECTS

PROJECT = gobuild.Project(folder="p", packages=("example.org/p",), names=("p",))


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "go.mod").write_text("module p\n")
    (tmp_path / "p" / "go.sum").write_text("")
    return tmp_path


def test_pins_and_flags_decide(projects: Path):
    known = {PROJECT.digest(projects), replace(PROJECT, variables=("main.version=2",)).digest(projects)}
    (projects / "p" / "go.sum").write_text("example.org/x v1.0.0 h1:abc=\n")
    known.add(PROJECT.digest(projects))
    assert len(known) == 3


@pytest.mark.parametrize("project", gobuild.PROJECTS, ids=lambda project: project.folder)
def test_every_project_pins_what_it_builds(project: gobuild.Project):
    go_mod = (GO_PROJECTS / project.folder / "go.mod").read_text()
    assert all(package in go_mod for package in project.packages)
    assert (GO_PROJECTS / project.folder / "go.sum").stat().st_size > 0
    assert len(project.packages) == len(project.names)


def test_the_linked_version_is_the_pinned_one():
    for folder, module in (("kubernetes", "k8s.io/kubernetes"), ("containerd", "containerd/v2"), ("helm", "helm/v3")):
        (project,) = [each for each in gobuild.PROJECTS if each.folder == folder]
        pinned = re.search(rf"{module} (v[0-9.]+)", (GO_PROJECTS / folder / "go.mod").read_text())
        assert pinned is not None
        assert f"ersion={pinned[1]}" in project.linker_flags
