"""`--set` and `--context` become what the inputs' schema asks for."""

from __future__ import annotations

import pytest

from penstock.cli.assignments import assigned, document
from penstock.errors import InvalidInput

INPUTS = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "total": {"type": "number"},
        "count": {"type": "integer"},
        "rush": {"type": "boolean"},
        "remark": {"type": ["string", "null"]},
        "rest": {"type": ["integer", "null"]},
        "lines": {"type": "array"},
        "address": {"type": "object"},
        "any": {},
    },
}


@pytest.mark.parametrize(
    ("pair", "want"),
    [
        pytest.param("name=7", {"name": "7"}, id="text that looks like a number stays text"),
        pytest.param("name=", {"name": ""}, id="text may be empty"),
        pytest.param("name=a=b", {"name": "a=b"}, id="only the first equals sign counts"),
        pytest.param("name=null", {"name": "null"}, id="text is never null"),
        pytest.param("total=99.5", {"total": 99.5}, id="a number"),
        pytest.param("total=600", {"total": 600}, id="a whole number is a number"),
        pytest.param("count=-3", {"count": -3}, id="an integer"),
        pytest.param("rush=true", {"rush": True}, id="a boolean"),
        pytest.param("remark=it's", {"remark": "it's"}, id="text where it may be null"),
        pytest.param("remark=5", {"remark": "5"}, id="text that reads as a number"),
        pytest.param("remark=null", {"remark": None}, id="null where it may be text"),
        pytest.param("rest=null", {"rest": None}, id="null where it may be a number"),
        pytest.param("rest=5", {"rest": 5}, id="a number where it may be null"),
        pytest.param('lines=[{"sku": 1}]', {"lines": [{"sku": 1}]}, id="a list"),
        pytest.param('address={"city": "Ulm"}', {"address": {"city": "Ulm"}}, id="an object"),
        pytest.param("any=5", {"any": 5}, id="without a type JSON is taken as JSON"),
        pytest.param("any=hello", {"any": "hello"}, id="without a type the rest is text"),
    ],
)
def test_values_are_typed_by_the_schema(pair, want):
    assert assigned([pair], INPUTS) == want


@pytest.mark.parametrize(
    ("pair", "field", "fix"),
    [
        pytest.param("total=abc", "context.total", "--set total=99.99", id="no number"),
        pytest.param("total=true", "context.total", "--set total=99.99", id="a boolean is no number"),
        pytest.param("total=NaN", "context.total", "--set total=99.99", id="NaN is not JSON"),
        pytest.param("total=1e999", "context.total", "--set total=99.99", id="infinity is not JSON"),
        pytest.param("count=1.5", "context.count", "--set count=3", id="no whole number"),
        pytest.param("rest=x", "context.rest", "--set rest=3", id="text is neither a number nor null"),
        pytest.param("rush=yes", "context.rush", "--set rush=true", id="yes is no boolean"),
        pytest.param("lines={}", "context.lines", '--set lines=\'["a", "b"]\'', id="an object is no list"),
        pytest.param("nme=x", "context.nme", "--set name=...", id="a misspelt key gets the right one"),
        pytest.param("zzzzzz=x", "context.zzzzzz", "one of: name, total", id="an unknown key gets all of them"),
        pytest.param("name", "", "--set key=value", id="no value"),
    ],
)
def test_what_does_not_fit_names_the_field_and_what_to_write(pair, field, fix):
    with pytest.raises(InvalidInput) as caught:
        assigned([pair], INPUTS)
    [problem] = caught.value.problems
    assert problem.path == field
    assert problem.fix.startswith(fix)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(InvalidInput) as caught:
        assigned(["nme=x", "total=y", "oops"], INPUTS)
    assert len(caught.value.problems) == 3


def test_a_workflow_without_inputs_takes_none():
    with pytest.raises(InvalidInput, match="has no inputs"):
        assigned(["name=x"], None)


def test_further_keys_are_taken_where_the_schema_allows_them():
    assert assigned(["extra=1"], {**INPUTS, "additionalProperties": True}) == {"extra": 1}


def test_the_last_value_of_a_key_counts():
    assert assigned(["name=a", "name=b"], INPUTS) == {"name": "b"}


@pytest.mark.parametrize("text", ['{"a": 1}', "a: 1\n"], ids=["JSON", "YAML"])
def test_a_document_holds_the_whole_context(text):
    assert document(text, "file") == {"a": 1}


@pytest.mark.parametrize("text", ["[1]", "", "a: [", '{"a": NaN}', "a: .nan", "just words"], ids=repr)
def test_a_document_that_is_no_json_object_is_refused_with_its_name(text):
    with pytest.raises(InvalidInput, match=r"inputs\.yaml"):
        document(text, "inputs.yaml")


NESTED = "[" * 20_000 + "]" * 20_000


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param('{"a": 1, "a": 2}', "`a` is there twice", id="a key twice in JSON"),
        pytest.param('{"a": {"b": 1, "b": 2}}', "`b` is there twice", id="a key twice further in"),
        pytest.param("a: 1\na: 2\n", "not valid YAML", id="a key twice in YAML"),
        pytest.param('{"a": ' + NESTED + "}", "nested too deeply", id="nested without end"),
        pytest.param(
            "a: &a [x,x,x,x,x,x,x,x]\n"
            + "".join(
                f"{new}: &{new} [{','.join([f'*{old}'] * 8)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
            ),
            "not valid YAML",
            id="aliases that unfold to millions",
        ),
        pytest.param("a: 1\n---\na: 2\n", "2 documents", id="two documents"),
    ],
)
def test_a_document_that_can_be_read_in_two_ways_or_never_ends_is_refused(text, why):
    with pytest.raises(InvalidInput, match=why):
        document(text, "inputs")


def test_dates_stay_text_as_they_do_in_a_cluster():
    assert document("a: 2026-01-02", "file") == {"a": "2026-01-02"}


@pytest.mark.parametrize("value", [NESTED, '{"a": 1, "a": 2}'], ids=["nested without end", "a key twice"])
@pytest.mark.parametrize("inputs", [INPUTS, {"type": "object", "properties": {"lines": {}}}], ids=["typed", "untyped"])
def test_a_value_that_is_no_plain_json_is_refused_and_never_taken_for_text(value, inputs):
    with pytest.raises(InvalidInput) as caught:
        assigned([f"lines={value}"], inputs)
    (problem,) = caught.value.problems
    assert problem.path == "context.lines"
    assert problem.message.endswith((": it is nested too deeply", ": the key `a` is there twice"))
    assert len(problem.message) < 200
