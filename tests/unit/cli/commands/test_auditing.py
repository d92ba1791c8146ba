"""audit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penstock.engine.identifiers import attempt_name
from tests.unit.cli.samples import a_run, an_approval, at
from tests.unit.cli.stage import World

GATE = "order-1-release-0"
VOTE = {"by": "alice", "verdict": "approve", "comment": "checked\x1b[2J"}
JOB = attempt_name("order-1", "uid-1", "release", 1)


def a_world(*, digest: str | None = None, by: str = "alice", outcome: str | None = "Approved", **vote: Any) -> World:
    world = World()
    approval = an_approval(GATE, subject={"step": "release", "program": "ship it"}, decisions=({**VOTE, **vote},))
    gate = {
        "name": GATE,
        "round": 1,
        "digest": digest or approval.spec.request.digest,
        "expiresAt": at(3600),
        "outcome": outcome,
        "decidedBy": [by],
    }
    step = {"phase": "Succeeded", "attempt": 1, "uid": "uid-job", "digest": "sha256:ran", "startedAt": at(5)}
    world.runs.put(a_run("Succeeded", steps={"release": {**step, "gate": gate}}))
    world.approvals.put(approval)
    return world


def event(user: str, verb: str, resource: str, name: str, code: int = 200, **more: Any) -> str:
    target = {"resource": resource, "namespace": "default", "name": name}
    fields = {"stage": "ResponseComplete", "verb": verb, "user": {"username": user}, "objectRef": target}
    return json.dumps({**fields, "requestReceivedTimestamp": at(3), "responseStatus": {"code": code}, **more})


def test_who_asked_what_was_shown_who_decided_and_what_ran():
    world = a_world()
    assert world.penstock("audit", "order-1") == 0
    told = world.terminal.printed
    for part in (
        "Asked by   bob",
        f"Gate       {GATE}, before step release",
        "Vote       approve by alice: checked<U+001B>[2J",
        'program: "ship it"',
        "release attempt 1 Succeeded from 2026-01-02T12:00:05+00:00, sha256:ran, Job uid-job",
        "Every digest and every vote fits.",
    ):
        assert part in told
    assert "\x1b" not in told


def test_a_program_is_told_the_same():
    world = a_world()
    assert world.penstock("audit", "order-1", "-o", "json") == 0
    told = json.loads(world.terminal.printed)
    assert told["asked"]["requestedBy"]["user"] == "bob"
    (gate,) = told["gates"]
    assert json.loads(gate["subject"])["program"] == "ship it"
    assert [(vote["by"], vote["verdict"], vote["digest"]) for vote in gate["decisions"]] == [
        ("alice", "approve", gate["digest"])
    ]
    (ran,) = told["ran"]
    assert (ran["step"], ran["uid"], ran["gate"]["digest"]) == ("release", "uid-job", gate["digest"])
    assert told["doubts"] == []


@pytest.mark.parametrize(
    ("world", "doubt"),
    [
        (a_world(digest="sha256:other"), "passed order-1-release-0 for another digest than was asked about"),
        (a_world(by="mallory"), "mallory is said to have opened order-1-release-0, and there is no such vote"),
        (a_world(outcome=None), "Step release started, and its gate order-1-release-0 was not opened"),
    ],
)
def test_what_does_not_fit_is_a_doubt(world: World, doubt: str):
    assert world.penstock("audit", "order-1") == 0
    assert f"{doubt}." in world.terminal.printed.partition("DOUBT")[2]
    assert "Every digest" not in world.terminal.printed


def test_a_request_that_shows_other_bytes_than_it_binds_and_a_vote_on_another_digest_are_doubts():
    world = World()
    world.runs.put(a_run("Succeeded"))
    vote = {**VOTE, "digest": "sha256:another"}
    world.approvals.put(an_approval(GATE, digest="sha256:" + "0" * 64, decisions=(vote, {**VOTE, "by": "bob"})))
    world.penstock("audit", "order-1", "-o", "json")
    assert json.loads(world.terminal.printed)["doubts"] == [
        f"{GATE} shows other bytes than its digest names.",
        f"alice decided on another digest than {GATE} asks about.",
        f"bob asked for the run and decided on {GATE}.",
    ]


def test_the_servers_log_says_when_and_in_whose_name(tmp_path: Path):
    log = tmp_path / "audit.log"
    lines = [
        event("bob", "create", "workflowruns", "order-1", 201),
        event("mallory", "patch", "approvalrequests", GATE, 403),
        event("mcp", "patch", "approvalrequests", GATE, impersonatedUser={"username": "alice"}),
        event("operator", "create", "jobs", JOB, 201),
        event("bob", "get", "workflowruns", "order-1"),
        event("bob", "create", "workflowruns", "order-2", 201),
        event("operator", "create", "pods", JOB, 201, stage="RequestReceived"),
        '{"cut',
        "order-1",
        '["order-1"]',
    ]
    log.write_text("\n".join(lines))
    world = a_world()
    assert world.penstock("audit", "order-1", "--audit-log", str(log)) == 0
    told = world.terminal.printed.partition("By the API server's log\n")[2].splitlines()
    assert [line.strip() for line in told if line.startswith("  ")] == [
        f"{at(3)} bob create workflowruns order-1",
        f"{at(3)} mallory patch approvalrequests {GATE} REFUSED (403)",
        f"{at(3)} mcp as alice patch approvalrequests {GATE}",
        f"{at(3)} operator create jobs {JOB}",
    ]
    assert f"Vote       approve by alice at {at(3)}" in world.terminal.printed


def test_jobs_of_batches_that_have_ended_are_told_too(tmp_path: Path):
    world = World()
    items = {"total": 5, "digest": "sha256:list", "itemsPerPod": 2, "nextBatch": 3, "succeeded": "0-4"}
    world.runs.put(a_run("Succeeded", steps={"each": {"phase": "Succeeded", "items": items}}))
    tried = [(0, 1), (1, 1), (1, 2), (2, 1)]
    jobs = [attempt_name("order-1", "uid-1", "each", attempt, batch) for batch, attempt in tried]
    others = [attempt_name("order-1", "uid-2", "each", 1, 0), attempt_name("order-1", "uid-1", "each", 1, 3)]
    log = tmp_path / "audit.log"
    log.write_text("".join(event("operator", "create", "jobs", name, 201) + "\n" for name in (*jobs, *others)))
    assert world.penstock("audit", "order-1", "--audit-log", str(log), "-o", "json") == 0
    assert [write["name"] for write in json.loads(world.terminal.printed)["log"]] == jobs


def test_a_log_that_is_not_there_is_named():
    assert a_world().penstock("audit", "order-1", "--audit-log", "/nowhere/audit.log") == 2
