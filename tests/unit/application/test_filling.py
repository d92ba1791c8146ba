"""Templates in JSON."""

from __future__ import annotations

import pytest

from penstock.adapters.cel.evaluator import CelEvaluator
from penstock.application.filling import fill

SCOPE = {"context": {"n": 4, "name": "{{ context.n }}", "lines": [1, 2]}, "steps": {}, "run": {}}


@pytest.fixture
def evaluator():
    made = CelEvaluator()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("data", "want"),
    [
        pytest.param("{{ context.n }}", 4, id="a number stays a number"),
        pytest.param("{{ context.lines }}", [1, 2], id="a list stays a list"),
        pytest.param("n is {{ context.n }}", "n is 4", id="in a text it is text"),
        pytest.param({"a": ["{{ context.n + 1 }}", {"b.c": "{{ context.n }}"}]}, {"a": [5, {"b.c": 4}]}, id="anywhere"),
        pytest.param({"a": {"b": "{{ context.n }}"}, "a.b": "x"}, {"a": {"b": 4}, "a.b": "x"}, id="keys with dots"),
        pytest.param("{{ context.name }}", "{{ context.n }}", id="what comes out is not filled again"),
        pytest.param([None, True, 1.5, "plain"], [None, True, 1.5, "plain"], id="nothing to fill"),
        pytest.param({"{{ context.n }}": 1}, {"{{ context.n }}": 1}, id="keys are no templates"),
    ],
)
async def test_templates_are_filled_where_they_stand(evaluator, data, want):
    value = await fill(evaluator, data, SCOPE)
    assert (value.value, value.error) == (want, None)


@pytest.mark.parametrize(
    ("data", "want"),
    [
        pytest.param({"a": ["{{ context.gone }}"]}, "a[0]: ", id="a key that is not there"),
        pytest.param({"a": "{{ context.n"}, "a: ", id="braces that are left open"),
        pytest.param("{{ 1 / 0 }}", "", id="an expression that fails"),
    ],
)
async def test_what_cannot_be_filled_is_an_error_with_its_place(evaluator, data, want):
    value = await fill(evaluator, data, SCOPE)
    assert value.error
    assert value.error.startswith(want)
