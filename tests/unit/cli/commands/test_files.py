"""validate, init."""

from __future__ import annotations

import json

from tests.unit.cli.stage import Stage, World

FIVE_MISTAKES = """\
apiVersion: penstock.dev/v1alpha1
kind: Workflow
metadata:
  name: order
spec:
  timout: 1h
  steps:
    - name: charge-card
      script: {runtime: pyton, source: "true"}
    - name: notify
      needs: [chrge]
      timeout: 5 minutes
      script: {runtime: bash, source: "true"}
"""


def test_every_mistake_is_told_at_once_with_line_field_and_what_to_write(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(FIVE_MISTAKES, encoding="utf-8")
    world = World()
    assert world.penstock("validate", str(path)) == 2
    lines = world.terminal.printed.splitlines()
    heads = [line for line in lines if line.startswith(str(path))]
    assert [head.split(":")[1] for head in heads] == ["6", "8", "9", "11", "12"]
    for word in ("timout", "charge-card", "pyton", "chrge", "5 minutes"):
        assert any(word in head for head in heads), word
    assert sum("write instead:" in line for line in lines) == 5


def test_mistakes_for_programs(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(FIVE_MISTAKES, encoding="utf-8")
    world = World()
    assert world.penstock("validate", str(path), "-o", "json") == 2
    [report] = json.loads(world.terminal.printed)
    assert report["valid"] is False
    assert {"line", "field", "message", "fix"} == report["problems"][0].keys()


def test_several_files_are_checked_and_one_bad_one_is_enough(tmp_path):
    world = World()
    world.penstock("init", str(tmp_path))
    (tmp_path / "bad.yaml").write_text("kind: Workflow\n", encoding="utf-8")
    assert world.penstock("validate", str(tmp_path / "hello.yaml"), str(tmp_path / "bad.yaml")) == 2
    assert f"{tmp_path / 'hello.yaml'}: ok (hello)" in world.terminal.printed


def test_standard_input_can_be_checked():
    world = World(terminal=Stage(stdin="kind: Workflow\n"))
    assert world.penstock("validate", "-") == 2
    assert "standard input:1" in world.terminal.printed


def test_a_file_that_cannot_be_read_is_a_mistake_too(tmp_path):
    world = World()
    assert world.penstock("validate", str(tmp_path)) == 2
    assert "cannot be read" in world.terminal.printed


def test_the_first_workflow_is_valid(tmp_path):
    world = World()
    assert world.penstock("init", str(tmp_path / "new")) == 0
    assert world.penstock("validate", str(tmp_path / "new" / "hello.yaml")) == 0


def test_init_never_overwrites(tmp_path):
    (tmp_path / "hello.yaml").write_text("mine", encoding="utf-8")
    world = World()
    assert world.penstock("init", str(tmp_path)) == 1
    assert (tmp_path / "hello.yaml").read_text(encoding="utf-8") == "mine"


def test_a_file_without_an_end_is_refused():
    world = World()
    assert world.penstock("validate", "/dev/zero") == 2
