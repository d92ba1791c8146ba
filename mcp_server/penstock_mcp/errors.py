"""The one place where Penstock's errors become what an agent reads: what is wrong and what to do next."""

from __future__ import annotations

import logging
from typing import Any

from penstock.errors import Conflict, Forbidden, NotFound, PenstockError, TransientError, Unavailable, UserError
from penstock_mcp.text import clean

log = logging.getLogger(__name__)

MAX_MESSAGE = 4096


def error_shape(error: Exception) -> dict[str, Any]:
    """`{"status": "error", "error": code, "message", "hint"}`. What is not ours is logged and not shown."""
    if not isinstance(error, UserError | TransientError):
        log.error("a tool failed", exc_info=error)
        return _shape("BUG", "Penstock itself failed.", "Try once more; if it stays, tell who runs the server.")
    if isinstance(error, Unavailable):
        # Its words name addresses inside the cluster, which are nobody else's business.
        log.warning("a tool could not be carried out: %s", error)
        return _shape(error.code, "What stands behind this server does not answer now.", _default_hint(error))
    return _shape(error.code, str(error), error.hint or _default_hint(error))


def _shape(code: str, message: str, hint: str) -> dict[str, Any]:
    return {"status": "error", "error": code, "message": clean(message, MAX_MESSAGE), "hint": clean(hint, MAX_MESSAGE)}


def _default_hint(error: PenstockError) -> str:
    match error:
        case NotFound():
            return "Check the name; list_runs and list_pending_approvals give names as they are."
        case Forbidden():
            return "Ask whoever runs the cluster for this right, or let somebody who has it do this."
        case Conflict():
            return "Somebody else wrote first: look again, then decide anew."
        case TransientError():
            return "Nothing is wrong with the request: the same call may succeed later."
        case _:
            return "Change the request as the message says and call again."
