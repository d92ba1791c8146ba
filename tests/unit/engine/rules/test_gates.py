"""Gates: asked once, opened by people only."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest

from penstock.engine.commands import AskGate, SettleGate
from penstock.engine.facts import Verdict
from penstock.engine.model import AttemptId, Gate, Retry
from tests.support.plans import GATE, Story, a_gate, a_plan, a_step, seconds

PINNED = MappingProxyType({"kind": "script", "image": "registry/python@sha256:aa", "source": "charge()"})


def asked(story):
    return [command for command in story.last.commands if isinstance(command, AskGate)]


def settled(story):
    return [command for command in story.last.commands if isinstance(command, SettleGate)]


def a_story(*steps, **fields):
    story = Story(a_plan(*(steps or (a_gate("release"), a_step("ship", "release")))), **fields)
    story.look()
    return story


def test_a_gate_is_written_down_before_it_is_asked_and_the_run_waits():
    story = a_story()
    (request,) = asked(story)
    gate = story.state.step("release").gate
    assert (request.name, request.digest, request.message) == (gate.name, gate.digest, "Release?")
    assert story.state.phase == "Waiting"
    assert story.started == []


@pytest.mark.parametrize(
    ("voters", "fields", "want_phase"),
    [
        pytest.param(["alice"], {}, "Succeeded", id="an approver opens it"),
        pytest.param(["mallory"], {}, "Waiting", id="somebody who is not listed does not"),
        pytest.param(["bob"], {}, "Waiting", id="whoever asked for the run does not"),
        pytest.param(["alice"], {"client": "agent-7"}, "Waiting", id="not through the client that asked for the run"),
        pytest.param(["alice"], {"digest": "sha256:other"}, "Waiting", id="a vote on something else does not count"),
    ],
)
def test_who_may_open_a_gate(voters, fields, want_phase):
    story = a_story()
    for voter in voters:
        story.vote("release", voter, **fields)
    assert str(story.state.step("release").phase) == want_phase


def test_a_quorum_counts_distinct_people():
    story = a_story(a_gate("release", gate=replace(GATE, quorum=2)))
    story.vote("release", "alice")
    story.vote("release", "alice")
    assert story.phases() == {"release": "Waiting"}
    story.vote("release", "dan")
    assert story.state.step("release").gate.decided_by == ("alice", "dan")
    assert story.phases() == {"release": "Succeeded"}


def test_one_reject_rejects_and_what_follows_never_starts():
    story = a_story()
    story.vote("release", "alice", Verdict.REJECT, comment="too much")
    assert story.phases() == {"release": "Failed", "ship": "Skipped"}
    assert (story.state.phase, story.state.failure.code) == ("Failed", "REJECTED")
    assert settled(story)[0].outcome == "Rejected"


def test_a_gate_that_nobody_decided_expires_and_later_votes_do_not_revive_it():
    story = a_story()
    story.later(timedelta(hours=24))
    assert story.state.failure.code == "APPROVAL_EXPIRED"
    story.vote("release", "alice")
    assert story.state.phase == "Failed"


def test_a_vote_that_is_first_seen_after_the_expiry_does_not_count():
    story = a_story()
    story.now += timedelta(hours=24)
    story.vote("release", "alice")
    assert story.state.failure.code == "APPROVAL_EXPIRED"


def test_groups_are_checked_by_admission_so_any_other_voter_counts_here():
    story = a_story(a_gate("release", gate=Gate(groups=("leads",))))
    story.vote("release", "lee")
    assert story.phases() == {"release": "Succeeded"}


def test_a_bypass_opens_the_gate_and_is_told_apart():
    story = a_story()
    story.vote("release", "root", Verdict.BYPASS, comment="outage, break the glass")
    assert story.state.step("release").gate.outcome == "Bypassed"


def test_on_one_machine_the_one_person_may_approve_what_he_asked_for():
    story = a_story(a_gate("release", gate=replace(GATE, quorum=2)), self_approval=True)
    story.vote("release", "bob")
    assert story.phases()["release"] == "Succeeded"


def test_a_gated_step_starts_only_what_was_approved():
    story = a_story(a_step("charge", gate=GATE, program=PINNED))
    (request,) = asked(story)
    assert request.subject["program"] == dict(PINNED)
    assert story.started == []
    story.vote("charge", "alice")
    assert story.started == [AttemptId("charge", 1)]


def test_what_changed_after_the_request_is_superseded_and_asked_again():
    story = a_story(a_step("charge", gate=GATE, program=PINNED))
    first = story.state.step("charge").gate
    changed = MappingProxyType({**PINNED, "image": "registry/python@sha256:bb"})
    story.plan = a_plan(a_step("charge", gate=GATE, program=changed))
    story.vote("charge", "alice")
    assert (settled(story)[0].name, settled(story)[0].outcome) == (first.name, "Superseded")
    assert story.state.step("charge").gate.name != first.name
    assert story.started == []


@pytest.mark.parametrize(
    ("each_attempt", "want_phase"),
    [
        pytest.param(False, "Starting", id="a retry of unchanged content needs no new vote"),
        pytest.param(True, "Waiting", id="unless every attempt is to be decided on"),
    ],
)
def test_retries_behind_a_gate(each_attempt, want_phase):
    gate = replace(GATE, each_attempt=each_attempt)
    step = a_step("charge", gate=gate, program=PINNED, retry=Retry(limit=1, initial=seconds(1)))
    story = a_story(step)
    story.vote("charge", "alice")
    story.end("charge", code="BROKEN")
    story.later(seconds(1))
    assert story.phases() == {"charge": want_phase}


def test_a_gated_step_whose_image_is_not_pinned_fails_for_nobody_knows_what_it_would_run():
    program = MappingProxyType({"kind": "script", "image": "registry/python:latest"})
    story = a_story(a_step("charge", gate=GATE, program=program))
    assert story.state.failure.code == "IMAGE_NOT_PINNED"


def test_the_message_is_evaluated_once_and_shown():
    gate = replace(GATE, message="Release {{ context.total }}?")
    story = a_story(a_gate("release", gate=gate))
    (question,) = story.last.questions
    assert question.template
    story.evaluate("release", "message", "Release 700?")
    assert asked(story)[0].message == "Release 700?"


def test_the_gate_of_a_cancelled_run_asks_nobody_any_more():
    story = a_story()
    story.look()
    story.cancel()
    assert [command.outcome for command in settled(story)] == ["Superseded"]
    story.look()
    assert settled(story) == []


@pytest.mark.parametrize("cancelled", [False, True], ids=["approved", "cancelled"])
def test_a_request_that_was_left_open_by_a_death_is_settled_later_also_when_the_run_has_ended(cancelled):
    story = a_story(a_gate("release"))
    if cancelled:
        story.cancel()
    else:
        story.vote("release", "alice")
    (first,) = settled(story)
    story.gates[first.name] = replace(story.gates[first.name], open=True)
    story.look()
    assert settled(story) == [first]


def test_a_superseded_request_that_a_death_left_open_is_settled_later():
    story = a_story(a_step("charge", gate=GATE, program=PINNED))
    first = story.state.step("charge").gate
    changed = MappingProxyType({**PINNED, "image": "registry/python@sha256:bb"})
    story.plan = a_plan(a_step("charge", gate=GATE, program=changed))
    story.vote("charge", "mallory")
    assert settled(story)[0].name == first.name
    story.gates[first.name] = replace(story.gates[first.name], open=True)
    story.look()
    assert [(command.name, command.outcome) for command in settled(story)] == [(first.name, "Superseded")]
