"""Go with a placeholder: what each becomes, or why it is refused and what the corrected line is."""

from __future__ import annotations

X = 'penstock.Context.Get("x")'
Y = 'penstock.Context.Get("y")'

BOUND: dict[str, tuple[str, str]] = {
    "a value": ("a := {{context_x}}", f"a := {X}"),
    "an argument": ("f(1, {{ context_x }})", f"f(1, {X})"),
    "a method": ("{{context_x}}.Int()", f"{X}.Int()"),
    "a comparison": ("if {{context_x}} == b {}", f"if {X} == b {{}}"),
    "a map": ('m := map[string]any{"a": {{context_x}}}', f'm := map[string]any{{"a": {X}}}'),
    "after a string with an escaped quote": ('f("a\\"b", {{context_x}})', f'f("a\\"b", {X})'),
    "after a raw string": ("f(`a\\`, {{context_x}})", f"f(`a\\`, {X})"),
    "after a quote as a character": ("f('\"', '\\'', {{context_x}})", f"f('\"', '\\'', {X})"),
    "a comment": ("1 // \"{{context_x}}\n/* ' {{context_x}} */", "1 // \"{{context_x}}\n/* ' {{context_x}} */"),
    "the second line": ("a :=\n\t{{context_x}}", f"a :=\n\t{X}"),
}
"""What stands where, the script, the script with references."""

REFUSED: dict[str, tuple[str, str, str | None]] = {
    "a string": ('f("a {{context_x}} b")', "in a string", f'f("a " + {X}.String() + " b")'),
    "a string of nothing else": ('f("{{context_x}}")', "in a string", f"f({X}.String())"),
    "two in one": ('a := "{{context_x}}/{{context_y}}"', "in a string", f'a := {X}.String() + "/" + {Y}.String()'),
    "beside one in code": ('f("a{{context_x}}", {{context_y}})', "in a string", f'f("a" + {X}.String(), {Y})'),
    "a raw string": ("a := `b\\ {{context_x}}`", "in a string", f"a := `b\\ ` + {X}.String()"),
    "a string with a subscript": ('a := "b{{context_x}}"[0]', "in a string", f'a := ("b" + {X}.String())[0]'),
    "a character": ("a := '{{context_x}}'", "character", ""),
    "an import": ('import "{{context_x}}"', "path of an import", ""),
    "a field": ("a.{{context_x}}", "after a dot", ""),
    "part of a name": ("order_{{context_x}}", "touches a name", ""),
    "two in a row": ("{{context_x}}{{context_y}}", "touches a name", ""),
    "a new variable": ("{{context_x}} := 1", "wants a name", ""),
    "a function": ("func {{context_x}}() {}", "wants a name", ""),
    "what is assigned to": ("{{context_x}} = 1", "cannot be changed", ""),
}
"""What stands where, the script, a part of the message, the correction."""

UNREADABLE = ['f("{{context_x}})', "f(`{{context_x}})", "/* {{context_x}}", "f('{{context_x}})\n"]
