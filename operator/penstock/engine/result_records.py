"""Reads what a harness says in its log: progress, and the one result record of an attempt.

Pure: bytes in, values out. Everything in a log is data of a stranger, so memory is bounded, and a line that is not
exactly a record with this attempt's nonce is just a line. The writing side is `penstock_runtimes.harness.protocol`;
a test holds the two together.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

VERSION = 1
"""Of the record format."""
RECORD_MARK = "\x1ePENSTOCK/1"
"""Begins the line that carries the result record."""
PROGRESS_MARK = "\x1ePENSTOCK-PROGRESS/1"
"""Begins a line that carries a progress record."""
ITEM_MARK = "\x1ePENSTOCK-ITEM/1"
"""Begins a line that carries the record of one item, where the attempt runs several."""
TERMINATION_MARK = "PENSTOCK/1z"
"""Begins a compressed record in the container's termination message."""
OUTPUT_LIMIT = 900 * 1024
"""Bytes of one program's output as compact JSON; the harness refuses more, so more is not from a harness."""
OUTPUT_DEPTH = 100
"""Nested lists and objects in an output."""
RECORD_LIMIT = 2 * 1024 * 1024
"""Bytes of a record: an output, two captured streams of 256 KiB, and little else."""

_DEPENDENCY_LIMIT = 1000
_CODE_LIMIT = 64
_REASON_LIMIT = 4096
_MESSAGE_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Usage:
    """What the program used; the harness and the installation of dependencies are not counted."""

    wall_seconds: float
    cpu_seconds: float
    peak_rss_bytes: int


@dataclass(frozen=True, slots=True)
class LogChunk:
    """Some of the program's output, as it was printed."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the program says it is."""

    current: float | None
    total: float | None
    message: str


@dataclass(frozen=True, slots=True)
class ResultRecord:
    """How an attempt ended, as its harness says."""

    exit_code: int | None
    """The program's own; None when a signal ended it or it was never started."""
    signal: str | None
    """The name of the signal that ended the program."""
    output: Any
    has_output: bool
    """Tells an output of null from none."""
    error_code: str | None
    """None exactly when the attempt succeeded."""
    error_reason: str | None
    usage: Usage
    interpreter: str
    dependencies: tuple[str, ...]
    """Resolved, as `name==version`."""
    stdout: str | None = None
    """The end of standard output, when the attempt asked for it."""
    stderr: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the attempt reached its end without an error."""
        return self.error_code is None


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """How one item ended, as its harness says."""

    index: int
    output: Any
    error_code: str | None
    """None exactly when the item succeeded."""
    error_reason: str | None


Event = LogChunk | Progress | ItemRecord | ResultRecord


class RecordParser:
    """Splits a followed log into output, progress and the result, however the bytes are cut.

    The first valid record with the attempt's nonce is the result; records after it are dropped.
    """

    def __init__(self, nonce: str) -> None:
        self._record_prefix = f"{RECORD_MARK} {nonce} ".encode()
        self._progress_prefix = f"{PROGRESS_MARK} {nonce} ".encode()
        self._item_prefix = f"{ITEM_MARK} {nonce} ".encode()
        self._held = bytearray()
        self._at_line_start = True
        self._finished = False

    @property
    def finished(self) -> bool:
        """Whether the result was seen."""
        return self._finished

    def feed(self, data: bytes) -> list[Event]:
        """What these bytes complete, in order. A line that may still become a record is held back."""
        return _joined(self._events(data))

    def close(self) -> list[Event]:
        """The log has ended: what was held back is a record without its newline, or output."""
        held, self._held = bytes(self._held), bytearray()
        return _joined(self._line(held)) if held else []

    def _events(self, data: bytes) -> Iterator[Event]:
        position = 0
        while position < len(data):
            if self._held or (self._at_line_start and data[position] == RECORD_MARK.encode()[0]):
                end = data.find(b"\n", position) + 1 or len(data)
                self._held += data[position:end]
                yield from self._settle_held()
            else:
                # Only a line that begins with the mark's first byte can be a record.
                end = data.find(b"\n\x1e", position) + 1 or len(data)
                yield LogChunk(data[position:end])
                self._at_line_start = data[end - 1 : end] == b"\n"
            position = end

    def _settle_held(self) -> Iterator[Event]:
        complete = self._held.endswith(b"\n")
        if complete or not self._may_become_record():
            held, self._held = bytes(self._held), bytearray()
            self._at_line_start = complete
            yield from self._line(held) if complete else (LogChunk(held),)

    def _may_become_record(self) -> bool:
        if len(self._held) > RECORD_LIMIT:
            return False
        prefixes = (self._record_prefix, self._progress_prefix, self._item_prefix)
        return any(self._held.startswith(prefix) or prefix.startswith(self._held) for prefix in prefixes)

    def _line(self, line: bytes) -> Iterator[Event]:
        event: Event | None = None
        if line.startswith(self._record_prefix):
            event = _record(line[len(self._record_prefix) :])
        elif line.startswith(self._progress_prefix):
            event = _progress(line[len(self._progress_prefix) :])
        elif line.startswith(self._item_prefix):
            event = _item(line[len(self._item_prefix) :])
        if event is None:
            yield LogChunk(line)
        elif not self._finished:
            self._finished = isinstance(event, ResultRecord)
            yield event


def parse_termination_message(text: str, nonce: str) -> ResultRecord | None:
    """The record in a container's termination message; None when there is no valid one of this attempt."""
    prefix = f"{TERMINATION_MARK} {nonce} "
    if not text.startswith(prefix):
        return None
    try:
        packed = b64decode(text[len(prefix) :].strip(), validate=True)
        unpacker = zlib.decompressobj()
        # Four kilobytes of zlib can hold four megabytes; no more than a record may have is unpacked.
        data = unpacker.decompress(packed, RECORD_LIMIT)
    except (Base64Error, ValueError, zlib.error):
        return None
    return _record(data) if unpacker.eof else None


def _joined(events: Iterator[Event]) -> list[Event]:
    """The events, with neighbouring output in one piece."""
    joined: list[Event] = []
    pieces: list[bytes] = []
    for event in events:
        if isinstance(event, LogChunk):
            pieces.append(event.data)
            continue
        if pieces:
            joined.append(LogChunk(b"".join(pieces)))
            pieces = []
        joined.append(event)
    if pieces:
        joined.append(LogChunk(b"".join(pieces)))
    return joined


def _record(data: bytes) -> ResultRecord | None:
    """The record in this JSON text; None when it is not one, in whatever way."""
    try:
        return _read_record(_parse(data))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _progress(data: bytes) -> Progress | None:
    try:
        fields = _parse(data)
        return Progress(
            current=_maybe(fields, "current", (int, float)),
            total=_maybe(fields, "total", (int, float)),
            message=_typed(fields.get("message", ""), str)[:_MESSAGE_LIMIT],
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _item(data: bytes) -> ItemRecord | None:
    try:
        fields = _parse(data)
        _check_output(fields.get("output"))
        error = _maybe(fields, "error", (dict,)) or {}
        index = fields["index"]
        if isinstance(index, bool) or not isinstance(index, int) or index < 0:
            return None
        return ItemRecord(
            index=index,
            output=fields.get("output"),
            error_code=_typed(error["code"], str)[:_CODE_LIMIT] if error else None,
            error_reason=_typed(error["reason"], str)[:_REASON_LIMIT] if error else None,
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _parse(data: bytes) -> dict[str, Any]:
    """A JSON object that can be written again as JSON in UTF-8: no NaN, Infinity or half surrogate pairs."""
    value = json.loads(data.decode())
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    fields: dict[str, Any] = _typed(value, dict)
    return fields


def _read_record(fields: dict[str, Any]) -> ResultRecord:
    if fields["version"] != VERSION:
        raise ValueError(f"version {fields['version']}")
    output = fields.get("output")
    _check_output(output)
    error = _maybe(fields, "error", (dict,)) or {}
    usage = _typed(fields["usage"], dict)
    dependencies = _typed(fields.get("dependencies", []), list)
    record = ResultRecord(
        exit_code=_maybe(fields, "exitCode", (int,)),
        signal=_maybe(fields, "signal", (str,)),
        output=output,
        has_output="output" in fields,
        error_code=_typed(error["code"], str)[:_CODE_LIMIT] if error else None,
        error_reason=_typed(error["reason"], str)[:_REASON_LIMIT] if error else None,
        usage=Usage(
            wall_seconds=_amount(usage["wallSeconds"]),
            cpu_seconds=_amount(usage["cpuSeconds"]),
            peak_rss_bytes=int(_amount(usage["peakRssBytes"])),
        ),
        interpreter=_typed(fields.get("interpreter", ""), str),
        dependencies=tuple(_typed(name, str) for name in dependencies[:_DEPENDENCY_LIMIT]),
        stdout=_maybe(fields, "stdout", (str,)),
        stderr=_maybe(fields, "stderr", (str,)),
    )
    if record.succeeded and record.exit_code != 0:
        raise ValueError("neither an error nor exit code 0")
    return record


def _check_output(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if len(text.encode()) > OUTPUT_LIMIT:
        raise ValueError("the output is larger than a harness lets pass")
    depth, level = 0, [value]
    while level := [entry for entry in level if isinstance(entry, dict | list)]:
        depth += 1
        if depth > OUTPUT_DEPTH:
            raise ValueError("the output is nested more deeply than a harness lets pass")
        level = [entry for holder in level for entry in (holder.values() if isinstance(holder, dict) else holder)]


def _typed(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is not {kind.__name__}")
    return value


def _maybe(fields: dict[str, Any], name: str, kinds: tuple[type, ...]) -> Any:
    value = fields.get(name)
    if value is not None and (not isinstance(value, kinds) or isinstance(value, bool)):
        raise TypeError(f"{name} is {value!r}")
    return value


def _amount(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise TypeError(f"{value!r} is not an amount")
    return value
