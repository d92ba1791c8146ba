"""Why a call came to nothing."""

from __future__ import annotations

CALL_REFUSED = "CALL_REFUSED"
CALL_FAILED = "CALL_FAILED"
ANSWER_UNEXPECTED = "ANSWER_UNEXPECTED"
ANSWER_NOT_RECORDED = "ANSWER_NOT_RECORDED"
BUDGET_EXCEEDED = "BUDGET_EXCEEDED"
RULE_BROKEN = "RULE_BROKEN"


class CallFailed(Exception):
    """A call that did not come to what the step asked for; `code` is one of the engine's."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
