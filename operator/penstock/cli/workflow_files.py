"""Files with Workflows: reading and checking them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from penstock.api.v1alpha1.connection import Connection
from penstock.api.v1alpha1.workflow import Workflow
from penstock.api.v1alpha1.yaml_reading import MAX_TEXT
from penstock.application.safe_text import harmless
from penstock.cli.frame import Call
from penstock.cli.views.problems import problem_document, problem_lines
from penstock.errors import InvalidInput, NotFound, Problem


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was found in one file."""

    name: str
    objects: tuple[Workflow | Connection, ...]
    problems: tuple[Problem, ...]


def checked(call: Call, name: str) -> FileReport:
    """What the file holds, and every problem; `-` is standard input."""
    try:
        text = text_of(call.terminal.stdin) if name == "-" else file_text(Path(name))
    except (OSError, UnicodeDecodeError) as error:
        return FileReport(name, (), (Problem("", f"cannot be read: {reason(error)}"),))
    objects, problems = call.tools.check_text(call.settings, text)
    return FileReport("standard input" if name == "-" else name, tuple(objects), tuple(problems))


def valid_objects(call: Call, name: str) -> tuple[Workflow | Connection, ...]:
    """What a file holds. Raises InvalidInput with everything that is wrong with it."""
    report = checked(call, name)
    if report.problems:
        raise InvalidInput(f"{report.name} is not valid", problems=report.problems)
    return report.objects


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """What a file holds, and which of it is meant."""

    workflow: Workflow
    others: tuple[Workflow | Connection, ...]
    """What else is in the file; steps of the one may run it or call it."""


def load_workflow(call: Call, path: Path, wanted: str | None) -> LoadedFile:
    """The one Workflow of a file, or the one of this name. Raises InvalidInput with every problem, NotFound."""
    try:
        text = file_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {path}: {reason(error)}") from error
    objects, problems = call.tools.check_text(call.settings, text)
    if problems:
        raise InvalidInput(f"{path} is not valid", problems=tuple(problems))
    workflows = [found for found in objects if isinstance(found, Workflow)]
    names = ", ".join(workflow.metadata.name for workflow in workflows)
    if wanted is not None:
        for workflow in workflows:
            if workflow.metadata.name == wanted:
                return _loaded(workflow, objects)
        raise NotFound(f"{path} has no Workflow `{wanted}`", hint=f"It has: {names}")
    if len(workflows) != 1:
        raise InvalidInput(
            f"{path} has {len(workflows)} Workflows" if workflows else f"{path} has no Workflow",
            hint=f"Say which: --workflow NAME, one of {names}" if workflows else "",
        )
    return _loaded(workflows[0], objects)


def _loaded(workflow: Workflow, objects: Sequence[Workflow | Connection]) -> LoadedFile:
    return LoadedFile(workflow, tuple(other for other in objects if other is not workflow))


def file_text(path: Path) -> str:
    """What a file holds, as `text_of` gives it. Raises OSError, UnicodeDecodeError."""
    with path.open(encoding="utf-8") as file:
        return text_of(file)


def text_of(stream: TextIO) -> str:
    """What a stream holds, and no more than shows that it is too long: some, such as /dev/zero, never end."""
    return stream.read(MAX_TEXT + 1)


def report_lines(report: FileReport) -> Iterator[str]:
    """What was found, for people."""
    if report.problems:
        yield from problem_lines(report.problems, report.name)
    else:
        names = ", ".join(found.metadata.name for found in report.objects)
        yield f"{harmless(report.name)}: ok ({names})"


def report_document(report: FileReport) -> dict[str, Any]:
    """What was found, for programs."""
    return {
        "file": report.name,
        "valid": not report.problems,
        "workflows": [found.metadata.name for found in report.objects if isinstance(found, Workflow)],
        "connections": [found.metadata.name for found in report.objects if isinstance(found, Connection)],
        "problems": [problem_document(problem) for problem in report.problems],
    }


def reason(error: OSError | UnicodeDecodeError) -> str:
    """Why a file cannot be read, in words."""
    return "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else (error.strerror or str(error))
