"""The input document of an attempt as bytes, and how it travels: in an annotation, or in parts. Pure.

The form is the runtime contract of `runtimes_images/README.md`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from penstock.engine.calls import source_of
from penstock.engine.commands import StartAttempt
from penstock.engine.secret_references import secret_env

VERSION = 1
ANNOTATION_LIMIT = 16 * 1024
"""Bytes that travel in an annotation of the pod, without any further object."""
PART_LIMIT = 900 * 1024
"""Bytes in one ConfigMap, which may have 1 MiB with everything."""

_FROM_PROGRAM = ("runtime", "source", "dependencies", "timeoutSeconds")


@dataclass(frozen=True, slots=True)
class InputDocument:
    """What an attempt reads."""

    text: str
    """JSON in ASCII, so that it can be cut anywhere."""
    nonce: str

    @property
    def sha256(self) -> str:
        """Hex digest of the bytes."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def parts(self) -> tuple[str, ...]:
        """The text cut for ConfigMaps; empty where it fits into an annotation."""
        if len(self.text) <= ANNOTATION_LIMIT:
            return ()
        return tuple(self.text[start : start + PART_LIMIT] for start in range(0, len(self.text), PART_LIMIT))


def input_document(command: StartAttempt, nonce: str) -> InputDocument:
    """The document of this attempt; equal commands and nonces give equal bytes. Empty where nobody reads it."""
    if command.program.get("kind") == "container":
        return InputDocument("", nonce)
    program = {name: command.program[name] for name in _FROM_PROGRAM if name in command.program}
    if "call" in command.program:
        program["source"] = source_of(command.program)
    fields = {**command.document, **program, **secret_env(command.program), "version": VERSION, "nonce": nonce}
    return InputDocument(json.dumps(fields, sort_keys=True, separators=(",", ":")), nonce)
