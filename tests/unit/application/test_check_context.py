"""A context is refused before anything is created, with the field, the limit and the remedy."""

from __future__ import annotations

import subprocess
import sys

import pytest

from penstock.application.check_context import check_context, with_defaults

INPUTS = {
    "type": "object",
    "required": ["customer_id"],
    "properties": {
        "customer_id": {"type": "string", "pattern": "^CUST-[0-9]+$", "examples": ["CUST-12345"]},
        "order_total": {"type": "number", "minimum": 0},
        "count": {"type": "integer", "maximum": 10},
        "note": {"type": "string", "maxLength": 20_000},
        "region": {"enum": ["eu", "us"], "default": "eu"},
        "free": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 3}, "uniqueItems": True},
        "address": {
            "type": "object",
            "required": ["city"],
            "additionalProperties": False,
            "properties": {"city": {"type": "string"}},
        },
    },
}
GOOD = {"customer_id": "CUST-1"}

CASES = {
    "an unknown field": ({"customerid": "x"}, "context.customerid", "no input `customerid`", "Write `customer_id`"),
    "an unknown field near nothing": ({"zzz": 1}, "context.zzz", "no input", "the fields are `customer_id`"),
    "text for a number": ({"order_total": "5"}, "context.order_total", "`5` in quotes", "without quotes"),
    "a number for text": ({"free": 5}, "context.free", "must be text, but it is `5`", 'quotes: `"5"`'),
    "a yes for a number": ({"order_total": True}, "context.order_total", "it is `true`", "Write a number"),
    "decimals for a whole number": ({"count": 1.5}, "context.count", "a whole number", "Write a whole number"),
    "null": ({"free": None}, "context.free", "it is `null`", "Write text"),
    "too little": ({"order_total": -1}, "context.order_total", "-1, but must be at least 0", "at least 0"),
    "too much": ({"count": 11}, "context.count", "11, but must be at most 10", "at most 10"),
    "another form": ({"customer_id": "C1"}, "context.customer_id", "does not match", "like `CUST-12345`"),
    "a line feed at the end": ({"customer_id": "CUST-1\n"}, "context.customer_id", "<U+000A>", "like `CUST-12345`"),
    "a value that is no choice": ({"region": "eux"}, "context.region", "not one of", "Write `eu`"),
    "a text beyond the default": ({"free": "x" * 10_001}, "context.free", "10,001 characters; 10,000", "`maxLength`"),
    "a text beyond its own limit": ({"note": "x" * 20_001}, "context.note", "20,000 is the limit", "Shorten it"),
    "a text of too many bytes": ({"note": "€" * 11_000}, "context.note", "33,000 bytes; 32,768", "Shorten it"),
    "a text inside a list": ({"tags": ["abcd"]}, "context.tags[0]", "4 characters; 3 is the limit", "Shorten it"),
    "an entry twice": ({"tags": ["a", "a"]}, "context.tags", "an entry twice", "Remove one"),
    "a missing field inside": ({"address": {}}, "context.address.city", "is required", "Add `city`, text"),
    "an unknown field inside": (
        {"address": {"city": "x", "cty": "y"}},
        "context.address.cty",
        "no field `cty`",
        "Write `city`",
    ),
    "a NUL": ({"free": "a\0b"}, "context.free", "NUL", "Remove it"),
    "half a surrogate pair": ({"free": "\ud800"}, "context.free", "not valid Unicode", "Remove it"),
    "a number that JSON does not know": ({"order_total": float("nan")}, "context.order_total", "`nan`", "finite"),
    "a number beyond 2^53": ({"order_total": 2**53 + 1}, "context.order_total", "9,007,199,254,740,991", "as text"),
    "what is not JSON": ({"tags": {1}}, "context.tags", "set is not JSON", "as text"),
}


@pytest.mark.parametrize(("context", "path", "message", "fix"), CASES.values(), ids=CASES)
def test_a_wrong_value_is_named_with_its_remedy(context, path, message, fix):
    found = check_context(INPUTS, {**GOOD, **context})

    assert [problem.path for problem in found] == [path]
    assert message in found[0].message
    assert fix in found[0].fix


def test_a_missing_field_is_told_with_an_example():
    found = check_context(INPUTS, {})

    assert [(problem.path, problem.fix) for problem in found] == [
        ("context.customer_id", "Add `customer_id: CUST-12345`.")
    ]


def test_every_mistake_is_found_at_once():
    found = check_context(INPUTS, {"order_total": "x", "count": 11, "free": "a\0", "zzz": 1})

    assert {problem.path.removeprefix("context.") for problem in found} == {
        "order_total",
        "count",
        "free",
        "zzz",
        "customer_id",
    }


def test_a_context_over_128_kib_is_refused_with_the_limit():
    inputs = {"type": "object", "additionalProperties": {"type": "string"}}

    found = check_context(inputs, {f"f{number}": "x" * 9_900 for number in range(14)})

    assert [problem.path for problem in found] == ["context"]
    assert "131,072 (128 KiB) is the limit" in found[0].message


def test_nesting_without_end_is_refused():
    deep: object = 1
    for _ in range(40):
        deep = [deep]

    assert "more than 32 deep" in check_context(None, {"a": deep})[0].message


def test_without_inputs_any_field_of_good_name_passes():
    assert check_context(None, {"a_1": {"B": [1, "x", None, True]}}) == ()
    assert check_context(None, {"Order-Total": 1})[0].fix == "Write `order_total`."


@pytest.mark.parametrize("name", ["", "1a", "_a", "a" * 64, "a.b", "BASH_ENV", "a\n"])
def test_no_name_can_become_another_variable(name):
    assert len(check_context(None, {name: 1})) == 1


@pytest.mark.parametrize("extra", [True, {"type": "integer"}])
def test_open_inputs_take_other_fields(extra):
    assert check_context({"type": "object", "additionalProperties": extra}, {"other": 5}) == ()


def test_the_schema_of_other_fields_counts():
    found = check_context({"type": "object", "additionalProperties": {"type": "integer"}}, {"other": "x"})

    assert found[0].path == "context.other"


def test_a_local_reference_is_followed_and_nothing_else():
    inputs = {"type": "object", "$defs": {"id": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/id"}}}
    assert check_context(inputs, {"a": 1}) == ()
    assert check_context(inputs, {"a": "x"})[0].path == "context.a"

    remote = {"type": "object", "properties": {"a": {"$ref": "https://example.com/x.json"}}}
    assert "cannot be used" in check_context(remote, {"a": 1})[0].message


def test_a_list_of_many_small_maps_is_compared_in_a_moment():
    inputs = {"type": "object", "properties": {"a": {"type": "array", "uniqueItems": True}}}

    assert check_context(inputs, {"a": [{"n": number} for number in range(10_000)]}) == ()
    assert len(check_context(inputs, {"a": [{"n": 1}, {"n": 1.0}]})) == 1


def test_a_flood_of_mistakes_is_cut_short():
    inputs = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}}

    assert len(check_context(inputs, {"a": list(range(5_000))})) == 50


def test_defaults_are_filled_in_and_stay_apart():
    inputs = {"properties": {"a": {"default": ["x"]}, "b": {"default": 1}, "c": {}}}

    filled = with_defaults(inputs, {"b": 2})
    filled["a"].append("y")

    assert filled == {"a": ["x", "y"], "b": 2}
    assert with_defaults(inputs, {}) == {"a": ["x"], "b": 1}
    assert with_defaults(None, {"z": 1}) == {"z": 1}


def test_a_default_is_held_to_the_schema_like_any_value():
    inputs = {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {"type": "string", "default": "x", "minLength": 2}},
    }

    assert check_context(inputs, {})[0].path == "context.a"
    assert check_context(inputs, {"a": "xy"}) == ()


def test_a_run_without_inputs_does_not_wait_for_the_schema_library():
    program = (
        "import sys; from penstock.application.check_context import check_context; check_context(None, {'a': 1});"
        "print([name for name in ('jsonschema', 'referencing') if name in sys.modules])"
    )

    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
