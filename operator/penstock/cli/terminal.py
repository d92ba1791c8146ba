"""The terminal that a command talks to: results to standard output, everything else to standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    import asyncio

_CODES: Final = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "dim": "2", "bold": "1"}


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where text goes and comes from."""

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    colour_allowed: Callable[[], bool]
    """False under NO_COLOR. Asked only where colours could be shown."""

    @property
    def can_ask(self) -> bool:
        """A person sits here: questions are seen and can be answered."""
        return self.stdin.isatty() and self.stderr.isatty()

    @property
    def can_redraw(self) -> bool:
        """What was written to standard error can be written over."""
        return self.stderr.isatty()

    @property
    def shows_colours(self) -> bool:
        """What is written to standard output may be coloured."""
        return self._colours(self.stdout)

    @property
    def ascii_only(self) -> bool:
        """The terminal cannot show marks such as ✓."""
        return not (self.stderr.encoding or "").lower().startswith("utf")

    def result(self, lines: Iterable[str]) -> None:
        """What was asked for, to standard output."""
        for line in lines:
            self.stdout.write(f"{line}\n")
        self.stdout.flush()

    def say(self, line: str, style: str = "") -> None:
        """What goes on, to standard error."""
        self.stderr.write(f"{painted(line, style, colour=self._colours(self.stderr))}\n")
        self.stderr.flush()

    async def ask(self, question: str) -> str | None:
        """The line that the person answers with, without its line feed; None at the end of input.

        Waits without holding up the event loop, and can be cancelled. What was typed before the question is thrown
        away: nobody may open a gate with a key pressed for something else.
        """
        import asyncio
        import termios

        loop = asyncio.get_running_loop()
        descriptor = self.stdin.fileno()
        termios.tcflush(descriptor, termios.TCIFLUSH)
        self.stderr.write(painted(question, "bold", colour=self._colours(self.stderr)))
        self.stderr.flush()
        readable: asyncio.Future[None] = loop.create_future()
        loop.add_reader(descriptor, _resolve, readable)
        try:
            await readable
        finally:
            loop.remove_reader(descriptor)
        line = self.stdin.readline()
        return line.rstrip("\r\n") if line else None

    def _colours(self, stream: IO[str]) -> bool:
        return stream.isatty() and self.colour_allowed()


def painted(text: str, style: str, *, colour: bool) -> str:
    """The text in a style (red, green, yellow, cyan, dim, bold), or as it is."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if colour and style else text


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
