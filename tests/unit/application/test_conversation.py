from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.conversation import MAX_CALLS, as_text, goes_on, past_run, rounds_of, said_in
from penstock.ports.access import Actor

ANN = Actor("ann", "chat")
ENDED = datetime(2026, 1, 1, tzinfo=UTC)


def a_run(user: str = "ann", client: str = "chat", *, phase: str = "Succeeded", **context: Any) -> WorkflowRun:
    asked = {"user": user, "client": client}
    content = {"session": "s1", "turn": 1, "round": 0, "question": "Why?", **context}
    spec = {"workflow": {"name": "analyst"}, "context": content, "requestedBy": asked}
    metadata = {"name": f"analyst-{content['turn']}-{content['round']}", "namespace": "shop"}
    return WorkflowRun.model_validate(
        {"metadata": metadata, "spec": spec, "status": {"phase": phase, "finishedAt": ENDED}}
    )


def test_a_conversation_is_its_runs_in_the_order_of_turns_and_rounds():
    runs = [a_run(turn=2), a_run(turn=1, round=1), a_run(turn=1)]
    assert [(one.turn, one.number) for one in rounds_of(runs, "analyst", "s1", ANN)] == [(1, 0), (1, 1), (2, 0)]


@pytest.mark.parametrize("run", [a_run("bob"), a_run(client="other"), a_run(session="s2")])
def test_nobody_elses_runs_are_of_it_whatever_their_session_is_called(run: WorkflowRun):
    assert rounds_of([run], "analyst", "s1", ANN) == []


def test_an_answer_is_read_whatever_else_it_holds():
    answer = {"text": "So.", "runs": ["shop/a", 7], "calls": [{"tool": "look"}, "x", {"context": {}}]}
    said = said_in({"answer": answer, "recorded": True})
    assert (said.text, said.runs, said.recorded) == ("So.", ("shop/a",), True)
    assert [(call.tool, dict(call.context)) for call in said.calls] == [("look", {})]
    assert said_in(None).text == said_in("text").text == ""
    assert len(said_in({"answer": {"calls": [{"tool": f"t{n}"} for n in range(9)]}}).calls) == MAX_CALLS


def test_a_question_that_comes_again_is_the_same_while_its_answer_is_fresh():
    def again(run: WorkflowRun, minutes: int = 1, question: str = "Why?") -> bool:
        return goes_on(rounds_of([run], "analyst", "s1", ANN), question, ENDED + timedelta(minutes=minutes))

    assert [again(a_run()), again(a_run(), minutes=11), again(a_run(), question="Who?")] == [True, False, False]
    assert [again(a_run(phase="Running"), minutes=99), again(a_run(phase="Failed"))] == [True, False]


def test_what_the_model_sees_of_a_run_is_bounded():
    run = a_run(long="x" * 9000)
    run = run.model_copy(update={"status": run.status.model_copy(update={"output": {"y": "z" * 9000}})})
    line = past_run(run, "shop/a")
    assert len(line["context"]) == 512
    assert len(line["output"]) == 1024
    assert as_text(None, 10) == ""
