"""What is wrong with a schedule is known before the first run of it would have started."""

from __future__ import annotations

from textwrap import indent

import pytest

from penstock.api.v1alpha1.schedules import schedule_name
from penstock.api.v1alpha1.workflow import Schedule
from tests.unit.api.reading import problems, the_problem, workflow, workflow_text

SPEC = """
inputs:
  type: object
  required: [region]
  properties:
    region: {{type: string, enum: [eu, us]}}
steps: [{{name: a, script: {{runtime: bash, source: "true"}}}}]
schedules:
{schedules}
"""


def text_with(*schedules: str) -> str:
    return workflow_text(SPEC.format(schedules=indent("\n".join(f"- {each}" for each in schedules), "  ")))


EU = "context: {region: eu}"


def test_a_good_one():
    spec = workflow(text_with(f"{{cron: '0 3 * * MON-FRI', timeZone: Europe/Berlin, {EU}}}")).spec
    assert (spec.schedules[0].starting_deadline, spec.schedules[0].concurrency_policy) == ("1h", "Allow")


@pytest.mark.parametrize(
    ("schedule", "path", "message", "fix"),
    [
        pytest.param(f"{{cron: '@daily', {EU}}}", "cron", "short form", "Write `0 0 * * *`", id="a short form"),
        pytest.param(f"{{cron: '0 25 * * *', {EU}}}", "cron", "its hour", "each day", id="no such hour"),
        pytest.param(f"{{cron: '0 0 31 2 *', {EU}}}", "cron", "its day of month", "each day", id="never"),
        pytest.param(
            f"{{cron: '0 3 * * *', timeZone: Berlin, {EU}}}",
            "timeZone",
            "`Berlin` is no time zone",
            "Write `Europe/Berlin`",
            id="no time zone",
        ),
        pytest.param(
            f"{{cron: '0 3 * * *', startingDeadline: 0s, {EU}}}",
            "startingDeadline",
            "in no time",
            "such as `1h`",
            id="no deadline",
        ),
        pytest.param("{cron: '0 3 * * *'}", "context.region", "is required", "Add `region: eu`", id="no context"),
        pytest.param(
            "{cron: '0 3 * * *', context: {region: mars}}",
            "context.region",
            "mars",
            "eu",
            id="a context that does not fit",
        ),
        pytest.param(
            "{cron: '0 3 * * *', context: {region: eu, regio: us}}",
            "context.regio",
            "no input `regio`",
            "Write `region`",
            id="a field too many",
        ),
    ],
)
def test_a_mistake(schedule, path, message, fix):
    problem = the_problem(text_with(schedule))
    assert (problem.path, problem.line) == (f"spec.schedules[0].{path}", 12)
    assert message in problem.message
    assert fix in problem.fix


def test_every_mistake_at_once():
    found = problems(text_with("{cron: x, timeZone: y}", f"{{cron: '0 3 * * *', timeZone: z, {EU}}}"))
    assert {problem.path for problem in found} == {
        "spec.schedules[0].cron",
        "spec.schedules[0].timeZone",
        "spec.schedules[0].context.region",
        "spec.schedules[1].timeZone",
    }


def test_names_tell_schedules_apart():
    daily = f"cron: '0 3 * * *', {EU}"
    named = the_problem(text_with(f"{{name: a, {daily}}}", f"{{name: a, {daily}}}"))
    assert (named.path, named.fix) == ("spec.schedules[1].name", "Write `a-2`.")
    unnamed = the_problem(text_with(f"{{{daily}}}", f"{{{daily}}}"))
    assert unnamed.path == "spec.schedules[1]"
    assert "`name: cron-" in unnamed.fix
    workflow(text_with(f"{{{daily}}}", f"{{name: a, {daily}}}"))


def test_a_name_follows_from_the_times_alone():
    first, again = Schedule(cron="0 3 * * *"), Schedule(cron=" 0  3 * * *", context={"a": 1}, suspend=True)
    assert schedule_name(first) == schedule_name(again)
    assert schedule_name(first) != schedule_name(Schedule(cron="0 3 * * *", time_zone="Europe/Berlin"))
    assert schedule_name(Schedule(name="nightly", cron="0 3 * * *")) == "nightly"
