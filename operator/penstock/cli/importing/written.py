"""The file that an import writes, and beside it what was generated last, which tells a person's edits apart."""

from __future__ import annotations

import difflib
import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from penstock.cli.importing.merging import Conflict, merge
from penstock.errors import InvalidInput, NotPossible, Problem


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import did with its file."""

    path: Path
    changed: bool
    difference: tuple[str, ...] = ()
    """How the file changes, for people; empty where it is new."""
    conflicts: tuple[Conflict, ...] = ()


def generated_before(path: Path) -> Path:
    """The file beside it that holds what was generated last; `kubectl apply -f DIR` takes no notice of it."""
    return path.with_name(f".{path.name}.imported")


def take_in(
    path: Path,
    text: str,
    problems_of: Callable[[str], Sequence[Problem]],
    *,
    dry_run: bool = False,
    replace: bool = False,
) -> Taken:
    """Write what was generated, so that every edit stays. `replace` takes it as it is, edits or not.

    One import of a file at a time: another one waits, and finds what this one has written.

    Raises InvalidInput where something cannot be read or would not be valid, NotPossible where nobody can tell what
    was edited. Then nothing is written.
    """
    with nullcontext() if dry_run else _alone(path):
        return _taken_in(path, text, problems_of, dry_run=dry_run, replace=replace)


def _taken_in(
    path: Path, text: str, problems_of: Callable[[str], Sequence[Problem]], *, dry_run: bool, replace: bool
) -> Taken:
    try:
        mine = path.read_text("utf-8") if path.exists() else None
        beside = generated_before(path)
        base = beside.read_text("utf-8") if beside.exists() else None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    conflicts: tuple[Conflict, ...] = ()
    if mine is None or replace or mine == text:
        # Without anything beside it, a file as it is generated is what an import left that was interrupted.
        after = text
    elif base is None:
        raise NotPossible(
            f"{path} is there already, and without {beside.name} nobody can tell what of it is a person's",
            hint="Name another file with --to, bring that file back, or give --replace to lose what was edited.",
        )
    else:
        merged = merge(base, mine, text)
        after, conflicts = merged.text, merged.conflicts
    if problems := tuple(problems_of(after)):
        raise InvalidInput(
            f"{path} would not be valid" + (" with what was edited in it" if mine else ""), problems=problems
        )
    difference = _difference(path, mine, after) if mine is not None else ()
    if not dry_run:
        _write(path, after, mine)
        _write(beside, text, base)
    return Taken(path, after != mine, difference, conflicts)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the folder of a file; the kernel lets go of it when the process ends, however that is."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise InvalidInput(f"cannot write {path}: {error.strerror or error}") from error
    try:
        # Where a file system has no locks, nobody waits.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(path: Path, text: str, before: str | None) -> None:
    if text == before:
        return
    try:
        part = path.with_name(f".{path.name}.part")
        part.write_text(text, "utf-8")
        # In one move: a file is never half of what it was.
        part.replace(path)
    except OSError as error:
        raise InvalidInput(f"cannot write {path}: {error.strerror or error}") from error


def _difference(path: Path, before: str, after: str) -> tuple[str, ...]:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"{path} (now)", f"{path} (then)", lineterm=""
    )
    return tuple(lines)
