"""Where a placeholder may stand in a script, with what each script shows of its value, language by language.

`NAME` stands for the name of an input. A script is `SHOW` of its language and then one of the positions for each value:
it appends every value that it sees to the file `shown`, each with a NUL behind it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

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
JAVASCRIPT_POSITIONS = {
    "bare": "show({{context_NAME}})",
    "a property": "show({a: [{{context_NAME}}]}.a[0])",
    "a template's expression": "show(`${ {{context_NAME}} }`)",
    "a template written by hand": "show(`${context.NAME}`)",
    "a key": "show(Object.keys({[{{context_NAME}}]: 1})[0])",
    "a function": ";((value) => show(value))({{context_NAME}})",
    "a replacement": "show('x'.replace('x', () => {{context_NAME}}))",
    "the environment": "show(process.env.CTX_NAME)",
    "a program's argument": "show(cp.execFileSync('printf', ['%s', {{context_NAME}}]).toString())",
    "beside a comment": "show({{context_NAME}})  // {{context_NAME}} `",
}
GO_POSITIONS = {
    "bare": "show({{context_NAME}}.Text())",
    "a map": 'show(map[string]any{"a": {{context_NAME}}}["a"].(penstock.Value).String())',
    "joined": 'show(("<" + {{context_NAME}}.String() + ">")[1:1+len({{context_NAME}}.Text())])',
    "formatted": 'show(fmt.Sprintf("%s", {{context_NAME}}))',
    "the environment": 'show(os.Getenv("CTX_NAME"))',
    "beside a comment": "show({{context_NAME}}.Text()) // {{context_NAME}} `",
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
    "javascript": "const fs = require('fs'), cp = require('child_process')\n"
    "const show = (value) => fs.appendFileSync('shown', value + '\\0')\n",
    "go": 'import ("fmt"; "os")\nfile, _ := os.Create("shown")\n'
    'show := func(value string) { fmt.Fprint(file, value, "\\x00") }\n',
    "bash": 'show() { printf "%s\\0" "$1" >> shown; }\n',
}
POSITIONS: dict[str, dict[str, str]] = {
    "python": PYTHON_POSITIONS,
    "javascript": JAVASCRIPT_POSITIONS,
    "go": GO_POSITIONS,
    "bash": BASH_POSITIONS,
}
_BEGINS = {
    "python": "import hashlib, os\ndigests = []\n"
    "def mark():\n    digests.append(hashlib.sha256(open('shown', 'rb').read()).hexdigest())\n    os.remove('shown')\n",
    "javascript": "const digests = []\nconst mark = () => {\n"
    "  digests.push(require('crypto').createHash('sha256').update(fs.readFileSync('shown')).digest('hex'))\n"
    "  fs.rmSync('shown')\n}\n",
    "go": "digests := []string{}\nmark := func() {\n"
    '  data, _ := os.ReadFile("shown")\n  digests = append(digests, fmt.Sprintf("%x", sha256.Sum256(data)))\n'
    "  file.Truncate(0)\n  file.Seek(0, 0)\n}\n",
    "bash": 'digests=\nmark() { set -- $(sha256sum < shown); digests+="$1 "; rm shown; }\n',
}
_ENDS = {
    "python": "if os.path.exists('canary'): digests.append('canary')\noutput(' '.join(digests))\n",
    "javascript": "if (fs.existsSync('canary')) digests.push('canary')\noutput(digests.join(' '))\n",
    "go": 'if _, err := os.Stat("canary"); err == nil { digests = append(digests, "canary") }\n'
    'output(strings.Join(digests, " "))\n',
    "bash": 'if [ -e canary ]; then digests+=canary; fi\noutput "$digests"\n',
}
_FIRST = {"go": 'import ("crypto/sha256"; "strings")\n'}
_MARK = {"bash": "mark\n"}


def script(runtime: str, names: Sequence[str]) -> str:
    """A script that shows these inputs in every position of its language.

    Its output are SHA-256s of what `shown` held, one a position, and the word `canary` where there is a file of that
    name.
    """
    parts = [_FIRST.get(runtime, ""), SHOW[runtime], _BEGINS[runtime]]
    for position in POSITIONS[runtime].values():
        parts += [position.replace("NAME", name) + "\n" for name in names]
        parts.append(_MARK.get(runtime, "mark()\n"))
    return "".join([*parts, _ENDS[runtime]])


def digest(values: Sequence[str]) -> str:
    """The SHA-256 of `shown` where these values arrived as they are."""
    return hashlib.sha256("".join(f"{value}\0" for value in values).encode()).hexdigest()
