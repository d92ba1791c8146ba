"""Outputs as ConfigMaps."""

from __future__ import annotations

import json

import pytest

from penstock.adapters.kube.outputs import config_maps, parts_of
from penstock.api.v1alpha1.meta import ObjectMeta
from penstock.engine.model import OutputRef
from penstock.testing.builders import a_run

RUN = a_run().model_copy(update={"metadata": ObjectMeta(name="order-1", namespace="shop", uid="uid-1")})
REF = OutputRef("order-1-0123", "sha256:abc", 3)


def test_an_output_is_immutable_and_goes_with_its_run():
    assert config_maps(RUN, REF, b"[1]") == [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": "order-1-0123",
                "namespace": "shop",
                "labels": {"app.kubernetes.io/managed-by": "penstock", "penstock.dev/run": "order-1"},
                "annotations": {"penstock.dev/digest": "sha256:abc"},
                "ownerReferences": [
                    {
                        "apiVersion": "penstock.dev/v1alpha1",
                        "kind": "WorkflowRun",
                        "name": "order-1",
                        "uid": "uid-1",
                        "controller": True,
                    }
                ],
            },
            "immutable": True,
            "data": {"output": "[1]"},
        }
    ]


def test_a_large_one_has_parts_that_each_fit_into_a_config_map():
    text = json.dumps("x" * 2_000_000).encode()
    made = config_maps(RUN, REF, text)
    assert [body["metadata"]["name"] for body in made] == ["order-1-0123", "order-1-0123-001", "order-1-0123-002"]
    assert "".join(body["data"]["output"] for body in made).encode() == text
    assert all(len(body["data"]["output"]) <= 900 * 1024 for body in made)


@pytest.mark.parametrize("text", ["äöü" * 5, "a\U0001f6e2" * 5, "abc", "\U0001f6e2"])
@pytest.mark.parametrize("limit", [4, 5, 6, 7])
def test_a_cut_never_goes_through_a_character(text, limit):
    parts = parts_of(text.encode(), limit)
    assert "".join(parts) == text
    assert all(0 < len(part.encode()) <= limit for part in parts)
