from __future__ import annotations

import pytest

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.trace_context import ANNOTATION, above, attempt_span, handed_on, parse
from penstock.engine.model import AttemptId
from penstock.testing.builders import a_run

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
ASKED = f"00-{TRACE}-{SPAN}-01"


def traced(annotation: str = "") -> WorkflowRun:
    run = a_run()
    annotations = {ANNOTATION: annotation} if annotation else {}
    return run.model_copy(
        update={"metadata": run.metadata.model_copy(update={"uid": "u-1", "annotations": annotations})}
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01\nX: y",
    ],
)
def test_what_is_no_traceparent_is_as_good_as_none(text: str):
    assert parse(text) is None


def test_a_later_version_may_say_more():
    found = parse(f"01-{TRACE}-{SPAN}-03-more")
    assert found is not None
    assert str(found) == ASKED


def test_a_run_hangs_on_what_asked_for_it():
    top = above(traced(ASKED))
    assert (top.trace_id, top.span_id, top.sampled) == (TRACE, SPAN, True)
    assert not above(traced(f"00-{TRACE}-{SPAN}-00")).sampled


def test_a_run_that_nobody_traces_has_a_trace_of_its_own_always_the_same():
    assert above(traced()) == above(traced())
    assert above(traced()).span_id == ""
    assert above(traced(), 1.0).sampled
    assert not above(traced(), 0.0).sampled


def test_a_program_is_told_its_own_span():
    run, at = traced(ASKED), AttemptId("charge", 2)
    assert handed_on(run, at, 1.0) == f"00-{TRACE}-{attempt_span('u-1', at)}-01"
    assert attempt_span("u-1", at) != attempt_span("u-1", AttemptId("charge", 1))
    assert attempt_span("u-1", at) != attempt_span("u-1", AttemptId("charge", 2, 0))


def test_where_nothing_is_sent_a_program_hangs_on_what_asked():
    assert handed_on(traced(ASKED), AttemptId("charge", 1), None) == ASKED
    assert handed_on(traced(), AttemptId("charge", 1), None) == ""


def test_what_is_not_recorded_is_handed_on_as_such():
    assert handed_on(traced(), AttemptId("charge", 1), 0.0).endswith("-00")
