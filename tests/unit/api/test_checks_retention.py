"""What a Workflow may say of how long its runs are kept."""

from __future__ import annotations

import pytest

from tests.unit.api.reading import problems, the_problem, workflow_text

SPEC = """
retention: {retention}
steps: [{{name: a, script: {{runtime: bash, source: "true"}}}}]
"""


def text_with(retention: str) -> str:
    return workflow_text(SPEC.format(retention=retention))


@pytest.mark.parametrize("retention", ["{}", "{succeeded: 10s}", "{succeeded: 7d, failed: 365d, keep: 1}"])
def test_what_is_fine(retention):
    assert problems(text_with(retention)) == []


@pytest.mark.parametrize("field", ["succeeded", "failed"])
def test_nobody_could_see_how_the_run_ended(field):
    found = the_problem(text_with(f"{{{field}: 9s}}"))
    assert found.path == f"spec.retention.{field}"
    assert "`9s` would take a run away" in found.message
    assert found.fix == "Write at least `10s`."


@pytest.mark.parametrize(("retention", "word"), [("{keep: 0}", "keep"), ("{failed: a week}", "failed")])
def test_what_cannot_be_meant(retention, word):
    assert word in str(the_problem(text_with(retention)))
