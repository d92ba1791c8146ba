"""From what was generated to the file, and to what the person is told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from penstock.cli.frame import Call
from penstock.cli.importing.written import Taken, take_in
from penstock.errors import InvalidInput, NotPossible

if TYPE_CHECKING:
    from penstock.cli.commands.importing import FileOptions


class Generated(Protocol):
    """What was generated."""

    @property
    def text(self) -> str:
        """The file."""

    @property
    def workflows(self) -> int:
        """How many it holds."""

    @property
    def left_out(self) -> tuple[str, ...]:
        """What could not be made, and why."""


def target(name: str, to: Path | None) -> Path:
    """The file that is written. Raises InvalidInput where the name can be none."""
    from penstock.api.v1alpha1.schema_messages import object_name_for

    if object_name_for(name) != name:
        raise InvalidInput(f"`{name}` is not an object name", hint=f"Write --name {object_name_for(name) or 'shop'}.")
    return to or Path(f"{name}.yaml")


def source_text(call: Call, source: str) -> str:
    """What a file holds, standard input, or what is at an address. Raises InvalidInput."""
    if source.startswith(("http://", "https://")):
        return _at_address(source)
    from penstock.api.v1alpha1.yaml_reading import MAX_TEXT
    from penstock.cli.workflow_files import file_text, reason, text_of

    try:
        text = text_of(call.terminal.stdin) if source == "-" else file_text(Path(source))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {source}: {reason(error)}") from error
    if len(text) > MAX_TEXT:
        raise InvalidInput(f"{source} has more than {MAX_TEXT:,} characters", hint="Leave out what is not needed.")
    return text


def _at_address(url: str) -> str:
    import httpx2

    from penstock.api.v1alpha1.yaml_reading import MAX_TEXT

    found = b""
    try:
        with httpx2.stream("GET", url, timeout=20, follow_redirects=False) as answer:
            answer.raise_for_status()
            for piece in answer.iter_bytes():
                found += piece
                if len(found) > MAX_TEXT:
                    raise InvalidInput(f"{url} has more than {MAX_TEXT:,} bytes")
    except httpx2.HTTPError as error:
        raise InvalidInput(f"cannot read {url}: {error}") from error
    return found.decode("utf-8", "replace")


def report(call: Call, path: Path, made: Generated, options: FileOptions, *, secret: str = "") -> None:
    """Write the file, or say how it would change; then what to do next. Raises NotPossible for a file too large."""
    from penstock.api.v1alpha1.yaml_reading import MAX_TEXT

    if len(made.text) > MAX_TEXT:
        raise NotPossible(
            f"{path} would have {len(made.text):,} characters with its {made.workflows:,} Workflows, and "
            f"{MAX_TEXT:,} is the limit of a file",
            hint="Import a part of it: tables with --table NAME, of a document the paths that are needed.",
        )
    taken = take_in(
        path,
        made.text,
        lambda text: call.tools.check_text(call.settings, text)[1],
        dry_run=options.dry_run,
        replace=options.replace,
    )
    call.terminal.result(taken.difference)
    for line in made.left_out:
        call.terminal.say(f"Left out: {line}", "dim")
    _conflicts(call, taken)
    if not taken.changed:
        call.terminal.say(f"{path} is as it should be.")
        return
    if options.dry_run:
        call.terminal.say(f"Would write {path} with {made.workflows} Workflows; nothing was written.")
        return
    call.terminal.say(f"Wrote {path} with {made.workflows} Workflows")
    call.terminal.say(f"Check it: penstock validate {path}")
    if secret:
        call.terminal.say(f"The password is yours to put into the Secret {secret}: here `password=…` in {secret}.env")


def _conflicts(call: Call, taken: Taken) -> None:
    for conflict in taken.conflicts:
        call.terminal.say(f"Kept as you edited it, in {conflict.name}:", "yellow")
        for line in conflict.kept.splitlines():
            call.terminal.say(f"  {line}")
        call.terminal.say("where it would be now:" if conflict.left_out else "which would be gone now.", "yellow")
        for line in conflict.left_out.splitlines():
            call.terminal.say(f"  {line}")
