"""`python -m penstock.handlers`: the operator's process."""

from __future__ import annotations

import logging
import sys

import uvloop
from pydantic import ValidationError

from penstock.errors import PenstockError
from penstock.handlers.process import Ports, operate
from penstock.settings import OperatorSettings
from penstock.wiring.logs import log_to
from penstock.wiring.operator import operator_wiring

_USAGE = 2


def main() -> int:
    """Read the settings, run until SIGTERM; the exit code."""
    try:
        settings = OperatorSettings()
    except ValidationError as error:
        sys.stderr.write(f"the operator's settings are not valid: {error}\n")
        return _USAGE
    log_to(sys.stderr, settings.log_level)
    # kopf says at each start that signals are not its business here, which is how it is meant to be.
    logging.getLogger("kopf").setLevel(logging.ERROR)
    # kopf's thread and the one that drives runs take turns; by default one may keep the other waiting for 5 ms.
    sys.setswitchinterval(0.0005)
    try:
        uvloop.run(_run(settings))
    except PenstockError as error:
        sys.stderr.write(f"{error}\n{error.hint}\n" if error.hint else f"{error}\n")
        return 1
    return 0


async def _run(settings: OperatorSettings) -> None:
    async with operator_wiring(settings) as wiring:
        await operate(wiring, settings.watch_namespaces, Ports(settings.port, settings.metrics_port))


if __name__ == "__main__":
    sys.exit(main())
