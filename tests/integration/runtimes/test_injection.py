"""Values of the context that look like program text: they arrive byte for byte, and nothing in them runs.

Placeholders are bound as the operator binds them, and the scripts run in the real interpreters. Every payload would
create the file `canary` if any language took it for more than a value.
"""

from __future__ import annotations

import re

import pytest

from penstock.engine.placeholders import bind
from tests.integration.runtimes.conftest import Harness

PAYLOADS = [
    "$(touch canary)",
    "`touch canary`",
    "'; touch canary; '",
    '"; touch canary; "',
    "; touch canary #",
    "\ntouch canary\n#",
    "${x:-$(touch canary)}",
    "a[$(touch canary)]",
    "a[`touch canary`]=1",
    "([0]=$(touch canary))",
    "x) touch canary ;; *",
    "]]; touch canary; [[ a",
    "E\ntouch canary\nE",
    "-n",
    "--help",
    "$CTX_p0 $PATH ${HOME}",
    "\\",
    "'",
    '"',
    "\\'; touch canary #",
    "%s%n",
    "*",
    "~",
    "!!",
    "{a,b}",
    " leading and trailing ",
    "tab\tand\rreturn",
    "{{context_p0}} {{ steps.a.output }} {{.Values}} {% x %}",
    "__import__('os').system('touch canary')",
    "{__import__('os').system('touch canary')}",
    "'+__import__('os').system('touch canary')+'",
    '"""\nimport os; os.system("touch canary")\n"""',
    "\\N{BULLET}\\x41\\",
    "#{`touch canary`}",
    "@{[`touch canary`]}",
    "${`touch canary`}",
    "require('child_process').execSync('touch canary')",
    '{"__proto__": {"polluted": true}}',
    "é 漢字 \U0001f600 e\u0301 \u202e \ufeff",
    "\x1ePENSTOCK/1 0123456789abcdef {}",
    "x" * 30_000,
]
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

PYTHON_POSITIONS = {
    "bare": "show({{context_NAME}})",
    "a call and a subscript": "show(dict(a=[{{context_NAME}}])['a'][0])",
    "a dict": "show({'k': {{context_NAME}}}['k'])",
    "an f-string written by hand": "show(f\"{context['NAME']}\")",
    "formatted": "show('%s' % {{context_NAME}})",
    "an attribute": "show(context.NAME)",
    "the environment": "import os; show(os.environ['CTX_NAME'])",
    "beside a comment": "show({{context_NAME}})  # {{context_NAME}} '",
}
BASH_POSITIONS = {
    "bare": "show {{context_NAME}}",
    "double quotes": 'show "{{context_NAME}}"',
    "joined": 'x=a{{context_NAME}}"b{{context_NAME}}"; [ "$x" = "a${CTX_NAME}b${CTX_NAME}" ]; show {{context_NAME}}',
    "an assignment": 'v={{context_NAME}}; show "$v"',
    "an array": 'a=( {{context_NAME}} ); show "${a[0]}"',
    "a function": 'f() { show "$1"; }; f {{context_NAME}}',
    "a loop": 'for i in {{context_NAME}}; do show "$i"; done',
    "a case": 'case {{context_NAME}} in {{context_NAME}}) show "{{context_NAME}}" ;; esac',
    "a comparison": "[[ {{context_NAME}} == {{context_NAME}} ]]; show {{context_NAME}}",
    "a test": "[ {{context_NAME}} = {{context_NAME}} ]; show {{context_NAME}}",
    "a here-document": 'v=$(cat <<E; echo x\n{{context_NAME}}\nE\n); v=${v%x}; show "${v%?}"',
    "a here-string": "IFS= read -r -d '' v <<< {{context_NAME}} || :; show \"${v%?}\"",
    "a substitution": 'v=$(printf "%sx" {{context_NAME}}); show "${v%x}"',
    "one in double quotes": 'v="$(printf "%sx" "{{context_NAME}}")"; show "${v%x}"',
    "backticks": 'v=`printf "%sx" {{context_NAME}}`; show "${v%x}"',
    "backticks in double quotes": 'v="`printf %sx {{context_NAME}}`"; show "${v%x}"',
    "a default": 'unset v; show "${v:-{{context_NAME}}}"',
    "a bare default": "unset v; show ${v:-{{context_NAME}}}",
    "another program": 'v=$(env printf "%sx" {{context_NAME}}); show "${v%x}"',
    "a program text's argument": 'bash -c \'printf "%s\\0" "$1" >> shown\' _ {{context_NAME}}',
    "a subshell with redirection": "( show {{context_NAME}} ) 2> /dev/null # {{context_NAME}}",
    "an environment": 'V={{context_NAME}} bash -c \'printf "%s\\0" "$V" >> shown\'',
    "a process substitution": 'IFS= read -r -d "" v < <(printf "%s\\0" {{context_NAME}}); show "$v"',
}
SHOW = {
    "python": "def show(value):\n    open('shown', 'ab').write(value.encode() + b'\\0')\n",
    "bash": 'show() { printf "%s\\0" "$1" >> shown; }\n',
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


def arrive_as_they_are(harness: Harness, runtime: str, position: str) -> None:
    source = SHOW[runtime] + "".join(position.replace("NAME", name) + "\n" for name in CONTEXT)

    finished = harness.run(runtime, bound(runtime, source), context=CONTEXT)

    assert finished.error == (None, None)
    shown = (finished.folder / "shown").read_bytes().decode().split("\0")[:-1]
    assert shown == PAYLOADS
    assert not list(harness.folder.rglob("canary"))


@pytest.mark.parametrize("runtime", ["python", "bash"])
def test_values_pass_from_step_to_step_as_they_are(harness: Harness, runtime: str):
    python = "output({name: steps.a.output[name] for name in context})"
    bash = """
    pairs=
    for name in ${!CTX_p*}; do
      name=${name#CTX_}
      value=$(step_output a ".$name"; echo x)
      value=${value%x}
      pairs+=",\\"$name\\":$(json_string "${value%?}")"
    done
    output "{${pairs#,}}"
    """

    steps = {"a": {"output": CONTEXT}}
    record = harness.run(runtime, python if runtime == "python" else bash, context=CONTEXT, steps=steps).record

    assert record.output == CONTEXT


def test_python_keeps_types(harness: Harness):
    source = "output({" + ", ".join(f"'{name}': {{{{context_{name}}}}}" for name in TYPED) + "})"

    output = harness.run("python", bound("python", source), context=TYPED).record.output

    assert output == TYPED
    assert [type(value) for value in output.values()] == [type(value) for value in TYPED.values()]


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
