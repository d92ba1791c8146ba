"""APIs made callable: what `penstock import openapi` writes, and how it runs against a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from penstock.api.v1alpha1.sources import validate_text
from penstock.application.check_output import check_output
from penstock.cli.commands.importing import FileOptions
from penstock.cli.importing.openapi import Made, read, workflows_of
from penstock.cli.importing.reporting import report
from penstock.errors import InvalidInput, NotPossible
from tests.integration.cli.person import Person
from tests.support.web import Web, serving

ITEM = {"schema": {"$ref": "#/components/schemas/Item"}}
ITEMS = {"schema": {"type": "array", "items": ITEM["schema"]}}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Shop"},
    "paths": {
        "/orders/{order-id}": {
            "parameters": [{"name": "order-id", "in": "path", "required": True, "schema": {"type": "integer"}}],
            "get": {
                "operationId": "getOrder",
                "summary": "One order",
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"type": "object", "not": {"$ref": "#/x"}}}}},
                    "404": {"content": {"application/json": {"schema": {"type": "string"}}}},
                },
            },
            "delete": {"summary": "Away with it"},
        },
        "/orders/{order-id}/items": {
            "parameters": [{"$ref": "#/components/parameters/Order"}],
            "get": {
                "operationId": "list_items",
                "parameters": [
                    {"name": "sort", "in": "query", "schema": {"type": "string", "enum": ["name", "price"]}},
                    {"name": "in", "in": "query", "schema": {"type": "array", "items": {"type": "integer"}}},
                ],
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"type": "array", "items": ITEM["schema"]}}}}
                },
            },
            "post": {
                "operationId": "addItem",
                "requestBody": {"required": True, "content": {"application/json": ITEM}},
                "responses": {"201": {"$ref": "#/components/responses/Added"}, "204": {}, "default": {"content": {}}},
            },
        },
        "/odd path?": {"get": {}},
        "/upload": {"post": {"requestBody": {"content": {"multipart/form-data": {}}}}},
    },
    "components": {
        "responses": {"Added": {"content": {"application/json": {"schema": {"oneOf": [{"required": ["id"]}, {}]}}}}},
        "parameters": {"Order": {"name": "order-id", "in": "path", "required": True, "schema": {"type": "integer"}}},
        "schemas": {
            "Item": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "maxLength": 40, "pattern": "(?=x)", "example": "pen"},
                    "price": {"type": "number", "nullable": True, "minimum": 1},
                    "kind": {"enum": ["pen", "cap"], "type": "string"},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}},
                    "away": {"$ref": "https://evil.example/x.json"},
                },
            }
        },
    },
}


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        yield web


def made(document: dict[str, Any] = DOCUMENT, url: str | None = "https://shop.example.com/api") -> Any:
    found = workflows_of(read(json.dumps(document)), "openapi.json", "shop", ["leads"], [], url)
    assert validate_text(found.text, images={"steps": ""})[1] == []
    objects = {each["metadata"]["name"]: each["spec"] for each in yaml.safe_load_all(found.text)}
    return objects, found.left_out


def test_each_operation_is_a_workflow_with_typed_inputs():
    objects, left_out = made()
    add = objects["shop-add-item"]
    assert add["inputs"]["required"] == ["order_id", "body"]
    body = add["inputs"]["properties"]["body"]
    assert body["required"] == ["name"]
    assert body["properties"]["name"] == {"type": "string", "maxLength": 40}
    assert body["properties"]["price"] == {"type": ["number", "null"], "minimum": 1}
    assert add["steps"][0]["http"]["path"] == "/orders/{{ context.order_id }}/items"
    assert objects["shop-list-items"]["inputs"]["properties"]["sort"]["enum"] == ["name", "price"]
    assert any("/odd path?" in each for each in left_out)
    assert any("no JSON" in each for each in left_out)


def test_what_comes_back_has_the_schema_of_the_document_without_its_bounds():
    objects, _ = made()
    shown = objects["shop-list-items"]["outputs"]["schema"]
    item = shown["items"]["properties"]
    assert (shown["type"], list(item)) == ("array", ["name", "price", "kind", "parts", "away"])
    assert item["price"] == {"type": ["number", "null"]}
    assert item["kind"] == {"type": ["string", "null"], "examples": ["pen", "cap"]}
    assert check_output(shown, [{"kind": "hat", "price": 0}, {"name": None, "more": 1}]) == ()
    [problem] = check_output(shown, [{"price": "1.50"}])
    assert problem.path == "output[0].price"
    assert objects["shop-get-order"]["outputs"]["schema"] == {"type": "object"}


def test_an_answer_of_which_nothing_is_known_has_no_schema():
    objects, _ = made()
    for name in ("shop-delete-orders-order-id", "shop-post-upload"):
        assert objects[name]["outputs"] == {"from": "steps.call.output.body"}
    text = {"200": {"content": {"application/json": ITEM, "text/plain": {}}}}
    items = {"get": {"operationId": "list_items", "responses": text}}
    objects, _ = made({**DOCUMENT, "paths": {"/items": items}})
    assert "schema" not in objects["shop-list-items"]["outputs"]


def test_an_answer_may_be_one_of_several():
    answers = {"200": {"content": {"application/json": ITEM}}, "202": {"content": {}}}
    objects, _ = made({**DOCUMENT, "paths": {"/items": {"get": {"operationId": "get_item", "responses": answers}}}})
    one, none = objects["shop-get-item"]["outputs"]["schema"]["anyOf"]
    assert (one["type"], none) == ("object", {"type": "null"})


def test_what_is_no_get_has_a_gate_and_nothing_else_is_allowed():
    objects, _ = made()
    gated = {name for name, spec in objects.items() if "steps" in spec and "requiresApproval" in spec["steps"][0]}
    assert gated == {"shop-add-item", "shop-delete-orders-order-id", "shop-post-upload"}
    allow = {
        (method, path) for rule in objects["shop"]["allow"] for method in rule["methods"] for path in rule["paths"]
    }
    assert ("GET", "/orders/*") in allow
    assert ("POST", "/orders/*") not in allow


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "neither JSON nor YAML"),
        ("[]", "no `paths`"),
        ('{"swagger": "2.0", "paths": {}}', "only OpenAPI 3"),
        ('{"openapi": "3.1.0", "paths": {}}', "does not say where"),
        ('{"openapi": "3.1.0", "paths": {}, "servers": [{"url": "https://u:p@a.example"}]}', "does not say where"),
    ],
)
def test_what_is_no_such_document_is_refused(text: str, says: str):
    with pytest.raises(InvalidInput, match=says):
        workflows_of(read(text), "openapi.json", "shop", ["leads"], [], None)


def of(operation: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A document of one operation."""
    return {"openapi": "3.1.0", "paths": {"/a": {"post": {"operationId": "a", **operation}}}, **more}


def body_of(schema: Any, **more: Any) -> Any:
    """What becomes of the schema of a body."""
    content = {"requestBody": {"content": {"application/json": {"schema": schema}}}}
    objects, _ = made(of(content, **more))
    return objects["shop-a"]["inputs"]["properties"]["body"]


def test_null_is_a_value_where_either_version_says_so():
    item = {"schemas": {"Item": {"type": "object", "nullable": True}}}
    parts = {
        "a": {"type": ["string", "null"], "maxLength": 5},
        "b": {"type": "string", "nullable": True, "enum": ["x"]},
        "c": {"allOf": [{"type": "object"}], "nullable": True},
        "d": {"$ref": "#/components/schemas/Item"},
        "e": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "f": {"type": ["string", "null"], "nullable": True},
    }
    found = body_of({"type": "object", "properties": parts}, components=item)["properties"]
    assert found["a"] == parts["a"]
    assert found["b"] == {"type": ["string", "null"], "enum": ["x", None]}
    assert found["c"] == {"anyOf": [{"allOf": [{"type": "object"}]}, {"type": "null"}]}
    assert found["d"] == {"type": ["object", "null"]}
    assert found["e"] == parts["e"]
    assert found["f"] == {"type": ["string", "null"]}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": [1], "required": "x"},
        {"enum": []},
        {"enum": [[[[[[[[[[[[1]]]]]]]]]]]]},
        {"type": "number", "maximum": float("inf")},
        {"$ref": 5},
        {"allOf": [{"$ref": "#/paths/~1a/post/requestBody/content/application~1json/schema"}]},
        True,
        [],
    ],
)
def test_a_schema_that_is_none_makes_any_value_of_it_or_less(schema: Any):
    body_of(schema)


def test_words_that_are_none_are_left_out_and_paths_are_found_by_reference():
    odd = {
        "summary": 5,
        "description": "At\nlast \ud800",
        "parameters": [5, {"name": "q", "in": "query", "description": [1]}],
    }
    document = of(odd, components={"pathItems": {"A": {"get": {"operationId": "b"}}}})
    document["paths"]["/b"] = {"$ref": "#/components/pathItems/A"}
    document["paths"]["/*"] = {"delete": {"operationId": "everything"}}
    objects, left_out = made(document)
    assert objects["shop-a"]["description"] == "At last"
    assert objects["shop-a"]["inputs"]["properties"] == {"q": {}}
    assert objects["shop-b"]["steps"][0]["http"]["path"] == "/b"
    # A path's own star would let steps call whatever fits it.
    assert [each for each in left_out if "DELETE /*" in each]
    assert all("*" not in path for rule in objects["shop"]["allow"] for path in rule["paths"])


@pytest.mark.parametrize("server", [5, "http://[", "http://[::1", None, {}, "file:///etc"])
def test_a_server_that_is_no_address_is_told(server: Any):
    document = of({}, servers=[{"url": server}])
    with pytest.raises(InvalidInput, match="does not say where the API is"):
        workflows_of(document, "openapi.json", "shop", ["leads"], [], None)
    at = "https://shop.example.com/openapi.json"
    if isinstance(server, str):
        with pytest.raises(InvalidInput, match="does not say where the API is"):
            workflows_of(document, at, "shop", ["leads"], [], None)
    else:
        # As without servers: where the document is.
        assert "url: https://shop.example.com" in workflows_of(document, at, "shop", ["leads"], [], None).text


def test_a_document_beyond_its_bounds_is_refused_in_time(person: Person, tmp_path: Path):
    person.file("huge.json", json.dumps({**DOCUMENT, "x-more": "y" * 20_000_000}))
    done = person.penstock("import", "openapi", "huge.json")
    assert done.returncode == 2, done.stderr
    assert "huge.json has more than 4,194,304 characters" in done.stderr
    assert list(person.home.glob("*.yaml*")) == []
    # One within them, of which a file is made that would not be.
    call: Any = None
    with pytest.raises(NotPossible, match="4,194,304 is the limit of a file"):
        report(call, tmp_path / "api.yaml", Made("x" * 5_000_000, 3000, ()), FileOptions())


def test_a_document_that_refers_to_itself_or_is_huge_comes_to_an_end():
    many = {f"p{number}": {"$ref": "#/components/schemas/Item"} for number in range(60)}
    items = {**DOCUMENT["components"]["schemas"]["Item"], "properties": many}
    objects, _ = made({**DOCUMENT, "components": {**DOCUMENT["components"], "schemas": {"Item": items}}})
    assert objects["shop-add-item"]["inputs"]["properties"]["body"]["type"] == "object"


def test_it_runs_against_the_api_and_a_value_stays_one(person: Person, web: Web):
    web.answer("GET", "/openapi.json", {**DOCUMENT, "servers": [{"url": "/api"}]})
    web.answer("GET", "/api/orders/7/items", [{"name": "pen"}])
    web.answer("POST", "/api/orders/7/items", {"id": 1}, status=201)
    done = person.penstock("import", "openapi", f"{web.url}/openapi.json", "--name", "shop")
    assert done.returncode == 0, done.stderr

    def run(name: str, *more: str) -> Any:
        words = ("--local", "run", "shop.yaml", "--workflow", name, "--set", "order_id=7", "-o", "json", *more)
        done = person.penstock(*words)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    assert run("shop-list-items", "--set", "sort=name", "--set", "in_=[1, 2]")["output"] == [{"name": "pen"}]
    assert run("shop-add-item", "--set", 'body={"name": "a&b=\'"}', "--approve")["output"] == {"id": 1}
    asked = web.requests[-2]
    assert asked.query == {"sort": ["name"], "in": ["1", "2"]}
    assert json.loads(web.requests[-1].body) == {"name": "a&b='"}
    assert "as it should be" in person.penstock("import", "openapi", f"{web.url}/openapi.json", "--name", "shop").stderr
