"""Steps that take the output of an earlier run, with the real command, processes and database."""

from __future__ import annotations

import json
import re

from tests.integration.cli.person import Person

HEAD = """\
apiVersion: penstock.dev/v1alpha1
kind: Workflow
metadata: {name: rates}
spec:
  inputs:
    type: object
    required: [trace]
    properties: {trace: {type: string}, day: {type: integer}}
  steps:
"""
FETCH = """\
    - name: fetch
      cache: {ttl: TTL}
      script:
        runtime: bash
        source: |
          echo ran >> {{context_trace}}
          output "$(wc -l < {{context_trace}})"
"""
REPORT = """\
    - name: report
      needs: [fetch]
      script: {runtime: python, source: "output(steps.fetch.output)"}
"""


def rates(ttl: str = "1h") -> str:
    """Fetches a number that grows with each time that it is fetched, and reports it."""
    return HEAD + FETCH.replace("TTL", ttl) + REPORT


class Rates:
    """Runs the Workflow again and again."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.trace = person.home / "trace"
        self.file = person.file("rates.yaml", rates())

    def run(self, *more: str) -> tuple[int, str]:
        """What it gave, and what was shown on the way."""
        done = self.person.penstock("run", self.file, "--set", f"trace={self.trace}", "-o", "json", *more)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["output"], done.stderr


def test_the_second_run_takes_the_output_and_says_from_where(person: Person):
    workflow = Rates(person)
    first, shown = workflow.run()
    assert (first, "fetch Succeeded" in shown) == (1, True), shown
    source = name_of_run(shown)
    second, shown = workflow.run()
    assert second == 1
    assert f"fetch Cached: from run {source}" in shown
    assert "report Succeeded" in shown
    assert workflow.trace.read_text() == "ran\n"
    looked = person.penstock("get", name_of_run(shown)).stdout
    assert re.search(rf"fetch +Cached +from run {source}, ", looked), looked
    assert "2/2  1 Cached" in looked
    log = person.penstock("logs", name_of_run(shown), "fetch")
    assert f"its output is that of run {source}" in log.stderr


def test_a_person_can_have_everything_run_and_what_that_gives_is_taken_from_then_on(person: Person):
    workflow = Rates(person)
    assert [workflow.run()[0], workflow.run("--no-cache")[0], workflow.run()[0]] == [1, 2, 2]


def test_another_input_or_another_script_runs(person: Person):
    workflow = Rates(person)
    assert [workflow.run()[0], workflow.run("--set", "day=2")[0]] == [1, 2]
    workflow.file = person.file("rates.yaml", rates().replace("echo ran", "echo again"))
    assert workflow.run()[0] == 3


def test_an_output_that_is_too_old_is_made_anew(person: Person):
    workflow = Rates(person)
    workflow.run()
    workflow.file = person.file("rates.yaml", rates("1ms"))
    assert workflow.run()[0] == 2


def name_of_run(shown: str) -> str:
    found = re.search(r"Run default/([a-z0-9-]+)", shown)
    assert found is not None, shown
    return found[1]
