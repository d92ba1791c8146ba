"""Whose writes belong to which run."""

from __future__ import annotations

from bench.audit import writes_by_run
from tests.cluster.audit import Write

OPERATOR = "system:serviceaccount:penstock-system:penstock-operator"
RUNS = frozenset({"one-step-1", "one-step-11", "chain3-1"})


def a_write(name: str, user: str = OPERATOR) -> Write:
    return Write(user, "", "create", "jobs", "", "bench", name, "", 201)


def test_a_runs_writes_are_those_on_it_and_on_what_is_named_after_it():
    names = ["one-step-1", "one-step-1-a-1-0123456789", "one-step-1", "chain3-1-a-1-0123456789"]
    assert writes_by_run(map(a_write, names), OPERATOR, RUNS) == {"one-step-1": 3, "chain3-1": 1}


def test_a_longer_number_is_another_run():
    assert writes_by_run([a_write("one-step-11-a-1-0123456789")], OPERATOR, RUNS) == {"one-step-11": 1}


def test_what_others_wrote_and_what_belongs_to_no_run_is_left_out():
    others = [a_write("one-step-1", user="kubelet"), a_write("one-step-5fd7d1f4c0"), a_write("")]
    assert writes_by_run(others, OPERATOR, RUNS) == {}
