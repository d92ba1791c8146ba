"""Errors and exit codes, shared options, help."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from penstock.cli.app import COMMANDS, build_app, needed
from penstock.cli.frame import Call, Command, add, perform, root
from penstock.cli.options import ContextOptions, Output, OutputFormat
from penstock.errors import BugError, InvalidInput, NotFound, Problem, Unavailable
from tests.unit.cli.stage import Stage, World

GOLDEN = Path(__file__).parents[2] / "golden" / "cli_help.txt"


def raising(error):
    def work(call: Call) -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (NotFound("there is no run x", hint="Try penstock list."), 1, "error: there is no run x\nTry penstock list.\n"),
        (InvalidInput("bad", problems=(Problem("a.b", "is wrong", "c", 3),)), 2, "line 3: a.b: is wrong"),
        (Unavailable("no answer"), 75, "error: no answer"),
        (BugError("oh no"), 70, "error: oh no"),
        (RuntimeError("boom"), 70, "error: internal error: RuntimeError: boom"),
        (KeyboardInterrupt(), 130, ""),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_an_error_becomes_words_and_a_number_never_a_traceback(error, code, says):
    world = World()
    assert perform(world.call(), raising(error), {}) == code
    assert says in world.terminal.said
    assert "Traceback" not in world.terminal.said


def test_debug_shows_where_it_came_from():
    world = World()
    assert perform(world.call(debug=True), raising(NotFound("gone")), {}) == 1
    assert "Traceback" in world.terminal.said


def test_errors_are_red_on_a_terminal_only():
    for terminal, painted in (
        (Stage(tty=True, colour=True), True),
        (Stage(tty=True), False),
        (Stage(colour=True), False),
    ):
        perform(World(terminal=terminal).call(), raising(NotFound("gone")), {})
        assert ("\x1b[31merror: gone" in terminal.said) is painted


@pytest.mark.parametrize(
    "arguments",
    [("-n", "sales", "list"), ("list", "-n", "sales"), ("-n", "other", "list", "--namespace=sales")],
    ids=["before the command", "after it", "both, the later counts"],
)
def test_shared_options_stand_before_or_after_the_command(arguments):
    world = World()
    assert world.penstock(*arguments) == 0
    assert world.opened[0].namespace == "sales"


@pytest.mark.parametrize(
    ("arguments", "mode"),
    [
        (("--local", "list"), "local"),
        (("list", "--cluster"), "cluster"),
        (("list", "--kube-context", "kind"), "cluster"),
        (("--cluster", "list", "--local"), "local"),
    ],
)
def test_the_place_can_be_chosen(arguments, mode):
    world = World(environment={"mode": "auto"})
    assert world.penstock(*arguments) == 0
    assert world.opened[0].mode == mode


def test_a_contradiction_is_refused():
    world = World()
    assert world.penstock("list", "--local", "--cluster") == 2
    assert "--local goes with neither" in world.terminal.said


def test_local_mode_says_so_once_when_nobody_chose_it():
    world = World(environment={"mode": "auto", "kubeconfig": "/nowhere", "kubernetes_service_host": ""})
    world.penstock("list")
    assert world.terminal.said.count("local mode") == 1


def test_local_mode_says_nothing_when_it_was_chosen():
    world = World()
    world.penstock("list", "--local")
    assert "local mode" not in world.terminal.said


@pytest.mark.parametrize("arguments", [("nonsense",), ("list", "--bogus"), ("get",), ("list", "-o", "xml")])
def test_wrong_usage_is_exit_code_2(arguments, capsys):
    assert World().penstock(*arguments) == 2
    assert "Error" in capsys.readouterr().err


def test_a_dataclass_parameter_stands_for_one_option_a_field():
    app = typer.Typer(rich_markup_mode=None)
    seen = []

    async def show(call: Call, name: str, values: ContextOptions, output: Output = OutputFormat.TABLE) -> int:
        seen.append((name, values, output))
        return 7

    root(app, "about", ())
    add(app, Command("show", show))
    with pytest.raises(SystemExit) as end:
        app(["show", "x", "--set", "a=1", "--set", "b=2", "-o", "json"], obj=World().tools)
    assert end.value.code == 7
    [(name, values, output)] = seen
    assert (name, list(values.assignments), values.context, output) == ("x", ["a=1", "b=2"], None, OutputFormat.JSON)


def test_the_help_of_every_command_is_as_recorded(capsys, update_golden: bool):
    names = sorted(command.name for command in COMMANDS)
    shown = []
    for arguments in [[], *(name.split() for name in names)]:
        with pytest.raises(SystemExit):
            build_app()([*arguments, "--help"], prog_name="penstock", terminal_width=100)
        shown.append(capsys.readouterr().out)
    text = f"\n{'-' * 100}\n".join(shown)
    if update_golden:
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_every_command_has_an_example():
    for one in COMMANDS:
        assert one.hidden or one.name == "version" or one.examples, one.name


@pytest.mark.parametrize(
    ("arguments", "want"),
    [
        (["list"], "list"),
        (["--local", "run", "list"], "run"),
        (["-n", "run", "list"], None),
        (["--help", "run"], None),
        (["nonsense"], None),
        ([], None),
    ],
    ids=repr,
)
def test_only_a_command_that_is_certain_is_built_alone(arguments, want):
    assert needed(arguments) == want
