"""Finished runs of somebody's machine go: by hand, and by themselves as the environment says."""

from __future__ import annotations

import json

from tests.integration.cli.person import EXAMPLES, Person, until

HELLO = str(EXAMPLES / "hello.yaml")


def runs(person: Person) -> list[str]:
    listed = json.loads(person.penstock("list", "-o", "json").stdout)["items"]
    return [run["metadata"]["name"] for run in listed]


def run(person: Person) -> str:
    done = person.penstock("run", HELLO, "-o", "json")
    assert done.returncode == 0, done.stderr
    name: str = json.loads(done.stdout)["run"]
    return name.partition("/")[2]


def test_prune_asks_at_the_terminal_and_then_removes(person: Person):
    old, new = run(person), run(person)
    would = person.penstock("prune", "hello", "--keep", "1", "--dry-run")
    assert would.stdout.splitlines()[1].split()[:3] == [old, "hello", "Succeeded"]
    assert runs(person) == [new, old]

    terminal = person.at_terminal("prune", "hello", "--keep", "1")
    assert old in terminal.expect("[y/N]")
    terminal.type("y\n")
    terminal.expect("1 run was removed.")
    assert terminal.exit_code() == 0
    assert runs(person) == [new]
    assert person.penstock("logs", old).returncode == 1


def test_the_environment_says_how_many_are_kept(person: Person):
    person.more["PENSTOCK_RETENTION_KEEP"] = "1"
    run(person)
    new = run(person)
    # The older one must have ended ten seconds ago before it goes.
    server = person.start("schedule", HELLO)
    until(lambda: runs(person) == [new], "the older run did not go")
    server.terminate()
    server.communicate(timeout=30)
