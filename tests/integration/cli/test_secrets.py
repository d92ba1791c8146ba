"""Secrets in local mode, with the real command: what a person sees who lacks one, and who has it."""

from __future__ import annotations

import subprocess

import pytest

from tests.integration.cli.person import Person

WORKFLOW = """\
apiVersion: penstock.dev/v1alpha1
kind: Workflow
metadata: {name: logs-in}
spec:
  secrets: [db]
  steps:
    - name: login
      env:
        - {name: PASSWORD, valueFrom: {secretKeyRef: {name: db, key: PASSWORD}}}
      script: {runtime: bash, source: 'echo "login with $PASSWORD"; output "$(printf %s "$PASSWORD" | wc -c)"'}
"""


@pytest.fixture
def file(person: Person) -> str:
    return person.file("logs-in.yaml", WORKFLOW)


def command_in(text: str) -> str:
    """What is to be typed to make the Secret."""
    [line] = [line for line in text.splitlines() if "Make it: " in line]
    return line.split("Make it: ")[1]


def test_a_missing_secret_is_told_before_anything_starts_with_what_makes_it(person: Person, file: str):
    done = person.penstock("--local", "run", file)
    place = person.home / ".config" / "penstock" / "secrets" / "db.env"
    assert done.returncode == 2
    assert f"Secret db is missing: there is no file {place}" in done.stderr
    assert person.penstock("--local", "list").stdout.count("\n") <= 1

    subprocess.run(["/bin/sh", "-c", command_in(done.stderr).replace("…", "hunter2")], check=True)
    again = person.penstock("--local", "run", file)
    assert (again.returncode, again.stdout) == (0, "Output\n  7\n"), again.stderr
    assert "hunter2" not in again.stdout + again.stderr


@pytest.mark.parametrize("verb", ["run", "submit"])
def test_they_may_be_in_any_folder(person: Person, file: str, verb: str):
    (person.home / "mine").mkdir()
    person.file("mine/db.env", "PASSWORD=hunter2\n")
    done = person.penstock("--local", verb, file, "--secrets-dir", "mine")
    assert done.returncode == 0, done.stderr
    assert f"chmod 600 {person.home}/mine/db.env" in done.stderr

    run = person.penstock("--local", "list", "-o", "json").stdout
    waited = person.penstock("--local", "wait", run.split('"name": "')[1].split('"')[0])
    assert (waited.returncode, waited.stdout) == (0, "Output\n  7\n"), waited.stderr


def test_what_a_step_prints_of_them_is_masked_in_its_log(person: Person, file: str):
    person.more["PENSTOCK_SECRETS_DIR"] = str(person.home)
    person.file("db.env", "PASSWORD=hunter2\n")
    done = person.penstock("--local", "run", file, "-o", "json")
    name = done.stdout.split('"run": "')[1].split('"')[0]
    assert person.penstock("--local", "logs", name, "login").stdout == "login with ***\n"
