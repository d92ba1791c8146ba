"""Passes what the program prints to the log: masked, in lines, up to a limit; keeps the end of each stream.

Only this module writes to the harness's standard output. Bytes are never decoded on the way, so that NUL and broken
UTF-8 pass as they are.
"""

from __future__ import annotations

import os

from . import lean_json
from .protocol import LINE_LIMIT, LINE_OVERHEAD, LOG_LIMIT, MIB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .masking import Masker


def truncated(limit: int) -> bytes:
    """The last line of a log that was cut at so many bytes."""
    size = f"an attempt's log holds {limit // MIB} MiB"
    return f"[output truncated: {size}; write more than that to a file or an object store]\n".encode()


TRUNCATED = truncated(LOG_LIMIT)
"""The last line of a log that was cut."""


def write_all(handle: int, data: bytes) -> None:
    """Write everything; nobody left to read it is no reason to stop the program."""
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(handle, rest) :]
    except BrokenPipeError:
        pass


class Log:
    """The harness's standard output: the program's lines up to the limit, and records on lines of their own."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._limit = self._room = LOG_LIMIT
        self._open_by: object | None = None

    def leave_room(self, size: int) -> None:
        """Keep so many bytes of the limit for records."""
        self._limit -= size
        self._room -= size

    def lines(self, data: bytes, source: object) -> None:
        """Add one stream's data; it may begin in the middle of that stream's line and end in one."""
        if not data or self._room <= 0:
            return
        begins_line = self._open_by is not source
        if begins_line:
            self.end_line()
        lines_begun = data.count(b"\n") + begins_line - data.endswith(b"\n")
        cost = len(data) + LINE_OVERHEAD * lines_begun
        if cost >= self._room:
            data = self._fitting(data)
            cost = self._room
        if data:
            self._write(data)
            self._open_by = None if data.endswith(b"\n") else source
        self._room -= cost
        if self._room <= 0:
            self.end_line()
            self._write(truncated(self._limit))

    def record(self, data: bytes) -> None:
        """Add a record; it always stands on a line of its own, and counts against no limit."""
        self.end_line()
        self._write(data)

    def end_line(self) -> None:
        """End a line that a stream left open."""
        if self._open_by is not None:
            self._write(b"\n")
            self._open_by = None

    def _fitting(self, data: bytes) -> bytes:
        room = self._room
        end = 0
        while next_end := data.find(b"\n", end) + 1:
            room -= next_end - end + LINE_OVERHEAD
            if room < 0:
                break
            end = next_end
        return data[:end]


class Relay:
    """One stream of the program: bytes go in as they are read, masked lines go to the log."""

    def __init__(self, log: Log, masker: Masker, tail_limit: int) -> None:
        self._log = log
        self._masker = masker
        self._pending = b""
        self._tail = Tail(tail_limit)

    def feed(self, data: bytes) -> None:
        """Take what was read. A line waits for its end, so that no secret is cut in two by chance."""
        self._pending += data
        end = self._pending.rfind(b"\n") + 1
        if len(self._pending) - end > LINE_LIMIT:
            end = max(end, self._masker.safe_length(self._pending))
        self._pass(end)

    def close(self) -> None:
        """Pass on what is left."""
        self._pass(len(self._pending))

    def tail(self) -> bytes:
        """The end of the stream, masked."""
        return self._tail.value()

    def _pass(self, end: int) -> None:
        if end:
            data, self._pending = self._masker.mask(self._pending[:end]), self._pending[end:]
            self._tail.add(data)
            self._log.lines(data, self)


class Tail:
    """The last bytes of a stream."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._data = b""

    def add(self, data: bytes) -> None:
        """Add to the end."""
        self._data += data[-self._limit :]
        if len(self._data) > 2 * self._limit:
            self._data = self._data[-self._limit :]

    def value(self) -> bytes:
        """At most `limit` bytes."""
        return self._data[-self._limit :]


def as_text(data: bytes, limit: int) -> str:
    """The end of the data as text whose JSON form has at most `limit` bytes."""
    text = data[-limit:].decode("utf-8", "replace")
    while (excess := len(lean_json.dumps(text).encode()) - 2 - limit) > 0:
        # An escaped character takes up to six bytes, so this drops at least a sixth of the excess each time.
        text = text[max(1, excess // 6) :]
    return text


def last_lines(data: bytes, count: int, limit: int) -> str:
    """The last lines that are not blank, together at most `limit` bytes."""
    lines = [line.rstrip() for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
    chosen = lines[-1:]
    for line in reversed(lines[-count:-1]):
        if len("\n".join([line, *chosen]).encode()) > limit:
            break
        chosen.insert(0, line)
    # An indented line explains the one above it; alone it is half of something, such as a traceback.
    while len(chosen) > 1 and chosen[0][:1].isspace() and not all(line[:1].isspace() for line in chosen):
        del chosen[0]
    return shorten("\n".join(chosen), limit)


def shorten(text: str, limit: int) -> str:
    """The text, cut to `limit` bytes of UTF-8 with an ellipsis."""
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return text
    return data[: limit - len("…".encode())].decode("utf-8", "ignore") + "…"
