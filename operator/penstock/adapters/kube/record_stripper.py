"""A harness's log without its records. Pure: bytes in, bytes out."""

from __future__ import annotations

_MARK = b"\x1ePENSTOCK"
"""Begins every line of a harness's own, whatever its nonce: a reader of logs needs no right to see nonces."""
_RESULT = b"\x1ePENSTOCK/"


class RecordStripper:
    """Takes the records out of a log, however the bytes are cut, and counts what is left."""

    def __init__(self) -> None:
        self._held = b""
        self._at_line_start = True
        self.count = 0
        """Bytes of output that were given so far."""
        self.saw_result = False
        """A result record went by: nothing comes after it."""

    def feed(self, data: bytes) -> bytes:
        """What of these bytes is output; the beginning of a line that may be a record is held back."""
        if not self._held and b"\x1e" not in data:
            # Nearly all of a log: nothing in it can be a record, or the beginning of one.
            self._at_line_start = data.endswith(b"\n") if data else self._at_line_start
            self.count += len(data)
            return data
        *lines, rest = (self._held + data).split(b"\n")
        clean = bytearray()
        for line in lines:
            if self._at_line_start and line.startswith(_MARK):
                self.saw_result = self.saw_result or line.startswith(_RESULT)
            else:
                clean += line + b"\n"
            self._at_line_start = True
        if self._at_line_start and rest and (rest.startswith(_MARK) or _MARK.startswith(rest)):
            self._held = rest
        else:
            self._held = b""
            self._at_line_start = self._at_line_start and not rest
            clean += rest
        self.count += len(clean)
        return bytes(clean)

    def close(self) -> bytes:
        """What was held back and is no record after all."""
        held, self._held = self._held, b""
        if held.startswith(_MARK):
            self.saw_result = self.saw_result or held.startswith(_RESULT)
            return b""
        self.count += len(held)
        return held
