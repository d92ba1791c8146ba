"""The entry point `penstock`."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from penstock.cli.frame import Tools

GARBAGE_THRESHOLD = 100_000
"""New objects between two looks for garbage: more than a short command makes in all."""


def main(arguments: Sequence[str] | None = None, tools: Tools | None = None) -> int:
    """Run one command line to its exit code. Without arguments those of the process are taken."""
    # Loading makes 70,000 objects that stay; looking through them again and again takes a tenth of the start.
    gc.set_threshold(GARBAGE_THRESHOLD)
    # Else pydantic reads the metadata of every installed package, in search of plugins that we do not have.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # noqa: TID251  a setting of the library, not of ours
    from penstock.cli.app import build_app, needed

    arguments = sys.argv[1:] if arguments is None else arguments
    if tools is None:
        from penstock.cli.real_tools import real_tools

        tools = real_tools()
    try:
        build_app(needed(arguments))(list(arguments), prog_name="penstock", obj=tools)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def command() -> NoReturn:
    """The process of one command line, from its arguments to its end."""
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # whoever read it is gone
            stream.flush()
    # Without taking the interpreter apart, which is a tenth of a short command; all that was opened is closed by now.
    os._exit(code)


if __name__ == "__main__":
    command()
