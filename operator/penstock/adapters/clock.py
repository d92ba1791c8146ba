"""The machine's own time and randomness, as the arguments that everything else takes."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime


class SystemClock:
    """Now, by this machine."""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.fromtimestamp(time.time(), UTC)


def new_id() -> str:
    """A new random text of 32 hexadecimal digits; for uids and nonces."""
    return secrets.token_hex(16)
