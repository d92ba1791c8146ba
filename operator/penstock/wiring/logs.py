"""What processes in a cluster log: one line of JSON an event, with the run and the step that it is about."""

from __future__ import annotations

import logging
from typing import TextIO

import structlog
from structlog.typing import Processor


def log_to(stream: TextIO, level: str) -> None:
    """Send all that we and the libraries log to a stream; as text where that is a terminal. `level` is a name.

    `run` and `step` are what `structlog.contextvars` holds at the moment of the event.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    form: list[Processor] = [structlog.dev.ConsoleRenderer(colors=False)]
    if not stream.isatty():
        form = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *form]
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
