"""Values of the context that look like program text: they arrive byte for byte, and nothing in them runs.

Placeholders are bound as the operator binds them, and the scripts run in the real interpreters. Every payload would
create the file `canary` if any language took it for more than a value.
"""

from __future__ import annotations

import re

import pytest

from penstock.engine.placeholders import bind
from tests.integration.runtimes.conftest import Harness
from tests.integration.runtimes.languages import in_all, in_some, missing
from tests.support.payloads import PAYLOADS
from tests.support.positions import (
    BASH_POSITIONS,
    GO_POSITIONS,
    JAVASCRIPT_POSITIONS,
    PYTHON_POSITIONS,
    SHOW,
)

CONTEXT = {f"p{number}": payload for number, payload in enumerate(PAYLOADS)}
TYPED = {
    "text": "1",
    "number": 1,
    "fraction": 1.0,
    "large": 2**53 + 1,
    "yes": True,
    "none": None,
    "list": [1],
    "map": {"a": []},
}


def bound(runtime: str, source: str) -> str:
    binding = bind(runtime, source, frozenset(CONTEXT) | frozenset(TYPED))
    assert binding.problems == ()
    return binding.source


@pytest.mark.parametrize("position", PYTHON_POSITIONS.values(), ids=PYTHON_POSITIONS.keys())
def test_python_sees_every_value_as_it_is(harness: Harness, position: str):
    arrive_as_they_are(harness, "python", position)


@pytest.mark.parametrize("position", BASH_POSITIONS.values(), ids=BASH_POSITIONS.keys())
def test_bash_sees_every_value_as_it_is(harness: Harness, position: str):
    arrive_as_they_are(harness, "bash", position)


@pytest.mark.skipif(bool(missing("javascript")), reason="node is not installed")
@pytest.mark.parametrize("position", JAVASCRIPT_POSITIONS.values(), ids=JAVASCRIPT_POSITIONS.keys())
def test_javascript_sees_every_value_as_it_is(harness: Harness, position: str):
    arrive_as_they_are(harness, "javascript", position)


@pytest.mark.skipif(bool(missing("go")), reason="go is not installed")
@pytest.mark.parametrize("position", GO_POSITIONS.values(), ids=GO_POSITIONS.keys())
def test_go_sees_every_value_as_it_is(harness: Harness, position: str):
    arrive_as_they_are(harness, "go", position)


def arrive_as_they_are(harness: Harness, runtime: str, position: str) -> None:
    source = SHOW[runtime] + "".join(position.replace("NAME", name) + "\n" for name in CONTEXT)

    finished = harness.run(runtime, bound(runtime, source), context=CONTEXT)

    assert finished.error == (None, None)
    shown = (finished.folder / "shown").read_bytes().decode().split("\0")[:-1]
    assert shown == PAYLOADS
    assert not list(harness.folder.rglob("canary"))


BASH_PASSES_ON = """
pairs=
for name in ${!CTX_p*}; do
  name=${name#CTX_}
  value=$(step_output a ".$name"; echo x)
  value=${value%x}
  pairs+=",\\"$name\\":$(json_string "${value%?}")"
done
output "{${pairs#,}}"
"""


@in_all(
    python="output({name: steps.a.output[name] for name in context})",
    bash=BASH_PASSES_ON,
    javascript="output(Object.fromEntries(Object.keys(context).map((name) => [name, steps.a.output[name]])))",
    go='all := map[string]any{}\nfor _, name := range context.Keys() { all[name] = steps.Get("a", "output", name) }\n'
    "output(all)",
    powershell="$all = @{}; foreach ($name in $context.Keys) { $all[$name] = $steps.a.output[$name] }; output $all",
)
def test_values_pass_from_step_to_step_as_they_are(harness: Harness, runtime: str, source: str):
    steps = {"a": {"output": CONTEXT}}
    record = harness.run(runtime, source, context=CONTEXT, steps=steps).record

    assert record.output == CONTEXT


@in_some(
    python="output({" + ", ".join(f"'{name}': {{{{context_{name}}}}}" for name in TYPED) + "})",
    javascript="output({" + ", ".join(f"'{name}': {{{{context_{name}}}}}" for name in TYPED) + "})",
    go="output(map[string]any{" + ", ".join(f'"{name}": {{{{context_{name}}}}}' for name in TYPED) + "})",
    powershell="output @{ " + "; ".join(f"{name} = {{{{context_{name}}}}}" for name in TYPED) + " }",
)
def test_values_keep_their_types(harness: Harness, runtime: str, source: str):
    output = harness.run(runtime, bound(runtime, source), context=TYPED).record.output
    types = {name: type(value) for name, value in output.items()}

    assert output == TYPED
    # In JavaScript 1.0 and 1 are one number.
    assert types == {**{name: type(value) for name, value in TYPED.items()}, "fraction": types["fraction"]}


def test_bash_gets_json_for_what_is_no_text(harness: Harness):
    source = "".join(f"echo {{{{context_{name}}}}}\n" for name in TYPED)

    printed = harness.run("bash", bound("bash", source), context=TYPED).printed.decode()

    assert printed.splitlines() == ["1", "1", "1.0", "9007199254740993", "true", "null", "[1]", '{"a":[]}']


@pytest.mark.parametrize("key", ["PATH", "BASH_ENV", "LD_PRELOAD", "ENV", "IFS", "a-b", "__proto__", "x;touch canary"])
def test_a_key_never_becomes_a_variable_of_its_choice(harness: Harness, key: str):
    (harness.folder / "evil.sh").write_text("touch canary\n")
    value = str(harness.folder / "evil.sh")
    source = f"""env; bash -c true; output "$(context_value '["{key}"]')" """

    finished = harness.run("bash", source, context={key: value})

    assert not re.search(rf"^(CTX_)?{re.escape(key)}={re.escape(value)}$".encode(), finished.printed, re.MULTILINE)
    assert not list(harness.folder.rglob("canary"))
    assert finished.record.output == value
