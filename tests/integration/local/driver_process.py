"""A driver in a process of its own: `python -m tests.integration.local.driver_process FOLDER IDLE_SECONDS`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.integration.local.assembly import driver_of, open_backend


async def main() -> None:
    backend = open_backend(Path(sys.argv[1]))
    await driver_of(backend).drive(idle_seconds=float(sys.argv[2]))
    await backend.close()


if __name__ == "__main__":
    asyncio.run(main())
