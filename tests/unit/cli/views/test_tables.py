"""Lists as people read them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from penstock.cli.views.tables import approval_table, run_table, span, workflow_table
from tests.unit.cli.samples import NOON, a_run, a_workflow, an_approval


@pytest.mark.parametrize(
    ("seconds", "want"),
    [(-5, "0s"), (0.4, "0s"), (59, "59s"), (60, "1m"), (192, "3m12s"), (3599, "59m"), (5400, "1h30m"), (200000, "2d")],
)
def test_a_length_of_time_has_one_unit_or_two(seconds: float, want: str):
    assert span(timedelta(seconds=seconds)) == want


def test_columns_line_up_under_their_headers():
    table = run_table([a_run(name="a"), a_run("Succeeded", name="a-longer-name")], NOON, namespaces=False)
    header, first, second = table.lines()
    assert header.index("PHASE") == first.index("Running") == second.index("Succeeded")


def test_a_run_says_what_it_waits_for_and_how_old_it_is():
    line = run_table([a_run("Waiting", progress="1/3", waitingFor="approval x")], NOON, namespaces=False).lines()[1]
    assert [part.strip() for part in line.split("   ") if part.strip()] == [
        "order-1",
        "order",
        "Waiting",
        "1/3",
        "approval x",
        "1m30s",
    ]


def test_namespaces_are_shown_when_all_are_listed():
    assert run_table([a_run()], NOON, namespaces=True).lines()[1].startswith("default ")


def test_a_long_description_is_cut_so_that_the_table_stays_readable():
    table = workflow_table([a_workflow(description="long " * 100)], NOON, namespaces=False)
    assert len(table.lines()[1]) < 120


def test_a_message_cannot_bring_control_characters_into_the_list():
    assert "\x1b" not in approval_table([an_approval(message="\x1b[2J")], NOON, namespaces=False).lines()[1]


def test_an_approval_says_how_many_of_how_many_agreed():
    votes = ({"by": "alice", "verdict": "approve"}, {"by": "dan", "verdict": "approve"})
    line = approval_table([an_approval(quorum=3, decisions=votes)], NOON, namespaces=False).lines()[1]
    assert "2/3" in line.split()


def test_a_settled_approval_does_not_expire_any_more():
    assert "1h" not in approval_table([an_approval(phase="Approved")], NOON, namespaces=False).lines()[1].split()
