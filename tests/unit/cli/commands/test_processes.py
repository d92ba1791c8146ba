"""mcp, crds, version, drive."""

from __future__ import annotations

import yaml

import penstock
from penstock.cli.options import Place
from penstock.cli.serving import place_arguments
from tests.unit.cli.stage import World


def test_the_version_is_printed():
    world = World()
    assert world.penstock("version") == 0
    assert world.terminal.printed == f"penstock {penstock.__version__}\n"


def test_the_definitions_are_yaml_that_kubectl_takes():
    world = World()
    assert world.penstock("crds") == 0
    documents = list(yaml.safe_load_all(world.terminal.printed))
    assert {document["kind"] for document in documents} == {"CustomResourceDefinition"}
    assert {document["spec"]["names"]["kind"] for document in documents} == {
        "Workflow",
        "WorkflowRun",
        "ApprovalRequest",
        "Connection",
    }


def test_drive_works_on_the_data_of_its_settings():
    world = World()
    assert world.penstock("drive") == 0
    assert [settings.mode for settings in world.opened] == ["local"]


def test_the_server_is_told_where_to_act():
    place = Place(cluster=True, kube_context="kind", namespace="sales")
    assert place_arguments(place) == ("--cluster", "--kube-context", "kind", "--namespace", "sales")
    assert place_arguments(Place()) == ()
