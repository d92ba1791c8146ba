"""The generated CustomResourceDefinitions: what users and the API server see of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import jsonschema
import pytest
import yaml
from pydantic import ConfigDict, Field

from penstock.api.crd_schema import InexpressibleType, definitions, structural_schema
from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.api.v1alpha1.meta import ApiModel, rules, served_default
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Workflow

ROOT = Path(__file__).resolve().parents[3]
CLIENT_SIDE_APPLY_LIMIT = 262_144
PLURALS = ("workflows", "workflowruns", "approvalrequests")

Short = Annotated[str, Field(max_length=10)]


@cache
def schema_of(plural: str) -> dict[str, Any]:
    version = definitions()[plural]["spec"]["versions"][0]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def at(schema: dict[str, Any], path: str) -> dict[str, Any]:
    for part in path.split("."):
        schema = schema["items"] if part == "[]" else schema["properties"][part]
    return schema


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", ".*")):
        if key in schema:
            yield from nodes(schema[key], path + mark)


@pytest.mark.parametrize("plural", PLURALS)
class TestStructure:
    """What the API server demands of every node."""

    def test_every_node_has_a_type_or_keeps_what_it_does_not_know(self, plural: str) -> None:
        bare = [
            path
            for path, node in nodes(schema_of(plural))
            if "type" not in node
            and not node.get("x-kubernetes-preserve-unknown-fields")
            and not node.get("x-kubernetes-int-or-string")
        ]
        assert bare == []

    def test_no_word_of_json_schema_that_a_crd_refuses(self, plural: str) -> None:
        refused = {"$ref", "$defs", "const", "title", "propertyNames", "prefixItems", "uniqueItems", "anyOf"}
        assert [(path, refused & node.keys()) for path, node in nodes(schema_of(plural)) if refused & node.keys()] == []

    def test_strings_lists_and_maps_are_bounded(self, plural: str) -> None:
        free = [
            path
            for path, node in nodes(schema_of(plural))
            if (node.get("type") == "string" and not {"maxLength", "enum", "format"} & node.keys())
            or (node.get("type") == "array" and "maxItems" not in node)
            or ("additionalProperties" in node and "maxProperties" not in node)
        ]
        assert free == []

    def test_keys_of_map_lists_are_required_in_their_items(self, plural: str) -> None:
        for path, node in nodes(schema_of(plural)):
            keys = node.get("x-kubernetes-list-map-keys", [])
            assert set(keys) <= set(node.get("items", {}).get("required", [])), path

    def test_every_rule_says_what_is_wrong(self, plural: str) -> None:
        found = [rule for _, node in nodes(schema_of(plural)) for rule in node.get("x-kubernetes-validations", [])]
        assert found
        assert all(len(rule["message"]) > 15 for rule in found)

    def test_kubectl_explain_has_a_sentence_for_every_field_of_ours(self, plural: str) -> None:
        ours = [(path, node) for path, node in nodes(schema_of(plural)) if path.startswith((".spec", ".status"))]
        fields = [(path, node) for path, node in ours if not path.endswith((".*", "[]")) and ".resources." not in path]
        assert [path for path, node in fields if not node.get("description")] == []

    def test_client_side_apply_takes_it(self, plural: str) -> None:
        assert (ROOT / "crds" / f"{plural}.yaml").stat().st_size < CLIENT_SIDE_APPLY_LIMIT / 2


class TestNames:
    def test_words_that_python_reserves_keep_their_name_on_the_wire(self) -> None:
        spec = at(schema_of("workflows"), "spec")
        assert "finally" in spec["properties"]
        assert {"from", "schema"} == spec["properties"]["outputs"]["properties"].keys()
        assert not [path for path, _ in nodes(spec) if path.endswith("_")]

    def test_names_for_kubectl(self) -> None:
        names = [crd["spec"]["names"] for crd in definitions().values()]
        assert [name["shortNames"] for name in names] == [["pwf"], ["pwr"], ["apr"], ["pconn"]]
        assert all(name["categories"] == ["penstock"] for name in names)

    def test_columns_of_runs(self) -> None:
        version = definitions()["workflowruns"]["spec"]["versions"][0]
        shown = [column["name"] for column in version["additionalPrinterColumns"] if "priority" not in column]
        assert shown == ["Phase", "Progress", "Cached", "Waiting-For", "Age"]

    def test_runs_are_selected_by_phase_and_by_workflow(self) -> None:
        version = definitions()["workflowruns"]["spec"]["versions"][0]
        assert [field["jsonPath"] for field in version["selectableFields"]] == [".status.phase", ".spec.workflow.name"]


class TestDefaults:
    def test_phase_is_pending_before_anybody_wrote_it(self) -> None:
        for plural in ("workflowruns", "approvalrequests"):
            status = at(schema_of(plural), "status")
            assert status["default"] == {}
            assert status["properties"]["phase"]["default"] == "Pending"

    def test_a_workflow_nobody_looked_at_is_neither_ready_nor_broken(self) -> None:
        (condition,) = at(schema_of("workflows"), "status")["default"]["conditions"]
        assert (condition["type"], condition["status"]) == ("Ready", "Unknown")

    def test_what_people_write_stays_as_written(self) -> None:
        served = [
            path for plural in PLURALS for path, node in nodes(at(schema_of(plural), "spec")) if "default" in node
        ]
        assert sorted(served) == [".decisions", ".request.requestedBy.client", ".requestedBy.client"]

    def test_other_defaults_are_told(self) -> None:
        step = at(schema_of("workflows"), "spec.steps.[]")
        assert at(step, "approval.expiresAfter")["description"].endswith("Default: 24h.")
        assert at(step, "retry.backoff.factor")["description"].endswith("Default: 2.")


class TestAcceptance:
    """What the wire types write is what the schema takes."""

    @pytest.mark.parametrize(
        ("plural", "model", "wire"),
        [
            pytest.param(
                "workflows",
                Workflow,
                {
                    "metadata": {"name": "orders"},
                    "spec": {
                        "inputs": {"type": "object"},
                        "outputs": {"from": "steps.a.output", "schema": {"type": "object"}},
                        "steps": [
                            {
                                "name": "a",
                                "script": {"runtime": "bash", "source": "true"},
                                "resources": {"limits": {"cpu": "1"}},
                                "requiresApproval": {"approvers": {"users": ["ann"]}, "eachAttempt": True},
                            }
                        ],
                        "finally": [{"name": "z", "approval": {"approvers": {"groups": ["leads"]}}}],
                    },
                },
                id="workflow",
            ),
            pytest.param(
                "workflowruns",
                WorkflowRun,
                {
                    "metadata": {"name": "orders-1"},
                    "spec": {"workflow": {"name": "orders"}, "context": {"a": [1, None]}, "requestedBy": {"user": "u"}},
                    "status": {
                        "phase": "Running",
                        "steps": {"a": {"phase": "Succeeded", "attempt": 1, "output": [1, {"x": "y"}]}},
                        "startedAt": datetime(2026, 1, 2, tzinfo=UTC),
                    },
                },
                id="run",
            ),
            pytest.param(
                "approvalrequests",
                ApprovalRequest,
                {
                    "metadata": {"name": "orders-1-a"},
                    "spec": {
                        "request": {
                            "run": {"name": "orders-1", "uid": "u-1"},
                            "step": "a",
                            "attempt": 1,
                            "digest": "sha256:aa",
                            "subject": "{}",
                            "requestedBy": {"user": "bob", "groups": ["dev"]},
                            "approvers": {"users": ["ann"]},
                            "quorum": 1,
                            "expiresAt": datetime(2026, 1, 2, tzinfo=UTC),
                            "nonce": "n",
                        },
                        "decisions": [{"by": "ann", "verdict": "approve", "digest": "sha256:aa"}],
                    },
                },
                id="approval",
            ),
        ],
    )
    def test_objects(self, plural: str, model: type[ApiModel], wire: dict[str, Any]) -> None:
        written = model.model_validate(wire).to_wire()
        jsonschema.validate(written, schema_of(plural))
        unknown = [path for path in _paths(written) if not _known(schema_of(plural), path)]
        assert unknown == [], "the API server would drop these"


def _paths(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield (*path, key)
            yield from _paths(child, (*path, key))
    elif isinstance(value, list):
        for child in value:
            yield from _paths(child, (*path, "[]"))


def _known(schema: dict[str, Any], path: tuple[str, ...]) -> bool:
    for part in path:
        if schema.get("x-kubernetes-preserve-unknown-fields") or schema == {"type": "object"}:
            return True
        below = schema.get("items") if part == "[]" else schema.get("properties", {}).get(part)
        below = below or schema.get("additionalProperties")
        if below is None:
            return False
        schema = below
    return True


class Loop(ApiModel):
    again: Annotated[tuple[Loop, ...], Field(max_length=3)] = ()


class TestRefusals:
    """What no CRD can say stops the generator, with the path and the reason."""

    @pytest.mark.parametrize(
        ("annotation", "want"),
        [
            pytest.param(str, "needs max_length", id="string without bound"),
            pytest.param(tuple[Short, ...], "needs max_length", id="list without bound"),
            pytest.param(dict[str, Short], "needs max_length", id="map without bound"),
            pytest.param(int | Short, "choice between types", id="union"),
            pytest.param(Annotated[tuple[int, Short], Field(max_length=2)], "prefixItems", id="tuple of two types"),
            pytest.param(Annotated[int, Field(gt=3)], "exclusiveMinimum", id="exclusive bound"),
            pytest.param(Annotated[set[Short], Field(max_length=2)], "uniqueItems", id="set"),
        ],
    )
    def test_types(self, annotation: Any, want: str) -> None:
        model = type("Sample", (ApiModel,), {"__annotations__": {"field": annotation}, "__module__": __name__})
        with pytest.raises(InexpressibleType, match=rf"\.field: .*{want}"):
            structural_schema(model)

    def test_a_type_that_contains_itself(self) -> None:
        with pytest.raises(InexpressibleType, match="Loop contains itself"):
            structural_schema(Loop)

    def test_a_time_span_would_be_read_as_another_format(self) -> None:
        class Spans(ApiModel):
            span: timedelta

        with pytest.raises(InexpressibleType, match="duration"):
            structural_schema(Spans)


class Parent(ApiModel):
    model_config = ConfigDict(json_schema_extra=rules(("self.size > 0", "write a size above 0")))
    size: Annotated[int, Field(json_schema_extra=served_default(1))] = 1
    """How big."""


class Child(Parent):
    colour: Short = "red"
    """Which one."""


def test_a_child_type_keeps_its_parents_rules_defaults_and_sentences() -> None:
    schema = structural_schema(Child)
    assert schema["x-kubernetes-validations"] == [{"rule": "self.size > 0", "message": "write a size above 0"}]
    assert schema["properties"]["size"] == {"description": "How big.", "type": "integer", "default": 1}
    assert schema["properties"]["colour"]["description"] == "Which one. Default: red."


def test_the_files_in_the_repository_are_current() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "gen_crds.py", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), "run `make generate`"


@pytest.mark.parametrize("plural", PLURALS)
def test_files_hold_the_definitions(plural: str) -> None:
    text = (ROOT / "crds" / f"{plural}.yaml").read_text("utf-8")
    assert text.startswith("# generated by make generate")
    assert yaml.safe_load(text) == definitions()[plural]
