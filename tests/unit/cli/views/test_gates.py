"""What an approver sees, and that it is what runs."""

from __future__ import annotations

import pytest

from penstock.cli.views.gates import bounded, decided_line, gate_lines, shown_digest
from penstock.errors import BugError
from tests.unit.cli.samples import NOON, an_approval

SUBJECT = {
    "context": {"customer_id": "CUST-1"},
    "program": {"runtime": "bash", "source": "echo one\nrm -rf '/data'\n"},
    "step": "release",
}


def shown(request) -> str:
    return "\n".join(gate_lines(request, NOON))


def test_everything_that_the_digest_is_over_is_shown():
    text = shown(an_approval(subject=SUBJECT))
    for part in ("CUST-1", "| echo one", "| rm -rf '/data'", '"bash"'):
        assert part in text


def test_the_question_the_asker_the_approvers_and_the_time_left_are_shown():
    text = shown(an_approval(message="Release it?", quorum=2))
    for part in (
        "Release it?",
        "bob (through agent-7)",
        "alice, group leads (2 needed)",
        "in 1h",
        "order-1, step release",
    ):
        assert part in text


def test_the_digest_is_worked_out_from_what_is_shown():
    request = an_approval(subject=SUBJECT)
    assert shown(request).endswith(f"Digest     {request.spec.request.digest}")


def test_a_request_that_shows_other_bytes_than_it_binds_is_not_shown_as_fine():
    forged = an_approval(subject=SUBJECT, digest="sha256:" + "0" * 64)
    with pytest.raises(BugError, match="names digest"):
        shown(forged)
    with pytest.raises(BugError, match="names digest"):
        shown_digest(forged)


def test_a_script_cannot_hide_or_turn_around_what_it_does():
    text = shown(an_approval(subject={"program": {"source": "echo \u202ehsab\x1b[8m hidden\nok"}}))
    assert all(char.isprintable() or char == "\n" for char in text)
    assert "<U+202E>" in text


def test_a_letter_that_passes_for_another_and_spaces_at_an_end_are_written_out():
    text = shown(an_approval(subject={"program": {"source": "rm -rf /d\u0430ta \nok\t\n\nlast"}, "args": ["-f "]}))
    assert "| rm -rf /d<U+0430>ta<U+0020>\n" in text
    assert "| ok<U+0009>\n" in text
    assert '"-f "' in text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_a_message_cannot_imitate_the_lines_around_it():
    lines = shown(an_approval(message="Fine?\nDigest     sha256:forged")).splitlines()
    assert "Digest     sha256:forged" not in lines
    assert "  | Digest     sha256:forged" in lines


def test_votes_are_listed_with_their_comments():
    assert "Vote       approve by alice: checked" in shown(
        an_approval(decisions=({"by": "alice", "verdict": "approve", "comment": "checked"},))
    )


def test_what_is_too_long_is_cut_in_plain_sight_and_keeps_its_digest():
    lines = tuple(gate_lines(an_approval(subject={"list": list(range(500))}), NOON))
    cut = bounded(lines, 40, "default/x")
    assert len(cut) == 41
    assert cut[-1] == lines[-1]
    assert f"{len(lines) - 40} lines are NOT shown here" in cut[-2]
    assert "penstock get approval default/x" in cut[-2]


def test_what_fits_is_not_cut():
    lines = tuple(gate_lines(an_approval(), NOON))
    assert bounded(lines, len(lines), "x") == lines


@pytest.mark.parametrize(
    ("quorum", "want"), [(1, "."), (3, "2 more must approve.")], ids=["the last vote", "more are needed"]
)
def test_after_a_vote_it_is_said_what_is_missing(quorum: int, want: str):
    request = an_approval(quorum=quorum, decisions=({"by": "alice", "verdict": "approve"},))
    assert decided_line(request, "approve").endswith(want)
