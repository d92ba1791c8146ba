"""Placeholders in bash scripts: where they become references, where they are refused, and with which correction.

What real bash does with the results is in tests/integration/runtimes/test_bash_placeholders.py.
"""

from __future__ import annotations

import pytest

from penstock.engine.placeholders import PlaceholderProblem, bind

GUARD = '[[ "${CTX_x}" =~ ^-?(0|[1-9][0-9]*)$ ]] || fail NOT_A_NUMBER "context_x must be a whole number"\n'


def bound(source: str) -> str:
    binding = bind("bash", source, None)
    assert binding.problems == ()
    return binding.source


def refused(source: str) -> PlaceholderProblem:
    problems = bind("bash", source, None).problems
    assert problems
    return problems[0]


BOUND = {
    "a bare word": ("echo {{context_x}}", 'echo "${CTX_x}"'),
    "part of a word": ("echo a{{context_x}}b", 'echo a"${CTX_x}"b'),
    "two in a row": ("echo {{context_x}}{{context_y}}", 'echo "${CTX_x}""${CTX_y}"'),
    "double quotes": ('echo "a {{context_x}}"', 'echo "a ${CTX_x}"'),
    "an assignment": ("v={{context_x}}", 'v="${CTX_x}"'),
    "an exported variable": ("export V={{context_x}}", 'export V="${CTX_x}"'),
    "an environment for one command": ("V={{context_x}} env", 'V="${CTX_x}" env'),
    "a here-document": ("cat <<E\na {{context_x}}\nE\n", "cat <<E\na ${CTX_x}\nE\n"),
    "a here-document with tabs": ("cat <<-E\n\ta {{context_x}}\n\tE\n", "cat <<-E\n\ta ${CTX_x}\n\tE\n"),
    "after a here-document": ("cat <<'E'\nit's\nE\necho {{context_x}}", "cat <<'E'\nit's\nE\necho \"${CTX_x}\""),
    "two here-documents": (
        "cat <<A - <<'B'\n{{context_x}}\nA\nit's\nB\necho {{context_y}}",
        "cat <<A - <<'B'\n${CTX_x}\nA\nit's\nB\necho \"${CTX_y}\"",
    ),
    "a here-string": ("cat <<< {{context_x}}", 'cat <<< "${CTX_x}"'),
    "a command substitution": ("v=$(echo {{context_x}})", 'v=$(echo "${CTX_x}")'),
    "one in double quotes": ('v="$(echo "{{context_x}}")"', 'v="$(echo "${CTX_x}")"'),
    "backticks": ("v=`echo {{context_x}}`", 'v=`echo "${CTX_x}"`'),
    "a case in a substitution": (
        "v=$(case a in a) echo {{context_x}} ;; esac)",
        'v=$(case a in a) echo "${CTX_x}" ;; esac)',
    ),
    "a process substitution": ("diff <(echo {{context_x}}) f", 'diff <(echo "${CTX_x}") f'),
    "a default": ("echo ${v:-{{context_x}}}", 'echo ${v:-"${CTX_x}"}'),
    "a default in double quotes": ('echo "${v:-{{context_x}}}"', 'echo "${v:-${CTX_x}}"'),
    "a test": ("[ {{context_x}} -gt 1 ]", '[ "${CTX_x}" -gt 1 ]'),
    "a comparison of texts": ("[[ {{context_x}} == a* ]]", '[[ "${CTX_x}" == a* ]]'),
    "a case": ("case {{context_x}} in {{context_y}}) : ;; esac", 'case "${CTX_x}" in "${CTX_y}") : ;; esac'),
    "a loop": ("for i in {{context_x}} b; do :; done", 'for i in "${CTX_x}" b; do :; done'),
    "a function": ("f() { echo {{context_x}}; }; f", 'f() { echo "${CTX_x}"; }; f'),
    "an array": ("a=( {{context_x}} b )", 'a=( "${CTX_x}" b )'),
    "a redirection": ("echo a > {{context_x}}", 'echo a > "${CTX_x}"'),
    "an argument of bash -c": ("bash -c 'echo \"$1\"' _ {{context_x}}", 'bash -c \'echo "$1"\' _ "${CTX_x}"'),
    "an argument of awk": ("awk '{print}' {{context_x}}", "awk '{print}' \"${CTX_x}\""),
    "a comment": ("echo a # {{context_x}}'", "echo a # {{context_x}}'"),
    "a hash in a word": ("echo a#{{context_x}}", 'echo a#"${CTX_x}"'),
    "after a subscript that is a pattern": ("ls a[bc] {{context_x}}", 'ls a[bc] "${CTX_x}"'),
    "after arithmetic": ("(( n > 1 )) && echo {{context_x}}", '(( n > 1 )) && echo "${CTX_x}"'),
    "after nested subshells": ("( (true); echo {{context_x}})", '( (true); echo "${CTX_x}")'),
    "after an escaped quote": ("echo \\' {{context_x}}", 'echo \\\' "${CTX_x}"'),
}


@pytest.mark.parametrize(("source", "want"), BOUND.values(), ids=BOUND.keys())
def test_where_bash_takes_the_value_as_data_it_is_a_reference(source: str, want: str):
    assert bound(source) == want


REFUSED = {
    "single quotes": ("echo 'a {{context_x}}'", "single quotes", 'echo "a ${CTX_x}"'),
    "single quotes around a dollar": ("echo '$5 {{context_x}}'", "single quotes", "echo '$5 '\"${CTX_x}\"''"),
    "$'...'": (r"echo $'a\n{{context_x}}'", "$'...'", r"""echo $'a\n'"${CTX_x}"$''"""),
    "a quoted here-document": (
        "cat <<'E'\ncost $5: {{context_x}}\nE\n",
        "here-document",
        "cat <<E\ncost \\$5: ${CTX_x}\nE",
    ),
    "arithmetic": ("(( {{context_x}} > 1 ))", "arithmetic", GUARD + "(( ${CTX_x} > 1 ))"),
    "an arithmetic expansion": ("echo $(( {{context_x}} ))", "arithmetic", GUARD + "echo $(( ${CTX_x} ))"),
    "the old arithmetic expansion": ("echo $[ {{context_x}} ]", "arithmetic", GUARD + "echo $[ ${CTX_x} ]"),
    "a counting loop": ("for ((i={{context_x}};;)); do :; done", "arithmetic", None),
    "let": ("let n={{context_x}}", "`let` as arithmetic", GUARD + 'let n="${CTX_x}"'),
    "a comparison of numbers": ("[[ {{context_x}} -gt 1 ]]", "arithmetic", GUARD + '[[ "${CTX_x}" -gt 1 ]]'),
    "its right side": ("[[ 1 -lt {{context_x}} ]]", "arithmetic", GUARD + '[[ 1 -lt "${CTX_x}" ]]'),
    "a substring": ("echo ${v:{{context_x}}}", "arithmetic", GUARD + "echo ${v:${CTX_x}}"),
    "a subscript": ("echo ${a[{{context_x}}]}", "subscript", GUARD + "echo ${a[${CTX_x}]}"),
    "an element": ("a[{{context_x}}]=1", "subscript", GUARD + "a[${CTX_x}]=1"),
    "an element in a list": ("a=( [{{context_x}}]=1 )", "subscript", GUARD + "a=( [${CTX_x}]=1 )"),
    "an integer variable": ("declare -i n={{context_x}}", "arithmetic", GUARD + 'declare -i n="${CTX_x}"'),
    "a variable that becomes one": ("declare -i n\nn={{context_x}}", "goes into n", GUARD + 'n="${CTX_x}"'),
    "a variable in arithmetic": ("n={{context_x}}\n(( n > 1 ))", "goes into n", GUARD + 'n="${CTX_x}"'),
    "a loop variable in arithmetic": ("for n in {{context_x}}; do (( n )); done", "goes into n", None),
    "a variable compared as a number": ("n={{context_x}}; [[ $n -gt 1 ]]", "goes into n", None),
    "eval": ("eval echo {{context_x}}", "`eval` runs", "eval echo '\"${CTX_x}\"'"),
    "eval of a string": ('eval "echo {{context_x}}"', "`eval` runs", 'eval "echo \\"\\${CTX_x}\\""'),
    "eval in single quotes": ("eval 'echo {{context_x}}'", "`eval` runs", "eval 'echo \"${CTX_x}\"'"),
    "eval of what a command prints": ('eval "$(echo {{context_x}})"', "`eval` runs", ""),
    "bash -c": ('bash -c "echo {{context_x}}"', "`bash -c` runs", 'bash -c "echo \\"\\${CTX_x}\\""'),
    "sh with more options": ("sh -eu -c 'a {{context_x}}'", "`sh -c` runs", "sh -eu -c 'a \"${CTX_x}\"'"),
    "sh behind sudo": ("sudo -n sh -ec {{context_x}}", "`sh -c` runs", None),
    "a shell in a variable": ('"$SHELL" -c {{context_x}}', "-c` runs", None),
    "a shell's script": ("bash {{context_x}}", "choose the program", None),
    "a trap": ("trap 'rm {{context_x}}' EXIT", "`trap` runs", "trap 'rm \"${CTX_x}\"' EXIT"),
    "python -c": ("python3 -c \"print('{{context_x}}')\"", 'os.environ["CTX_x"]', None),
    "awk": ('awk "/{{context_x}}/" f', 'ENVIRON["CTX_x"]', None),
    "sed": ("sed -e s/a/{{context_x}}/ f", "program text that `sed` runs", None),
    "the program": ("{{context_x}} --help", "choose the program", '"${CTX_x}" --help'),
    "the program behind exec": ("exec {{context_x}}", "choose the program", None),
    "a sourced file": (". {{context_x}}", "choose the program", None),
    "read": ("read {{context_x}} <<< a", "name of a variable", None),
    "printf -v": ("printf -v {{context_x}} a", "name of a variable", None),
    "test -v": ("test -v {{context_x}}", "name of a variable", None),
    "[[ -v": ("[[ -v {{context_x}} ]]", "name of a variable", None),
    "a declared name": ("declare {{context_x}}", "name of a variable", None),
    "an array from a text": ("declare -a a={{context_x}}", "elements of an array", None),
    "one declared before": ("declare -a a; declare a={{context_x}}", "goes into a", None),
    "a reference to a variable": ("declare -n r={{context_x}}", "name of a variable", None),
    "a variable's name": ("echo ${{{context_x}}}", "cannot name a variable", None),
    "a loop's variable": ("for {{context_x}} in a; do :; done", "cannot name a variable", None),
    "a pattern of an expansion": ("echo ${v#{{context_x}}}", "pattern", None),
    "after a dollar sign": ("echo ${{context_x}}", "dollar sign", "echo {{context_x}}"),
    "after one in double quotes": ('echo "${{context_x}}"', "dollar sign", 'echo "{{context_x}}"'),
    "after a backslash": ("echo \\{{context_x}}", "backslash", "echo {{context_x}}"),
    "backticks with backslashes": ("echo `echo \\`echo {{context_x}}\\``", "backticks", None),
    "a startup file": ("BASH_ENV={{context_x}} ./run", "BASH_ENV", None),
}


@pytest.mark.parametrize(("source", "message", "want"), REFUSED.values(), ids=REFUSED.keys())
def test_where_bash_would_not_it_is_refused_with_the_corrected_line(source: str, message: str, want: str | None):
    problem = refused(source)

    assert message in problem.message
    if want is not None:
        assert problem.suggestion == want


def test_the_position_is_that_of_the_placeholder():
    problem = refused("echo a\n\n  echo 'é {{context_x}}'\n")

    assert (problem.line, problem.column) == (3, 11)


def test_a_correction_keeps_the_indent_and_binds_the_neighbours():
    problem = refused("if true; then\n  (( {{context_x}} )) && echo {{context_y}}\nfi\n")

    assert problem.suggestion == f'  {GUARD}  (( ${{CTX_x}} )) && echo "${{CTX_y}}"'


def test_a_whole_number_by_its_schema_may_stand_in_arithmetic():
    source = "n={{context_x}}; (( n > {{context_x}} )); echo ${a[{{context_x}}]}; [[ {{context_x}} -gt 1 ]]"

    binding = bind("bash", source, None, integers=frozenset({"x"}))

    assert binding.source == 'n="${CTX_x}"; (( n > ${CTX_x} )); echo ${a[${CTX_x}]}; [[ "${CTX_x}" -gt 1 ]]'


def test_a_whole_number_still_runs_no_text():
    assert bind("bash", "eval {{context_x}}", None, integers=frozenset({"x"})).problems


@pytest.mark.parametrize(
    "source",
    [
        "echo '{{context_x}}",
        'echo "{{context_x}}',
        "echo $(echo {{context_x}}",
        "echo {{context_x}} )",
        "echo `{{context_x}}",
        "case a in {{context_x}}) echo",
        "[[ {{context_x}} == a",
        "cat <<{{context_x}}\na\n",
        "echo ${a{{context_x}}",
    ],
)
def test_what_cannot_be_read_is_refused(source: str):
    assert "cannot be bound" in refused(source).message


def test_a_script_without_placeholders_is_not_judged():
    assert bound("this is 'not bash (") == "this is 'not bash ("
