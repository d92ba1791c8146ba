"""JavaScript with a placeholder: what each becomes, or why it is refused and what the corrected line is."""

from __future__ import annotations

BOUND: dict[str, tuple[str, str]] = {
    "a value": ("const a = {{context_x}}", "const a = context.x"),
    "in braces": ("output({sku: {{context_x}}})", "output({sku: context.x})"),
    "a call of a method": ("{{ context_x }}.trim()", "context.x.trim()"),
    "a subscript": ("a[{{context_x}}]", "a[context.x]"),
    "an expression of a template": ("`a ${ {{context_x}} } b`", "`a ${ context.x } b`"),
    "a template in a template": ("`a ${`b ${ {{context_x}} }`}`", "`a ${`b ${ context.x }`}`"),
    "an object in a template": ("`${f({a: {{context_x}}})}'`", "`${f({a: context.x})}'`"),
    "divided twice": ("a = {{context_x}} / 2 / 3", "a = context.x / 2 / 3"),
    "divided after a bracket": ("a = (b) / {{context_x}} / c", "a = (b) / context.x / c"),
    "divided after a number": ("a = 1 / {{context_x}} / 'b'.length", "a = 1 / context.x / 'b'.length"),
    "divided after an object": ("a = {b: 1} / {{context_x}} / 2", "a = {b: 1} / context.x / 2"),
    "divided after a count": ("i++ / {{context_x}} / 2", "i++ / context.x / 2"),
    "divided after a property that is a keyword": ("a.return / {{context_x}} / 2", "a.return / context.x / 2"),
    "after a pattern with a quote": ("/'/.test(a); {{context_x}}", "/'/.test(a); context.x"),
    "after a pattern with a slash in brackets": ("/[/']/.test(a) || {{context_x}}", "/[/']/.test(a) || context.x"),
    "after a pattern behind return": ("() => { return /'/; }; {{context_x}}", "() => { return /'/; }; context.x"),
    "after a pattern behind a condition": ("if (a) /'/.test(b); {{context_x}}", "if (a) /'/.test(b); context.x"),
    "after a pattern behind a block": (
        "if (a) { b }\n/'/.test(c); {{context_x}}",
        "if (a) { b }\n/'/.test(c); context.x",
    ),
    "after an escaped quote": ("'a\\'b' + {{context_x}}", "'a\\'b' + context.x"),
    "a comment": ("1 // '{{context_x}}\n/* ` {{context_x}} */ + 2", "1 // '{{context_x}}\n/* ` {{context_x}} */ + 2"),
    "after a first line for the shell": ("#!/usr/bin/env 'node\n{{context_x}}", "#!/usr/bin/env 'node\ncontext.x"),
    "a choice": ("a ? {{context_x}} : {{context_y}}", "a ? context.x : context.y"),
    "spread": ("[...{{context_x}}]", "[...context.x]"),
}
"""What stands where, the script, the script with references."""

REFUSED: dict[str, tuple[str, str, str | None]] = {
    "single quotes": ("a = 'b {{context_x}} c'", "in a string", "a = `b ${context.x} c`"),
    "double quotes": ('a = "it\'s {{context_x}}"', "in a string", "a = `it's ${context.x}`"),
    "an escaped quote": ("a = 'it\\'s {{context_x}}'", "in a string", "a = `it's ${context.x}`"),
    "other escapes": ("a = '\\n\\\\ {{context_x}}'", "in a string", "a = `\\n\\\\ ${context.x}`"),
    "what a template would read": ("a = '`${b} {{context_x}}'", "in a string", "a = `\\`\\${b} ${context.x}`"),
    "two in one": ("a = '{{context_x}}/{{context_y}}'", "in a string", "a = `${context.x}/${context.y}`"),
    "beside one in code": ("a = '{{context_x}}' + {{context_y}}", "in a string", "a = `${context.x}` + context.y"),
    "an octal escape": ("a = '\\1 {{context_x}}'", "in a string", ""),
    "a backslash before it": ("a = '\\{{context_x}}'", "in a string", ""),
    "a template": ("a = `b {{context_x}}`", "${context.x}", "a = `b ${context.x}`"),
    "a template in a template": ("`${`b {{context_x}}`}`", "${context.x}", "`${`b ${context.x}`}`"),
    "a backslash before it in a template": ("`\\{{context_x}}`", "${context.x}", ""),
    "a regular expression": ("/a{{context_x}}/.test(b)", "in a regular expression", ""),
    "a property": ("a.{{context_x}}", "after a dot", "a[context.x]"),
    "an optional property": ("a?.{{context_x}}", "after a dot", "a?.[context.x]"),
    "a key": ("a = {{{context_x}}: 1}", "property's name", "a = {[context.x]: 1}"),
    "a key that is a string": ("a = {'b{{context_x}}': 1}", "in a string", "a = {[`b${context.x}`]: 1}"),
    "a short property": ("f({a, {{context_x}}})", "property's name", "f({a, x: context.x})"),
    "part of a name": ("order_{{context_x}}", "touches a name", ""),
    "two in a row": ("{{context_x}}{{context_y}}", "touches a name", ""),
    "a variable": ("const {{context_x}} = 1", "wants a name", ""),
    "a parameter": ("{{context_x}} => 1", "wants a name", ""),
    "a module": ("import a from '{{context_x}}'", "name of a module", ""),
}
"""What stands where, the script, a part of the message, the correction."""

UNREADABLE = [
    "a = '{{context_x}}",
    "a = `{{context_x}}",
    "a = `${{{context_x}}`",
    "/* {{context_x}}",
    "f({{context_x}}",
    "{{context_x}})",
    "[{{context_x}}}",
    "a = /{{context_x}}\n",
]
