"""What the program finds around it: its environment variables and the context file.

A caller never chooses the name of a variable: only keys of the context that fit a narrow grammar become `CTX_<key>`.
"""

from __future__ import annotations

import os
import sys

from . import lean_json
from .protocol import (
    ENVIRONMENT_LIMIT,
    ENVIRONMENT_VALUE_LIMIT,
    INPUT_INVALID,
    SECRETS_FOLDER,
    AttemptFailed,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .input_document import InputDocument

OWN_PREFIXES = ("PENSTOCK_", "CTX_")
"""Variables with these prefixes are the harness's; what it was started with under such a name is not passed on."""

_NAME_LIMIT = 63
_NAME_START = frozenset("abcdefghijklmnopqrstuvwxyz")
_NAME_REST = _NAME_START | frozenset("0123456789_")


class WorkFolder:
    """The attempt's folder and the files that the harness keeps in it."""

    __slots__ = ("context_file", "own", "path", "statements_file")

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self.own = os.path.join(self.path, ".penstock")
        self.context_file = os.path.join(self.own, "context.json")
        self.statements_file = os.path.join(self.own, "output.jsonl")
        os.makedirs(self.own, exist_ok=True)

    def of_item(self, index: int) -> WorkFolder:
        """A folder for one item's program below this one, and files of its own beside what was prepared for all."""
        folder = WorkFolder.__new__(WorkFolder)
        folder.path = os.path.join(self.path, f"item-{index}")
        folder.own = self.own
        folder.context_file = os.path.join(self.own, f"context-{index}.json")
        folder.statements_file = os.path.join(self.own, f"output-{index}.jsonl")
        os.makedirs(folder.path, exist_ok=True)
        return folder

    def forget(self) -> None:
        """Remove the files that one program is told things in."""
        for path in (self.context_file, self.statements_file):
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass  # it did not come to that

    def write(self, path: str, text: str) -> None:
        """Write a file that only this user can read, instead of whatever was there."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "wb", buffering=0) as file:
            data = memoryview(text.encode())
            while data:
                data = data[file.write(data) :]


def write_context(document: InputDocument, folder: WorkFolder) -> None:
    """Write what the prelude reads: `{"context", "item", "itemIndex", "steps", "run"}`."""
    values = {
        "context": document.context,
        "item": document.item,
        "itemIndex": document.item_index,
        "steps": document.steps,
        "run": document.run,
    }
    try:
        folder.write(folder.context_file, lean_json.dumps(values))
    except UnicodeEncodeError as error:
        raise AttemptFailed(INPUT_INVALID, "a value of the context holds half of a surrogate pair") from error


def child_environment(inherited: Mapping[str, str], document: InputDocument, folder: WorkFolder) -> dict[str, str]:
    """The program's environment: the harness's without its own settings, and what the contract promises."""
    environment = {name: value for name, value in inherited.items() if not name.startswith(OWN_PREFIXES)}
    environment.update(_context_variables(document.context))
    run = document.run
    environment.update(
        PENSTOCK_OUTPUT=folder.statements_file,
        PENSTOCK_CONTEXT_FILE=folder.context_file,
        PENSTOCK_RUN=_text(run.get("name")),
        PENSTOCK_STEP=document.step,
        PENSTOCK_ATTEMPT=str(document.attempt),
        PENSTOCK_IDEMPOTENCY_KEY=document.idempotency_key,
        PENSTOCK_PYTHON=sys.executable,
        PENSTOCK_HARNESS=os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py"),
    )
    if SECRETS_FOLDER in inherited:
        environment[SECRETS_FOLDER] = inherited[SECRETS_FOLDER]
    if document.item_index is not None:
        environment["PENSTOCK_ITEM_INDEX"] = str(document.item_index)
    if run.get("phase") is not None:
        environment["PENSTOCK_RUN_PHASE"] = _text(run["phase"])
    for name, value in environment.items():
        if "\0" in value:
            raise AttemptFailed(INPUT_INVALID, f"{name} holds a NUL character, which no environment variable can")
    return environment


def is_context_name(key: str) -> bool:
    """Whether a key of the context may become part of a variable's name: `^[a-z][a-z0-9_]{0,62}$`."""
    return 0 < len(key) <= _NAME_LIMIT and key[0] in _NAME_START and set(key) <= _NAME_REST


def _context_variables(context: Mapping[str, Any]) -> dict[str, str]:
    variables = {}
    total = 0
    for key, value in context.items():
        if not is_context_name(key):
            continue
        text = _text(value)
        if "\0" in text:
            raise AttemptFailed(INPUT_INVALID, f"context.{key} holds a NUL character, which no program can be given")
        size = _size(key, text)
        if size <= ENVIRONMENT_VALUE_LIMIT:
            variables[f"CTX_{key}"] = text
            total += size
    if total > ENVIRONMENT_LIMIT:
        raise AttemptFailed(
            INPUT_INVALID,
            f"the context's values have {total} bytes as environment variables; the limit is {ENVIRONMENT_LIMIT}. "
            "Pass large data by reference.",
        )
    return variables


def _text(value: Any) -> str:
    """A string as it is, everything else as JSON."""
    return value if isinstance(value, str) else lean_json.dumps(value)


def _size(key: str, text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError as error:
        raise AttemptFailed(INPUT_INVALID, f"context.{key} holds half of a surrogate pair") from error
