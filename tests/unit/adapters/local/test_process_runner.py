from __future__ import annotations

import json

from penstock.adapters.local.process_runner import input_document
from penstock.engine.commands import StartAttempt
from penstock.engine.model import AttemptId


def test_an_input_document_says_its_length_and_all_that_the_harness_needs():
    program = {
        "kind": "script",
        "runtime": "bash",
        "source": "echo grüß",
        "dependencies": ["a==1"],
        "env": [{"name": "A", "value": "1"}],
        "timeoutSeconds": 2.5,
    }
    document = {"context": {"total": 7}, "steps": {}, "item": None, "step": "work", "attempt": 3}
    command = StartAttempt(AttemptId("work", 3), "order-1-work-3", "sha256:one", program, document)

    head, _, body = input_document(command, "n0nce").partition(b"\n")

    assert (len(head), int(head, 16)) == (8, len(body))
    assert json.loads(body) == {
        **document,
        "version": 1,
        "nonce": "n0nce",
        "runtime": "bash",
        "source": "echo grüß",
        "dependencies": ["a==1"],
        "timeoutSeconds": 2.5,
    }
