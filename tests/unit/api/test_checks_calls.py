"""What is wrong with calls and Connections, said before anything is stored."""

from __future__ import annotations

import pytest

from penstock.api.v1alpha1.sources import validate_text
from tests.unit.api.reading import steps_text

IMAGES = {"python": "", "steps": ""}


def problems_of(text, images=IMAGES):
    return [(problem.path, problem.message, problem.fix) for problem in validate_text(text, images=images)[1]]


def only(text, path, message, fix, images=IMAGES):
    [found] = problems_of(text, images)
    assert found[0] == path
    assert message in found[1]
    assert fix in found[2]


def http(fields):
    return steps_text(f"- name: a\n  http: {{connection: shop, {fields}}}")


def sql(fields):
    return steps_text(f"- name: a\n  sql: {{connection: db, {fields}}}")


def connection(spec):
    return f"apiVersion: penstock.dev/v1alpha1\nkind: Connection\nmetadata: {{name: shop}}\nspec: {{{spec}}}\n"


@pytest.mark.parametrize(
    "fields",
    [
        "path: /orders",
        "method: POST, path: '/orders/{{ run.name }}', body: {id: '{{ run.name }}'}, headers: {X-A: '{{ run.name }}'}",
        "filters: [{name: date_shipped, op: isnull}, {name: total, op: gt, val: 5}], paginate: {maxPages: 3}",
        "expect: {status: [200, 404], schema: {type: object}}",
    ],
)
def test_requests_that_are_right(fields):
    assert problems_of(http(fields)) == []


@pytest.mark.parametrize(
    ("fields", "path", "message", "fix"),
    [
        ("body: 1", "spec.steps[0].http.body", "A GET has no body", "use POST"),
        ("method: POST, paginate: {}", "spec.steps[0].http.paginate", "Only the answer of a GET", "Remove"),
        ("headers: {Authorization: x}", "spec.steps[0].http.headers.Authorization", "credential", "`auth` of the Conn"),
        ("headers: {'a b': x}", "spec.steps[0].http.headers", "not the name", "hyphens"),
        ("headers: {Host: x}", "spec.steps[0].http.headers.Host", "follows from the request", "Remove `Host`"),
        ("path: '/{{ context.x'", "spec.steps[0].http.path", "cannot be read", "Close"),
        ("query: {a: ['{{ nothing }}']}", "spec.steps[0].http.query.a[0]", "`nothing` is not known", "nothing"),
        (
            "filters: [{name: a, val: '{{ item }}'}]",
            "spec.steps[0].http.filters[0].val",
            "once for each item",
            "forEach",
        ),
    ],
)
def test_requests_that_are_not(fields, path, message, fix):
    only(http(fields), path, message, fix)


@pytest.mark.parametrize(
    ("fields", "path", "message", "fix"),
    [
        (
            "statement: \"SELECT * FROM t WHERE a = '{{ context.x }}'\"",
            "spec.steps[0].sql.statement",
            "read as a part of the statement",
            "Write `:name` in its place",
        ),
        ("statement: 'SELECT :a'", "spec.steps[0].sql.statement", "no value for it", "Add `a` to `parameters`"),
        ("statement: 'SELECT 1', parameters: {a: 1}", "spec.steps[0].sql.parameters.a", "has no `:a`", "Write `:a`"),
        (
            "statement: 'SELECT :order_id', parameters: {orderid: 1}",
            "spec.steps[0].sql.statement",
            "has `:order_id`",
            "Write `:orderid`",
        ),
    ],
)
def test_statements_that_are_not_right(fields, path, message, fix):
    found = problems_of(sql(fields))
    assert any(one[0] == path and message in one[1] and fix in one[2] for one in found), found


RULED = "statement: 'UPDATE t SET a = :a, b = :b RETURNING *', parameters: {a: 1}, write: true, rules: "


@pytest.mark.parametrize(
    "rules",
    [
        "{set: {b: 'parameters.a + 1'}, checks: [{check: 'row.b > row.a', message: never}], rows: 1}",
        "{set: {b: 'before.b + parents.p.b'}, before: 'SELECT b FROM t WHERE a = :a', parents: {p: 'SELECT * FROM p'}}",
    ],
)
def test_rules_that_are_right(rules):
    assert problems_of(sql(RULED + rules)) == []


@pytest.mark.parametrize(
    ("rules", "path", "message", "fix"),
    [
        ("{set: {c: '1', b: '2'}}", "set.c", "has no `:c`", "It has `:a` and `:b`"),
        ("{set: {b: 'row.a'}}", "set.b", "`row` is not known here", ""),
        ("{set: {b: 'before.a'}}", "set.b", "`before` is not known here", ""),
        ("{set: {b: 'context.a'}}", "set.b", "`context` is not known here", "into `parameters`"),
        ("{set: {b: 'parents.x.a'}}", "set.b", "there is no `x` among", "It has none"),
        ("{set: {b: 'parameters.aa'}}", "set.b", "there is no `aa` among", "`parameters.a`"),
        ("{set: {b: '1'}, checks: [{check: '{{ context.a }}'}]}", "checks[0].check", "a part of it", "parameters.name"),
        ("{set: {b: '1'}, before: 'SELECT :b'}", "before", "no value for it", "Add `b`"),
        ("{set: {b: '1'}, parents: {p: 'SELECT {{ run.name }}'}}", "parents.p", "part of the statement", "`:name`"),
    ],
)
def test_rules_that_are_not(rules, path, message, fix):
    found = problems_of(sql(RULED + rules))
    assert any(one[0] == f"spec.steps[0].sql.rules.{path}" and message in one[1] and fix in one[2] for one in found), (
        found
    )


def test_a_rule_that_is_no_expression():
    text = sql(RULED + "{set: {b: '1 +'}}")
    [problem] = validate_text(text, images=IMAGES, check_expression=lambda text: "Half." if text == "1 +" else None)[1]
    assert problem.path == "spec.steps[0].sql.rules.set.b"
    assert "Half." in problem.message


def test_a_step_that_reads_has_no_rules():
    only(sql("statement: 'SELECT 1', rules: {rows: 1}"), "spec.steps[0].sql.rules", "only reads", "write: true")


@pytest.mark.parametrize("statement", ["SELECT ':a', \":b\" -- :c", "SELECT a::int /* :d */", "SELECT '12:30:00'"])
def test_what_is_no_parameter_is_taken_for_none(statement):
    quoted = statement.replace("'", "''")
    assert problems_of(sql(f"statement: '{quoted}'")) == []


def test_a_call_has_no_surroundings():
    text = steps_text("- name: a\n  env: [{name: A, value: b}]\n  http: {connection: shop}")
    only(text, "spec.steps[0].env", "no program of its own", "`auth` of the Connection")


def test_an_installation_without_the_runtime_says_so():
    only(
        http("path: /x"),
        "spec.steps[0].http",
        "no image for the runtime `steps`",
        "runtimes.steps.image",
        {"python": ""},
    )


def test_models_have_a_runtime_of_their_own():
    text = steps_text("- name: a\n  llm: {connection: model, prompt: Why?}")
    only(text, "spec.steps[0].llm", "no image for the runtime `llm`", "runtimes.llm.image", {"steps": ""})
    assert problems_of(text, {"llm": ""}) == []


@pytest.mark.parametrize("schema", ["{type: array}", "{anyOf: [{type: object}]}"])
def test_a_model_answers_with_an_object(schema):
    text = steps_text(f"- name: a\n  llm: {{connection: model, prompt: Why?, outputSchema: {schema}}}")
    only(text, "spec.steps[0].llm.outputSchema", "answers with an object", "Write `type: object`", {"llm": ""})


@pytest.mark.parametrize(("runtime", "fix"), [("steps", "Write `http`"), ("llm", "Write `llm` in place of")])
def test_no_script_is_written_for_the_runtimes_of_calls(runtime, fix):
    text = steps_text(f"- name: a\n  script: {{runtime: {runtime}, source: x}}")
    only(text, "spec.steps[0].script.runtime", "a script has a language", fix)


@pytest.mark.parametrize(
    "spec",
    [
        "type: json-api, url: 'https://shop.example/api'",
        "type: openapi, url: 'http://localhost', auth: {secretRef: {name: a, key: b}, scheme: header, header: X-Key}",
        "type: sql, url: 'postgresql+psycopg://app@db.example/shop', auth: {secretRef: {name: a, key: b}}",
        "type: sql, url: 'sqlite:////data/shop.db', allow: [{tables: [orders], operations: [select, insert]}]",
        "type: llm, url: 'https://models.example/v1', provider: openai-compatible, model: small",
    ],
)
def test_connections_that_are_right(spec):
    assert problems_of(connection(spec)) == []


@pytest.mark.parametrize(
    ("spec", "path", "message", "fix"),
    [
        ("type: json-api, url: 'https://bob:secret@shop.example'", "spec.url", "holds a password", "secretRef"),
        ("type: sql, url: 'postgresql://bob:secret@db/shop'", "spec.url", "holds a password", "secretRef"),
        ("type: sql, url: shop.db", "spec.url", "not a URL of SQLAlchemy", "sqlite:////"),
        ("type: json-api, url: 'ftp://shop.example'", "spec.url", "not an address", "https://"),
        ("type: json-api, url: 'https://shop.example/?a=1'", "spec.url", "not an address", "without `?`"),
        ("type: llm, url: 'https://models.example'", "spec", "what its API is like", "Add `provider"),
        ("type: sql, url: 'sqlite://', provider: openai", "spec.provider", "is about models", "Remove"),
        ("type: sql, url: 'sqlite://', allow: [{paths: [/a]}]", "spec.allow[0].paths", "says nothing", "`tables`"),
        (
            "type: json-api, url: 'https://a.example', auth: {secretRef: {name: a, key: b}, header: X-Key}",
            "spec.auth",
            "go together",
            "scheme: header",
        ),
    ],
)
def test_connections_that_are_not(spec, path, message, fix):
    only(connection(spec), path, message, fix)
