"""What a Go script finds around it."""

from __future__ import annotations

import pytest

from tests.integration.runtimes.conftest import Harness
from tests.integration.runtimes.languages import missing

pytestmark = pytest.mark.skipif(bool(missing("go")), reason="go is not installed")


def run(harness: Harness, source: str, **fields: object):
    return harness.run("go", source, **fields)


def test_a_whole_program_may_use_every_name(harness: Harness):
    source = """// Charges an order.
package main // of one file

import "fmt"

type output struct{ Total float64 `json:"total"` }

func run() error { return nil }

func main() {
	context := penstock.Context.Get("order")
	if err := run(); err != nil {
		penstock.Fail("NO", err.Error())
	}
	var order struct{ Lines []struct{ Price float64 } }
	if err := context.Decode(&order); err != nil {
		panic(err)
	}
	fmt.Println(len(order.Lines))
	penstock.Progress(1, nil)
	penstock.Output(output{order.Lines[0].Price})
}
"""
    finished = run(harness, source, context={"order": {"lines": [{"price": 2.5}]}})

    assert finished.record.output == {"total": 2.5}
    assert finished.printed == b"1\n"


def test_a_whole_program_may_import_the_package_itself(harness: Harness):
    source = 'package main\nimport "penstock.dev/penstock"\nfunc main() { penstock.Output(1) }'

    assert run(harness, source).record.output == 1


@pytest.mark.parametrize(
    "imports",
    [
        'import "fmt"\nimport ("strings"; s "strconv")\n',
        'import "fmt"; import "strings"; import s "strconv"\n',
        '// first\nimport (\n\t"fmt" // )\n\t/* ( */ "strings"\n\ts `strconv`\n)\n\n// last\n',
        'import(\n"fmt"\n"strings"\ns "strconv"\n); ',
    ],
)
def test_a_body_has_its_imports_at_the_top(harness: Harness, imports: str):
    source = imports + 'important := fmt.Sprint(strings.ToUpper("a"), s.Itoa(1))\noutput(important)\n'

    assert run(harness, source).record.output == "A1"


def test_a_body_may_import_the_package_called_context(harness: Harness):
    source = 'import "context"\noutput([]any{context.Background().Err(), penstock.Context.Get("a")})'

    assert run(harness, source, context={"a": "b"}).record.output == [None, "b"]


def test_a_body_needs_none_of_its_names_and_may_take_them(harness: Harness):
    assert run(harness, 'item, run := 1, "x"\n_, _ = item, run').record.succeeded


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param("x := 1\n", "step.go:1:1: declared and not used: x", id="an unused variable"),
        pytest.param('import (\n"fmt"\n)\n\nf()\n', 'step.go:2:1: "fmt" imported and not used', id="an unused import"),
        pytest.param("package main\n\nfunc main() {\n\tf()\n}\n", "step.go:4:2: undefined: f", id="a whole program"),
        pytest.param("func f() {}\nf()", "begin it with `package main`", id="functions in a body"),
        pytest.param("package other\n", "write `package main`", id="another package"),
        pytest.param('import "C"\n', "built without cgo", id="C"),
    ],
)
def test_what_the_compiler_says_names_the_scripts_lines(harness: Harness, source: str, reason: str):
    finished = run(harness, source)

    assert finished.error[0] == "SCRIPT_FAILED"
    assert finished.error[1] is not None
    assert reason in finished.error[1]
    assert finished.exit_code == 125


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param("\nvar m map[string]int\nm[`a`] = 1", "panic: assignment to entry in nil map", id="a panic"),
        pytest.param(
            '\nx := []int{1}\n_ = x[len("ab")]', "panic: runtime error: index out of range [2]", id="an index"
        ),
        pytest.param("\n\ngo func() { panic(`aside`) }()\nselect {}", "panic: aside", id="in another goroutine"),
        pytest.param("\n\nselect {}", "fatal error: all goroutines are asleep - deadlock!", id="a deadlock"),
        pytest.param("\n\ncontext.Get(`a`).Int()", "panic: penstock: context.a is a text, not a number", id="a type"),
        pytest.param("\n\ncontext.Get(`b`, 0)", "context.b has 0 values, so it has no position 0", id="a position"),
        pytest.param("\n\ncontext.Get(`n`).Int()", "is the number 1180591620717411303424, not a whole", id="a size"),
    ],
)
def test_a_crash_is_told_on_one_line(harness: Harness, source: str, reason: str):
    finished = run(harness, source, context={"a": "x", "b": [], "n": 2**70})

    assert finished.error[0] == "SCRIPT_FAILED"
    assert finished.error[1] is not None
    assert reason in finished.error[1]
    assert finished.error[1].endswith("(step.go, line 3)")
    assert b"goroutine" in finished.printed
    assert finished.exit_code == 2


def test_values_can_be_walked(harness: Harness):
    source = """
sum := 0.0
for _, line := range context.Get("lines").List() {
	sum += line.Get("price").Float() * float64(line.Get("count").Int())
}
output(map[string]any{
	"sum": sum, "keys": context.Keys(), "has": []bool{context.Has("lines", 1), context.Has("lines", 2, "x")},
	"null": context.Get("none").IsNull(), "yes": context.Get("yes").Bool(), "text": context.Get("lines", 0).String(),
})
"""
    lines = [{"price": 1.5, "count": 2}, {"price": 2, "count": 3.0}]
    record = run(harness, source, context={"lines": lines, "none": None, "yes": True}).record

    assert record.output == {
        "sum": 9.0,
        "keys": ["lines", "none", "yes"],
        "has": [True, False],
        "null": True,
        "yes": True,
        "text": '{"count":2,"price":1.5}',
    }


def test_an_old_toolchain_is_not_used(harness: Harness):
    folder = harness.folder / "bin"
    folder.mkdir()
    (folder / "go").write_text("#!/bin/sh\necho go1.19.8\n")
    (folder / "go").chmod(0o755)

    code, reason = harness.run("go", "output(1)", {"PATH": f"{folder}:/bin:/usr/bin"}).error

    assert code == "RUNTIME_MISSING"
    assert reason is not None
    assert reason.startswith("go1.19.8 is too old. Install Go 1.21 or later")


def test_usage_is_not_that_of_the_compiler(harness: Harness):
    usage = run(harness, "output(1)").record.usage

    assert usage.peak_rss_bytes < 40_000_000
