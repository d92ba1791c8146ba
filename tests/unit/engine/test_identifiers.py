"""Names that are the same again and never the same for two things."""

from __future__ import annotations

import re

import pytest

from penstock.engine.identifiers import attempt_name, gate_name, output_name, revision_name

DNS_LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")


def test_the_same_attempt_has_the_same_name():
    assert attempt_name("order-1", "uid", "charge", 1) == attempt_name("order-1", "uid", "charge", 1)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(("order-1", "uid", "charge", 2), id="another attempt"),
        pytest.param(("order-1", "uid2", "charge", 1), id="a later run of the same name"),
        pytest.param(("order-1", "uid", "charge", 1, 0), id="a batch of a fanned-out step"),
        pytest.param(("order-1", "ui", "dcharge", 1), id="fields shifted across their border"),
    ],
)
def test_different_attempts_have_different_names(other):
    assert attempt_name(*other).split("-")[-1] != attempt_name("order-1", "uid", "charge", 1).split("-")[-1]


@pytest.mark.parametrize("run", ["a", "order-1", "x" * 63, "dots.and_unders", "-", "ünï"])
def test_names_are_dns_labels_whatever_they_are_made_of(run):
    assert DNS_LABEL.match(attempt_name(run, "uid", "a_step_name", 1))
    assert DNS_LABEL.match(gate_name(run, "uid", "a_step_name", 1))
    assert DNS_LABEL.match(f"{output_name(run, 'uid', 'sha256:0')}-999")


def test_a_gate_and_an_attempt_never_share_a_name():
    assert gate_name("r", "u", "s", 1).split("-")[-1] != attempt_name("r", "u", "s", 1).split("-")[-1]


def test_a_revision_is_named_by_its_content():
    assert revision_name("order", "sha256:0123456789abcdef") == "order-0123456789"


def test_an_output_is_named_by_its_run_and_its_content():
    name = output_name("order-1", "uid", "sha256:0")
    assert name == output_name("order-1", "uid", "sha256:0")
    assert len({name, output_name("order-1", "uid2", "sha256:0"), output_name("order-1", "uid", "sha256:1")}) == 3
