"""The list of failure codes: complete, true, and taken by everything that makes a failure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.engine.failures import FAILURES, FailureCode, claimed, meaning_of, retried
from penstock.engine.model import Failure
from penstock_runtimes.harness import protocol

ROOT = Path(__file__).resolve().parents[3]

MAKERS = {"Failure", "failed", "hindered"}
"""What makes a failure, by name; its code comes first."""
HANDED_ON = {
    ("adapters/kube/attempts.py", "bad.code"),
    ("application/child_runs.py", "error.code"),
    ("adapters/kube/attempts.py", "code"),
    ("adapters/local/attempts.py", "*failure"),
    ("adapters/local/attempts.py", "*why"),
    ("api/v1alpha1/codec.py", "status.code"),
    ("api/v1alpha1/item_codec.py", "each.code"),
    ("engine/calls.py", "refused.code"),
    ("engine/failures.py", "code"),
    ("engine/hindrances.py", "code"),
    ("engine/rules/batch_deadlines.py", "fact.failure.code"),
    ("engine/rules/deadlines.py", "fact.failure.code"),
    ("engine/rules/gates.py", "_CODES[outcome]"),
    ("testing/memory_runner.py", "code"),
}
"""Files and what stands there for the code: it comes out of a status or a record, or has the type FailureCode."""


def codes() -> Iterator[tuple[str, str]]:
    """Everything in the sources that makes a failure: the file, and what stands there for the code."""
    for path in sorted((ROOT / "operator" / "penstock").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) in MAKERS and node.args:
                yield str(path.relative_to(ROOT / "operator" / "penstock")), ast.unparse(node.args[0])


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def test_whatever_makes_a_failure_takes_its_code_from_the_list():
    others = {(path, code) for path, code in codes() if not re.fullmatch(r"FailureCode\.[A-Z_]+", code)}

    assert sorted(others - HANDED_ON) == [], "take the code from engine/failures.py"
    assert sorted(HANDED_ON - others) == [], "these are gone; take them off the list"


def test_every_code_that_is_made_is_one_that_something_makes():
    named = re.compile(r"FailureCode\.([A-Z_]+)")
    sources = [*(ROOT / "operator" / "penstock").rglob("*.py")]
    made = {
        code
        for path in sources
        if path.name != "failures.py"
        for code in named.findall(path.read_text(encoding="utf-8"))
    }
    harness = {*protocol.OWN_CODES, *protocol.CALL_CODES, protocol.SCRIPT_FAILED}

    assert {str(code) for code in FailureCode} == made | harness


def test_every_code_is_explained_once():
    assert list(FAILURES) == list(FailureCode)
    for meaning in FAILURES.values():
        assert re.fullmatch(r"[A-Z].*\.", meaning.happened, re.DOTALL)
        assert re.fullmatch(r"[A-Z].*\.", meaning.advice, re.DOTALL)


def test_the_harness_and_the_list_agree_on_what_a_harness_may_say():
    harness = {str(code) for code, meaning in FAILURES.items() if meaning.harness}

    assert harness == {*protocol.OWN_CODES, *protocol.CALL_CODES, protocol.SCRIPT_FAILED}


def test_the_harness_names_no_code_that_is_not_in_its_list():
    """A new code in protocol.py that was not added to OWN_CODES would be one that a script can pose as."""
    constants = {value for name, value in vars(protocol).items() if name.isupper() and value == name}

    assert constants == {*protocol.OWN_CODES, protocol.SCRIPT_FAILED}


@pytest.mark.parametrize(
    ("code", "again"),
    [("LOST", True), ("OOM_KILLED", True), ("OUTPUT_INVALID", False), ("REFUSED", False), ("NO_STOCK", True)],
)
def test_what_the_next_attempt_would_meet_again_is_not_retried(code: str, again: bool):
    assert retried(code) is again


def test_a_code_of_a_scripts_own_passes_as_it_is():
    assert claimed("PAYMENT_DECLINED", "Insufficient funds", "charge") == Failure(
        "PAYMENT_DECLINED", "Insufficient funds", "charge"
    )
    assert meaning_of("PAYMENT_DECLINED") is None


@pytest.mark.parametrize("code", ["REJECTED", "LOST", "RUN_TIMED_OUT", "EVICTED"])
def test_a_record_cannot_claim_what_only_the_engine_can_know(code: str):
    assert claimed(code, "or so it says", "charge") == Failure("SCRIPT_FAILED", f"{code}: or so it says", "charge")
