"""What a bash script finds around it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.runtimes.conftest import Harness

STEPS = {"charge": {"output": {"order_id": "O 1", "lines": [{"sku": "a"}]}}}


def test_the_context_is_in_variables(harness: Harness):
    source = 'printf "%s|" "$CTX_text" "$CTX_number" "$CTX_yes" "$CTX_none" "$CTX_list"'
    context = {"text": " it's é\n", "number": 1.5, "yes": True, "none": None, "list": ["a b"]}

    assert harness.run("bash", source, context=context).printed.decode() == ' it\'s é\n|1.5|true|null|["a b"]|\n'


@pytest.mark.parametrize(
    ("call", "want"),
    [
        ("step_output charge .order_id", "O 1"),
        ("step_output charge order_id", "O 1"),
        ("step_output charge .lines[0].sku", "a"),
        ("step_output charge .lines", '[{"sku":"a"}]'),
        ("step_output charge", '{"order_id":"O 1","lines":[{"sku":"a"}]}'),
        ("context_value customer.name", "Zoë"),
        ("item_value .sku", "z"),
        ("item_value", '{"sku":"z"}'),
        ("run_value name", "run-1"),
    ],
)
def test_values_of_any_depth_can_be_read(harness: Harness, call: str, want: str):
    values: dict[str, Any] = {"context": {"customer": {"name": "Zoë"}}, "steps": STEPS, "item": {"sku": "z"}}

    finished = harness.run("bash", f'x="$({call})"; printf %s "$x"', **values)

    assert finished.printed.decode() == want + "\n"


def test_a_missing_value_fails_the_script_and_says_what_there_is(harness: Harness):
    finished = harness.run("bash", "x=$(step_output charge .oder_id)\necho not reached", steps=STEPS)

    assert finished.error[1] == (
        "penstock: steps.charge.output.oder_id: there is no 'oder_id'; there is lines, order_id"
    )
    assert b"not reached" not in finished.printed


@pytest.mark.parametrize(
    ("source", "want"),
    [
        ("output 7", 7),
        ("output true", True),
        ("output '[1, \"a\"]'", [1, "a"]),
        ("output 'just text'", "just text"),
        ("output 007", "007"),
        ("output ''", ""),
        ("output --text 7", "7"),
        ("output --text '{\"a\":1}'", '{"a":1}'),
        ("output -- --text", "--text"),
        ("echo '{\"a\": 1}' | output -", {"a": 1}),
        ("printf 'a\\n\\n' | output -", "a\n"),
        ('output "{\\"a\\":$(json_string $\'q"\\\\ \\x01\\x1f\\t\\n&é$x`\')}"', {"a": 'q"\\ \x01\x1f\t\n&é$x`'}),
    ],
)
def test_an_output_is_json_where_it_is_json_and_else_text(harness: Harness, source: str, want: Any):
    assert harness.run("bash", source).record.output == want


def test_half_of_a_json_object_is_a_mistake(harness: Harness):
    code, reason = harness.run("bash", "output '{\"a\": oops}'").error

    assert code == "OUTPUT_INVALID"
    assert reason is not None
    assert "json_string" in reason


def test_output_without_quotes_says_what_to_write(harness: Harness):
    finished = harness.run("bash", "x='a b'; output $x")

    assert finished.error == ("SCRIPT_FAILED", 'penstock: output takes one value; quote it: output "$value"')


def test_bytes_that_are_no_text_become_a_replacement(harness: Harness):
    assert harness.run("bash", "output $'a\\xff'").record.output == "a\ufffd"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("true\nnosuchprogram a", "./step.sh: line 2: nosuchprogram: command not found"),
        ("true\n\nif true; done", "./step.sh: line 3: syntax error near unexpected token `done'"),
        ("echo $nosuchvariable", "./step.sh: line 1: nosuchvariable: unbound variable"),
    ],
)
def test_messages_name_the_scripts_own_lines(harness: Harness, source: str, reason: str):
    got = harness.run("bash", source).error[1]

    assert got is not None
    assert got.startswith(reason)


@pytest.mark.parametrize("source", ["false\necho not reached", "false | true\necho not reached"])
def test_the_first_failure_ends_the_script(harness: Harness, source: str):
    finished = harness.run("bash", source)

    assert finished.exit_code == 1
    assert b"not reached" not in finished.printed


def test_a_reader_that_leaves_early_ends_its_writer(harness: Harness):
    assert harness.run("bash", "set +o pipefail; yes | head -1").printed == b"y\n"


def test_startup_files_are_not_read(harness: Harness):
    (harness.folder / ".bashrc").write_text("echo evil")

    assert harness.run("bash", "echo fine", {"HOME": str(harness.folder)}).printed == b"fine\n"


def test_statements_of_background_jobs_do_not_mix(harness: Harness):
    source = "for i in {1..40}; do progress $i 40 \"$(printf 'x%.0s' {1..200})\" & done; wait; output done"

    assert harness.run("bash", source).record.output == "done"
