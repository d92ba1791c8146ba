"""The runtime contract, the same in every language: what a program is given, and how its end is told.

What is particular to one language is in a file of its own.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from penstock.engine.result_records import RECORD_MARK, parse_termination_message
from penstock_runtimes import load_runtime, runtime_names
from tests.integration.runtimes.conftest import NONCE, Harness, a_document
from tests.integration.runtimes.languages import every_language, in_all, in_some, missing

SECRET = "s3cr3t/+ value"
UNICODE = (
    "e\u0301 é 漢字 \U0001f600\U0001f468\u200d\U0001f469 עברית \u202e \ufeff \u2028 \r\n\t \"q\" 'q' \\ $x `x` %s {{x}}"
)
VALUES: dict[str, Any] = {
    "text": " 007 ",
    "empty": "",
    "unicode": UNICODE,
    "date": "2024-01-15T10:00:00Z",
    "whole": 3,
    "negative": -17,
    "large": 2**53 + 1,
    "larger": 2**70,
    "fraction": 0.1,
    "small": 1e-9,
    "yes": True,
    "no": False,
    "none": None,
    "one": [1],
    "list": [[], {}, [[None, "x"]]],
    "object": {"a b": {"__proto__": "p", "ä": 1, "A": 1, "a": 2}},
}


@pytest.mark.parametrize("runtime", runtime_names())
def test_the_language_is_tested_here(runtime: str):
    if program := missing(runtime):
        pytest.skip(
            f"{program} is not installed: nothing in this folder runs a script in {load_runtime(runtime).title}"
        )


# --- what a program is given ------------------------------------------------------------------------


@in_all(
    python="output(item)",
    bash='output "$(item_value)"',
    javascript="output(item)",
    go="output(item)",
    powershell="output $item",
)
def test_values_of_every_type_come_and_go_as_they_are(harness: Harness, runtime: str, source: str):
    output = harness.run(runtime, source, item=VALUES).record.output

    assert output == VALUES
    assert {name: type(value) for name, value in output.items()} == {n: type(value) for n, value in VALUES.items()}


@in_all(
    python="output(context.text)",
    bash='output --text "$(context_value text; echo x)"',
    javascript="output(context.text)",
    go='output(context.Get("text").Text())',
    powershell="output $context.text",
)
def test_a_large_input_comes_in_parts(harness: Harness, runtime: str, source: str):
    text = UNICODE * 10_000
    data = a_document(runtime, source, context={"text": text})
    folder = harness.folder / "in"
    folder.mkdir()
    for number, start in enumerate(range(0, len(data), 900_000)):
        (folder / f"part-{number:03d}").write_bytes(data[start : start + 900_000])

    finished = harness.finish(harness.start_with({"PENSTOCK_INPUT": str(folder)}))

    assert len(data) > 900_000
    assert finished.record.output == (f"{text}\nx" if runtime == "bash" else text)


@in_all(
    python='print(steps.a.output.lines[1]["the sku"], steps["a"]["output"].id)',
    bash='echo "$(step_output a \'.lines[1]["the sku"]\') $(step_output a .id)"',
    javascript='console.log(steps.a.output.lines[1]["the sku"], steps.a.output.id)',
    go='import "fmt"\no := steps.Get("a", "output")\nfmt.Println(o.Get("lines", 1, "the sku"), o.Get("id").Int())',
    powershell="\"$($steps.a.output.lines[1]['the sku']) $($steps['a'].output.id)\"",
)
def test_outputs_of_earlier_steps_can_be_read(harness: Harness, runtime: str, source: str):
    steps = {"a": {"output": {"lines": [{"the sku": "x"}, {"the sku": "é"}], "id": 7}}}

    assert harness.run(runtime, source, steps=steps).printed.decode() == "é 7\n"


@in_all(
    python="print(item.sku, run.name, run.namespace, run.phase, run.failedSteps)",
    bash='echo "$(item_value .sku) $PENSTOCK_RUN $(run_value namespace) $PENSTOCK_RUN_PHASE $(run_value failedSteps)"',
    javascript="console.log(item.sku, run.name, run.namespace, run.phase, run.failedSteps.join())",
    go='import "fmt"\nfmt.Println(item.Get("sku"), run.Get("name"), run.Get("namespace"), run.Get("phase"), '
    'run.Get("failedSteps"))',
    powershell='"$($item.sku) $($run.name) $($run.namespace) $($run.phase) $($run.failedSteps)"',
)
def test_the_item_and_the_run_can_be_read(harness: Harness, runtime: str, source: str):
    run = {"name": "run-1", "namespace": "sales", "phase": "Failed", "failedSteps": ["a"]}

    printed = harness.run(runtime, source, item={"sku": "S"}, run=run).printed.decode()

    assert printed.startswith("S run-1 sales Failed ")
    assert "a" in printed.split()[-1]


@in_all(
    python="import os; output(os.environ['CTX_text'] + os.environ['PENSTOCK_ATTEMPT'])",
    bash='output --text "$CTX_text$PENSTOCK_ATTEMPT"',
    javascript="output(process.env.CTX_text + process.env.PENSTOCK_ATTEMPT)",
    go='import "os"\noutput(os.Getenv("CTX_text") + os.Getenv("PENSTOCK_ATTEMPT"))',
    powershell='output "$env:CTX_text$env:PENSTOCK_ATTEMPT"',
)
def test_the_environment_holds_what_is_promised(harness: Harness, runtime: str, source: str):
    assert harness.run(runtime, source, context={"text": UNICODE}, attempt=3).record.output == UNICODE + "3"


@in_all(
    python="print(context.custmer)",
    bash='x="$(context_value custmer)"',
    javascript="console.log(context.custmer.name)",
    go='context.Get("custmer")',
    powershell="$context.custmer.Trim()",
)
def test_a_name_that_is_not_there_fails_the_script(harness: Harness, runtime: str, source: str):
    code, reason = harness.run(runtime, source, context={"customer": 1}).error

    assert code == "SCRIPT_FAILED"
    if runtime not in ("javascript", "powershell"):  # in these it is nothing, as it is for their own objects
        assert reason is not None
        assert "custmer" in reason
        assert "customer" in reason


@in_all(
    python="import sys, os; output([sys.stdin.read(), os.getcwd()])",
    bash='output "[\\"$(cat)\\",\\"$PWD\\"]"',
    javascript="output([require('fs').readFileSync(0, 'utf8'), process.cwd()])",
    go='import ("io"; "os")\nin, _ := io.ReadAll(os.Stdin)\nat, _ := os.Getwd()\noutput([]string{string(in), at})',
    powershell="output @([Console]::In.ReadToEnd(), $PWD.Path)",
)
def test_standard_input_is_empty_and_the_folder_is_the_attempts(harness: Harness, runtime: str, source: str):
    assert harness.run(runtime, source).record.output == ["", str(harness.folder / "work")]


# --- what it gives ----------------------------------------------------------------------------------


@in_all(
    python="output({'order': 'O-1', 'lines': [1, 2.5, None, True]})",
    bash='output \'{"order":"O-1","lines":[1,2.5,null,true]}\'',
    javascript="output({order: 'O-1', lines: await Promise.all([1, 2.5, null, true])})",
    go='output(map[string]any{"order": "O-1", "lines": []any{1, 2.5, nil, true}})',
    powershell="output @{ order = 'O-1'; lines = @(1, 2.5, $null, $true) }",
)
def test_a_program_that_ends_well(harness: Harness, runtime: str, source: str):
    finished = harness.run(runtime, source)
    record = finished.record

    assert finished.exit_code == 0
    assert (record.exit_code, record.signal, record.error_code) == (0, None, None)
    assert record.output == {"order": "O-1", "lines": [1, 2.5, None, True]}
    assert finished.log.splitlines()[-1].startswith(RECORD_MARK.encode())


@in_all(
    python="print('no output')",
    bash="echo no output",
    javascript="console.log('no output')",
    go='import "fmt"\nfmt.Println("no output")',
    powershell="'no output'",
)
def test_a_program_without_an_output(harness: Harness, runtime: str, source: str):
    finished = harness.run(runtime, source)

    assert finished.record.succeeded
    assert not finished.record.has_output
    assert finished.printed == b"no output\n"


@in_all(
    python="output(1); output('two')",
    bash="output 1; output two",
    javascript="output(1); output('two')",
    go='output(1); output("two")',
    powershell="output 1; output two",
)
def test_the_last_output_counts(harness: Harness, runtime: str, source: str):
    assert harness.run(runtime, source).record.output == "two"


@in_all(
    python="output('x' * 921599)",
    bash="printf -v x '%921599s' a; output \"$x\"",
    javascript="output('x'.repeat(921599))",
    go='import "strings"\noutput(strings.Repeat("x", 921599))',
    powershell="output ('x' * 921599)",
)
def test_an_output_over_the_limit(harness: Harness, runtime: str, source: str):
    finished = harness.run(runtime, source)
    code, reason = finished.error

    assert code == "OUTPUT_TOO_LARGE"
    assert reason is not None
    assert "921601 bytes; the limit is 921600" in reason
    assert (finished.exit_code, finished.record.exit_code) == (1, 0)


@in_all(
    python="output('é' * 460799)",
    bash="head -c 460799 /dev/zero | sed 's/\\x00/é/g' | output -",
    javascript="output('é'.repeat(460799))",
    go='import "strings"\noutput(strings.Repeat("é", 460799))',
    powershell="output ('é' * 460799)",
)
def test_an_output_at_the_limit(harness: Harness, runtime: str, source: str):
    assert harness.run(runtime, source).record.output == "é" * 460799


@in_all(
    python="output('x' * 9_000_000)",
    bash="printf -v x '%9000000s' a; output \"$x\"",
    javascript="output('x'.repeat(9_000_000))",
    go='import "strings"\noutput(strings.Repeat("x", 9_000_000))',
    powershell="output ('x' * 9000000)",
)
def test_an_output_far_beyond_the_limit(harness: Harness, runtime: str, source: str):
    assert harness.run(runtime, source).error[0] == "OUTPUT_TOO_LARGE"


@in_some(
    python="output({'a': [float('nan')]})",
    javascript="output({a: [NaN]})",
    go='import "math"\noutput(map[string]any{"a": math.NaN()})',
)
def test_an_output_that_json_cannot_hold_fails_the_script(harness: Harness, runtime: str, source: str):
    finished = harness.run(runtime, source)

    assert finished.error[0] == "SCRIPT_FAILED"
    assert not finished.record.has_output


@in_all(
    python="import os; open(os.environ['PENSTOCK_OUTPUT'], 'a').write('not JSON\\n')",
    bash='echo not JSON >> "$PENSTOCK_OUTPUT"',
    javascript="require('fs').appendFileSync(process.env.PENSTOCK_OUTPUT, 'not JSON\\n')",
    go='import "os"\nf, _ := os.OpenFile(os.Getenv("PENSTOCK_OUTPUT"), os.O_APPEND|os.O_WRONLY, 0)\n'
    'f.WriteString("not JSON\\n")',
    powershell="'not JSON' >> $env:PENSTOCK_OUTPUT",
)
def test_an_output_that_is_not_json(harness: Harness, runtime: str, source: str):
    code, reason = harness.run(runtime, source).error

    assert code == "OUTPUT_INVALID"
    assert reason is not None
    assert reason.startswith("line 2 of the file named by PENSTOCK_OUTPUT is not JSON")


@in_all(
    python="progress(1, 4, 'a'); progress(2, 4, 'b')",
    bash="progress 1 4 a; progress 2 4 b",
    javascript="progress(1, 4, 'a'); progress(2, 4, 'b')",
    go='progress(1, 4, "a"); progress(2, 4, "b")',
    powershell="progress 1 4 a; progress 2 4 b",
)
def test_the_last_progress_is_always_told(harness: Harness, runtime: str, source: str):
    newest = harness.run(runtime, source).progress[-1]

    assert (newest.current, newest.total, newest.message) == (2, 4, "b")


@in_all(
    python="import os, time\nprogress(1, 2, 'begun')\nwhile not os.path.exists('go'): time.sleep(0.01)\n",
    bash="progress 1 2 begun; until [ -e go ]; do sleep 0.01; done",
    javascript="progress(1, 2, 'begun')\nconst fs = require('fs')\n"
    "while (!fs.existsSync('go')) await new Promise((done) => setTimeout(done, 10))",
    go='import ("os"; "time")\nprogress(1, 2, "begun")\n'
    'for { if _, err := os.Stat("go"); err == nil { break }; time.Sleep(10 * time.Millisecond) }',
    powershell="progress 1 2 begun; while (-not (Test-Path go)) { Start-Sleep -Milliseconds 10 }",
)
def test_progress_is_told_while_the_program_runs(harness: Harness, runtime: str, source: str):
    process = harness.start(runtime, source)
    assert process.stdout is not None
    line = process.stdout.readline()
    (harness.folder / "work" / "go").touch()
    harness.finish(process)

    assert json.loads(line.split(b" ", 2)[2]) == {"current": 1, "total": 2, "message": "begun"}


# --- what it prints ---------------------------------------------------------------------------------

PRINTS_MUCH = {
    "python": "import sys\nfor n in range({lines}): print(n, {text!r}); print('e', n, file=sys.stderr)",
    "bash": "for ((n = 0; n < {lines}; n++)); do echo $n {text}; echo e $n >&2; done",
    "javascript": "for (let n = 0; n < {lines}; n++) {{ console.log(n, '{text}'); console.error('e', n) }}",
    "go": 'import ("fmt"; "os")\nfor n := 0; n < {lines}; n++ {{\n'
    'fmt.Println(n, "{text}")\nfmt.Fprintln(os.Stderr, "e", n)\n}}',
    "powershell": 'foreach ($n in 0..({lines} - 1)) {{ [Console]::WriteLine("$n {text}"); '
    '[Console]::Error.WriteLine("e $n") }}',
}


@every_language()
def test_lines_keep_their_order_within_a_stream(harness: Harness, runtime: str):
    finished = harness.run(runtime, PRINTS_MUCH[runtime].format(lines=1000, text="é"))
    lines = finished.printed.decode().splitlines()

    assert [line for line in lines if not line.startswith("e ")] == [f"{n} é" for n in range(1000)]
    assert [line for line in lines if line.startswith("e ")] == [f"e {n}" for n in range(1000)]


@every_language()
def test_a_log_is_cut_at_its_limit_and_the_result_still_comes(harness: Harness, runtime: str):
    source = PRINTS_MUCH[runtime].format(lines=20_000, text="x" * 1000) + "\noutput"
    finished = harness.run(runtime, source + (" made" if runtime in ("bash", "powershell") else "(1)"))

    assert finished.record.has_output
    assert len(finished.printed) < 8 * 1024 * 1024
    assert finished.printed.splitlines()[-1].startswith(b"[output truncated: ")


@in_all(
    python="import os, sys; t = os.environ['TOKEN']; print(t); sys.stderr.write(t + '\\n')\n"
    "progress(1, 1, t); output([t])",
    bash='echo "$TOKEN"; echo "$TOKEN" >&2; progress 1 1 "$TOKEN"; output "[\\"$TOKEN\\"]"',
    javascript="const t = process.env.TOKEN; console.log(t); console.error(t); progress(1, 1, t); output([t])",
    go='import ("fmt"; "os")\nt := os.Getenv("TOKEN")\nfmt.Println(t)\nfmt.Fprintln(os.Stderr, t)\nprogress(1, 1, t)\n'
    "output([]string{t})",
    powershell="$t = $env:TOKEN; $t; [Console]::Error.WriteLine($t); progress 1 1 $t; output @($t)",
)
def test_a_secret_is_masked_wherever_it_shows(harness: Harness, runtime: str, source: str):
    for text in (SECRET, base64.b64encode(SECRET.encode()).decode()):
        finished = harness.run(runtime, source, {"TOKEN": text, "ORIGIN": SECRET}, secretEnv=["ORIGIN"])

        assert text.encode() not in finished.log
        assert finished.printed == b"***\n***\n"
        assert finished.record.output == ["***"]


@in_all(
    python="import sys; print('out'); sys.stderr.write('err\\n')",
    bash="echo out; echo err >&2",
    javascript="console.log('out'); console.error('err')",
    go='import ("fmt"; "os")\nfmt.Println("out")\nfmt.Fprintln(os.Stderr, "err")',
    powershell="'out'; [Console]::Error.WriteLine('err')",
)
def test_captured_streams_are_in_the_record_and_the_log(harness: Harness, runtime: str, source: str):
    finished = harness.run(runtime, source, capture=True)

    assert (finished.record.stdout, finished.record.stderr) == ("out\n", "err\n")
    assert sorted(finished.printed.splitlines()) == [b"err", b"out"]


# --- how it ends ------------------------------------------------------------------------------------


@in_all(
    python="fail('NO_STOCK', 'sold out: é'); print('not reached')",
    bash="fail NO_STOCK 'sold out: é'; echo not reached",
    javascript="fail('NO_STOCK', 'sold out: é'); console.log('not reached')",
    go='fail("NO_STOCK", "sold out: é"); println("not reached")',
    powershell="fail NO_STOCK 'sold out: é'; 'not reached'",
)
def test_a_program_that_says_why_it_fails(harness: Harness, runtime: str, source: str):
    finished = harness.run(runtime, source)

    assert finished.error == ("NO_STOCK", "sold out: é")
    assert finished.exit_code == finished.record.exit_code == 1
    assert b"not reached" not in finished.log


@in_all(
    python="fail('TIMED_OUT', 'so it says')",
    bash="fail TIMED_OUT 'so it says'",
    javascript="fail('TIMED_OUT', 'so it says')",
    go='fail("TIMED_OUT", "so it says")',
    powershell="fail TIMED_OUT 'so it says'",
)
def test_a_program_cannot_pose_as_its_harness(harness: Harness, runtime: str, source: str):
    assert harness.run(runtime, source).error == ("SCRIPT_FAILED", "TIMED_OUT: so it says")


@in_all(
    python="print('out' * 30_000)\ntry:\n    fail('A', 'b')\nexcept Exception:\n    print('not reached')",
    bash="printf 'out%.0s' {1..30000}; (fail A b) || exit 1",
    javascript="console.log('out'.repeat(30000)); try { fail('A', 'b') } catch { console.log('not reached') }",
    go='import ("fmt"; "strings")\nfmt.Println(strings.Repeat("out", 30000))\n'
    'defer func() { recover(); println("not reached") }()\nfail("A", "b")',
    powershell="'out' * 30000; try { fail A b } catch { 'not reached' }",
)
def test_a_failure_cannot_be_caught_by_accident_and_loses_no_output(harness: Harness, runtime: str, source: str):
    finished = harness.run(runtime, source)

    assert finished.error == ("A", "b")
    assert finished.printed.count(b"out") == 30_000
    assert b"not reached" not in finished.printed


@in_all(
    python="import sys; sys.stderr.write('first\\n\\nlast words\\n'); exit(3)",
    bash="printf 'first\\n\\nlast words\\n' >&2; exit 3",
    javascript="console.error('first\\n\\nlast words'); process.exit(3)",
    go='import ("fmt"; "os")\nfmt.Fprintln(os.Stderr, "first\\n\\nlast words")\nos.Exit(3)',
    powershell='[Console]::Error.WriteLine("first`n`nlast words"); exit 3',
)
def test_a_program_that_just_fails(harness: Harness, runtime: str, source: str):
    finished = harness.run(runtime, source)

    assert finished.error == ("SCRIPT_FAILED", "first\nlast words")
    assert finished.exit_code == finished.record.exit_code == 3


@in_all(
    python="exit(4)", bash="exit 4", javascript="process.exit(4)", go='import "os"\nos.Exit(4)', powershell="exit 4"
)
def test_a_program_that_fails_in_silence(harness: Harness, runtime: str, source: str):
    assert harness.run(runtime, source).error == ("SCRIPT_FAILED", "the script ended with exit code 4")


@in_all(
    python="x = 1\nraise ValueError('no such order é')",
    bash="x=1\necho ${order:?no such order é}",
    javascript="const x = 1\nthrow new RangeError('no such order é')",
    go='x := 1\npanic("no such order é" + string(rune(x)))',
    powershell="$x = 1\nthrow 'no such order é'",
)
def test_an_error_that_nobody_caught_is_told_with_its_line(harness: Harness, runtime: str, source: str):
    finished = harness.run(runtime, source)
    code, reason = finished.error

    assert code == "SCRIPT_FAILED"
    assert reason is not None
    assert "no such order é" in reason
    assert "line 2" in reason
    assert "no such order é" in finished.printed.decode()
    assert finished.exit_code not in (0, 125)


@in_all(
    python="x = 1\nx = = 2\n",
    bash="x=1\nif ; then\n",
    javascript="let x = 1\nx = = 2\n",
    go="x := 1\nx = = 2\n",
    powershell="$x = 1\n$x = = 2\n",
)
def test_a_script_that_cannot_be_read_is_told_with_its_line(harness: Harness, runtime: str, source: str):
    code, reason = harness.run(runtime, source).error

    assert code == "SCRIPT_FAILED"
    assert reason is not None
    assert "line 2" in reason or "step.go:2:" in reason


@in_all(
    python="import os; os.kill(os.getpid(), 9)",
    bash="kill -9 $$",
    javascript="process.kill(process.pid, 'SIGKILL')",
    go='import "syscall"\nsyscall.Kill(syscall.Getpid(), syscall.SIGKILL)\nselect {}',
    powershell="kill -9 $PID",
)
def test_a_program_that_a_signal_ends(harness: Harness, runtime: str, source: str):
    finished = harness.run(runtime, source)
    record = finished.record

    assert finished.exit_code == 128 + 9
    assert (record.exit_code, record.signal) == (None, "SIGKILL")
    assert finished.error == (
        "SIGNALLED",
        "the script was ended by SIGKILL. The usual cause is that memory ran out.",
    )


@in_some(
    python="import time; x = bytearray(80_000_000)\nwhile time.process_time() < 0.3: pass",
    javascript="const x = Buffer.alloc(80_000_000, 1)\nwhile (process.cpuUsage().user < 300_000);",
    go="x := make([]byte, 80_000_000)\nfor i := 0; i < 4_000_000_000; i += 8 { x[(i>>3)%len(x)]++ }",
    powershell="$x = [byte[]]::new(80000000); [array]::Fill($x, [byte] 1); $e = (Get-Process -Id $PID)\n"
    "while ($e.CPU -lt 0.3) { $e.Refresh() }",
)
def test_usage_is_that_of_the_program(harness: Harness, runtime: str, source: str):
    usage = harness.run(runtime, source).record.usage

    assert 80_000_000 < usage.peak_rss_bytes < 400_000_000
    assert usage.cpu_seconds >= 0.1
    assert usage.wall_seconds > 0


@in_all(
    python="import sys; print(sys.version.split()[0])",
    bash='echo "${BASH_VERSION%%(*}"',
    javascript="console.log(process.versions.node)",
    go='import ("fmt"; "runtime"; "strings")\nfmt.Println(strings.TrimPrefix(runtime.Version(), "go"))',
    powershell='"$($PSVersionTable.PSVersion)"',
)
def test_the_interpreter_is_named(harness: Harness, runtime: str, source: str):
    finished = harness.run(runtime, source)
    title = {"javascript": "Node.js"}.get(runtime, runtime)

    assert finished.record.interpreter.lower() == f"{title} {finished.printed.decode().strip()}".lower()


SAYS_ONE = {
    "python": "output(1)",
    "bash": "output 1",
    "javascript": "output(1)",
    "go": "output(1)",
    "powershell": "output 1",
}


@every_language()
def test_a_small_record_is_also_the_termination_message(harness: Harness, runtime: str):
    message = harness.folder / "termination-log"
    finished = harness.run(runtime, SAYS_ONE[runtime], {"PENSTOCK_TERMINATION_MESSAGE": str(message)})

    assert len(message.read_bytes()) <= 4096
    assert parse_termination_message(message.read_text(), NONCE) == finished.record


@in_all(
    python="import os, sys; print(os.environ, sys.argv, sys.path, vars(sys.modules['__main__']), vars(output))",
    bash='env; set; echo "$0 $*"; ls -a; cat .penstock/*',
    javascript="console.log(process.env, process.argv, process.execArgv, Object.getOwnPropertyNames(globalThis))",
    go='import ("fmt"; "os")\nfmt.Println(os.Environ(), os.Args)',
    powershell="Get-ChildItem env: | Out-String; [Environment]::CommandLine; Get-Variable | Out-String",
)
def test_the_program_is_not_told_the_nonce(harness: Harness, runtime: str, source: str):
    assert NONCE.encode() not in harness.run(runtime, source).printed


@every_language()
def test_a_missing_interpreter_is_named_with_what_to_install(harness: Harness, runtime: str):
    if runtime == "python":
        pytest.skip("the harness itself is Python")
    code, reason = harness.run(runtime, SAYS_ONE[runtime], {"PATH": "/nowhere"}).error

    assert code == "RUNTIME_MISSING"
    assert reason is not None
    assert "is not installed here, or not on PATH. Install " in reason
