"""Between typer and the commands: expands shared options, runs the command, turns errors into words and exit codes."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from penstock.cli import exit_codes
from penstock.cli.options import Place
from penstock.cli.terminal import Terminal
from penstock.errors import InvalidInput, PenstockError

if TYPE_CHECKING:
    from datetime import datetime

    from penstock.api.v1alpha1.connection import Connection
    from penstock.api.v1alpha1.workflow import Workflow
    from penstock.application.diagnosis import Finding
    from penstock.errors import Problem
    from penstock.ports.access import Access, Key
    from penstock.ports.key_records import KeyRecords
    from penstock.settings import CommandSettings

PLACE = "penstock.place"
"""Where the options in front of the command's name are kept."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the command line is built from. Nothing here is made before a command needs it."""

    terminal: Terminal
    load_settings: Callable[[Place], CommandSettings]
    open_access: Callable[[CommandSettings, bool], AbstractAsyncContextManager[Access]]
    """The flag: drive runs in this process where that is possible."""
    open_scheduling: Callable[[CommandSettings, Callable[[str], None]], AbstractAsyncContextManager[Access]]
    """Local mode, with the runs of schedules started and driven in this process; what happens is told line by line."""
    drive_local: Callable[[CommandSettings], Awaitable[None]]
    check_text: Callable[[CommandSettings, str], tuple[Sequence[Workflow | Connection], Sequence[Problem]]]
    """The Workflows and Connections of a file's text, and everything that is wrong with it."""
    now: Callable[[], datetime]
    new_suffix: Callable[[], str]
    """For the names of runs."""
    key_records: Callable[[CommandSettings, Key], AbstractAsyncContextManager[KeyRecords]]
    """The API keys of an installation, kept in this Secret."""
    key_set: Callable[[CommandSettings], dict[str, Any]]
    """What is published of the key by which local mode says who asked for a run."""
    random: Callable[[], bytes]
    """For an API key."""
    diagnose: Callable[[CommandSettings, str, bool], AsyncIterator[Finding]]
    """What a look at an installation finds: its namespace, and whether a run tries what steps reach."""


@dataclass(frozen=True)
class Call:
    """One use of one command."""

    tools: Tools
    place: Place

    @property
    def terminal(self) -> Terminal:
        """The terminal."""
        return self.tools.terminal

    @cached_property
    def settings(self) -> CommandSettings:
        """What the environment and the options say. Raises InvalidInput when options contradict each other."""
        return self.tools.load_settings(self.place)

    @property
    def namespace(self) -> str:
        """The namespace of names that are given without one. Raises InvalidInput where it can be none."""
        from penstock.api.v1alpha1.meta import OBJECT_NAME

        namespace = self.settings.namespace or "default"
        if re.fullmatch(OBJECT_NAME, namespace) is None:
            hint = "Write lower-case letters, digits and `-`, at most 63."
            raise InvalidInput(f"`{namespace}` is not the name of a namespace", hint=hint)
        return namespace

    def access(self, *, drive: bool = False) -> AbstractAsyncContextManager[Access]:
        """Everything that the caller can reach. `drive`: in local mode, work on runs in this very process."""
        settings = self.settings
        if settings.local and settings.mode == "auto":
            self.terminal.say("No cluster is configured: running on this machine (local mode, not sandboxed).", "dim")
        return self.tools.open_access(settings, drive)


@dataclass(frozen=True, slots=True)
class Command:
    """One command: a function that takes a `Call` first, then arguments and options. Its name is one word, or two.

    A parameter whose type is a dataclass stands for one option for each of its fields. The function returns an exit
    code or None, or is a coroutine function that does. Its docstring is the help.
    """

    name: str
    function: Callable[..., Any]
    examples: tuple[str, ...] = ()
    hidden: bool = False


def add(app: typer.Typer, command: Command) -> None:
    """Register a command."""
    function = command.function
    parameters = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

    def invoke(ctx: typer.Context, **values: Any) -> None:
        place = _gathered(Place, values).over(ctx.meta.get(PLACE, Place()))
        arguments = {one.name: _value(one, values) for one in parameters}
        raise typer.Exit(perform(Call(ctx.obj, place), function, arguments))

    _sign(invoke, _expanded(parameters))
    epilog = _epilog(command.examples)
    app.command(command.name.split()[-1], help=inspect.getdoc(function), epilog=epilog, hidden=command.hidden)(invoke)


def root(app: typer.Typer, about: str, examples: tuple[str, ...]) -> None:
    """Give the app its own help and the options that may stand in front of every command."""

    def invoke(ctx: typer.Context, **values: Any) -> None:
        ctx.meta[PLACE] = _gathered(Place, values)

    version = inspect.Parameter(
        "version",
        inspect.Parameter.KEYWORD_ONLY,
        default=False,
        annotation=Annotated[
            bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
        ],
    )
    _sign(invoke, _expanded([version]))
    app.callback(help=about, epilog=_epilog(examples))(invoke)


def perform(call: Call, function: Callable[..., Any], arguments: Mapping[str, Any]) -> int:
    """Run a command to its exit code. Lets through what typer handles itself."""
    try:
        done = function(call, **arguments)
        if inspect.iscoroutine(done):
            from penstock.cli.loop import run_to_end

            done = run_to_end(done)
        return int(done or exit_codes.SUCCEEDED)
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    except (typer.Exit, typer.TyperException, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001 - people get a sentence, never a traceback
        return _failed(call, error)


def _failed(call: Call, error: Exception) -> int:
    if call.place.debug:
        import traceback

        for line in traceback.format_exception(error):
            call.terminal.say(line.rstrip())
    if isinstance(error, PenstockError):
        report(call.terminal, error)
        return exit_codes.of_error(error)
    call.terminal.say(f"error: internal error: {type(error).__name__}: {error}", "red")
    call.terminal.say("This is a bug in Penstock. Please report it with what --debug prints.")
    return exit_codes.BUG


def report(terminal: Terminal, error: PenstockError) -> None:
    """Say what went wrong."""
    from penstock.cli.views.problems import details, headline

    terminal.say(f"error: {headline(error)}", "red")
    for line in details(error):
        terminal.say(line)


def _sign(function: Callable[..., Any], signature: inspect.Signature) -> None:
    """Make typer see this signature instead of the function's own."""
    function.__signature__ = signature  # type: ignore[attr-defined]  # where inspect looks first
    function.__annotations__ = {one.name: one.annotation for one in signature.parameters.values()}


def _print_version(asked: bool) -> None:
    if asked:
        import penstock

        typer.echo(f"penstock {penstock.__version__}")
        raise typer.Exit


def _expanded(parameters: list[inspect.Parameter]) -> inspect.Signature:
    context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    out = [context]
    for one in parameters:
        if is_dataclass(one.annotation):
            out += _options(one.annotation)
        else:
            out.append(one.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    return inspect.Signature([*out, *_options(Place)])


def _options(kind: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=hints[one.name])
        for one in fields(kind)
    ]


def _value(parameter: inspect.Parameter, values: Mapping[str, Any]) -> Any:
    if is_dataclass(parameter.annotation):
        return _gathered(parameter.annotation, values)
    return values[parameter.name]


def _gathered(kind: Any, values: Mapping[str, Any]) -> Any:
    return kind(**{one.name: values[one.name] for one in fields(kind)})


def _epilog(examples: tuple[str, ...]) -> str | None:
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in examples) if examples else None
