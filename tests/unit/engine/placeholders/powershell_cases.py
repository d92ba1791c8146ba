"""PowerShell with a placeholder: what each becomes, or why it is refused and what the corrected line is."""

from __future__ import annotations

X = "$context['x']"
Y = "$context['y']"

BOUND: dict[str, tuple[str, str]] = {
    "an argument": ("Write-Output {{context_x}}", f"Write-Output {X}"),
    "two arguments": ("f {{context_x}},{{ context_y }}", f"f {X},{Y}"),
    "a parameter with a colon": ("f -Name:{{context_x}}", f"f -Name:{X}"),
    "an expression": ("if ({{context_x}} -gt 5) { {{context_y}} }", f"if ({X} -gt 5) {{ {Y} }}"),
    "an assignment": ("$a = {{context_x}}; $b={{context_y}}", f"$a = {X}; $b={Y}"),
    "a hashtable": ("output @{ a = {{context_x}}; b={{context_y}} }", f"output @{{ a = {X}; b={Y} }}"),
    "a list": ("@({{context_x}}, 1)", f"@({X}, 1)"),
    "a subscript": ("$a[{{context_x}}]", f"$a[{X}]"),
    "a method": ("{{context_x}}.ToUpper()", f"{X}.ToUpper()"),
    "a method of an argument": ("f {{context_x}}.ToUpper()", f"f {X}.ToUpper()"),
    "a property of an argument": ("f {{context_x}}.Length", f"f {X}.Length"),
    "a subexpression in a string": ('"a $({{context_x}}) b"', f'"a $({X}) b"'),
    "one in a string in that": ('"a $(f "b $({{context_x}})") c"', f'"a $(f "b $({X})") c"'),
    "a subexpression in a here-string": ('@"\n" $({{context_x}})\n"@', f'@"\n" $({X})\n"@'),
    "after a string with doubled quotes": ("f 'it''s' {{context_x}}", f"f 'it''s' {X}"),
    "after a string with an escaped quote": ('f "a`"b" {{context_x}}', f'f "a`"b" {X}'),
    "after a here-string": ("$a = @'\nit's \"\n'@\nf {{context_x}}", f"$a = @'\nit's \"\n'@\nf {X}"),
    "after an empty here-string": ('$a = @"\n"@\nf {{context_x}}', f'$a = @"\n"@\nf {X}'),
    "after typographic quotes": ("f \u2018it\u2019 {{context_x}}", f"f \u2018it\u2019 {X}"),
    "after a joined line": ("f a `\n  {{context_x}}", f"f a `\n  {X}"),
    "a comment": ("1 # '{{context_x}}\n<# \" {{context_x}} #> 2", "1 # '{{context_x}}\n<# \" {{context_x}} #> 2"),
    "after a hash in a word": ("f a#b {{context_x}}", f"f a#b {X}"),
    "a loop": ("foreach ($i in {{context_x}}) { $i }", f"foreach ($i in {X}) {{ $i }}"),
    "a called block": ("& { f {{context_x}} }", f"& {{ f {X} }}"),
    "a pipe": ("{{context_x}} | ForEach-Object { $_ }", f"{X} | ForEach-Object {{ $_ }}"),
    "a program's argument": ("git log {{context_x}}", f"git log {X}"),
    "an argument of a shell's text": ("bash -c 'echo $1' _ {{context_x}}", f"bash -c 'echo $1' _ {X}"),
    "an argument of Start-Process": (
        "Start-Process git -ArgumentList {{context_x}}",
        f"Start-Process git -ArgumentList {X}",
    ),
    "Windows line ends": ("f {{context_x}}\r\nf {{context_y}}\r\n", f"f {X}\nf {Y}\n"),
}
"""What stands where, the script, the script with references."""

REFUSED: dict[str, tuple[str, str, str | None]] = {
    "single quotes": ("f 'a {{context_x}}'", "single quotes", f'f "a $({X})"'),
    "what double quotes would read": (
        "f '$5 \"it''s\" `n {{context_x}}'",
        "single quotes",
        f'f "`$5 `"it\'s`" ``n $({X})"',
    ),
    "two in one": ("f '{{context_x}} {{context_y}}'", "single quotes", f'f "$({X}) $({Y})"'),
    "double quotes": ('f "a {{context_x}} $b"', "text of a string", f'f "a $({X}) $b"'),
    "typographic double quotes": ("f \u201ca {{context_x}}\u201d", "text of a string", f"f \u201ca $({X})\u201d"),
    "a here-string in single quotes": (
        "$a = @'\ncost $5 {{context_x}}\n'@",
        "here-string",
        f'$a = @"\ncost `$5 $({X})\n"@',
    ),
    "a here-string in double quotes": ('$a = @"\na {{context_x}}\n"@', "text of a string", f"a $({X})"),
    "a file with an ending": ("Import-Csv {{context_x}}.csv", "touches other text", f'Import-Csv "$({X}).csv"'),
    "part of a path": (
        "Get-Item C:\\a\\{{context_x}}\\b",
        "touches other text",
        f'Get-Item "C:\\a\\$({X})\\b"',
    ),
    "two in a row": ("f {{context_x}}-{{context_y}}", "touches other text", f'f "$({X})-$({Y})"'),
    "an option with an equals sign": (
        "git log --author={{context_x}}",
        "touches other text",
        f'git log "--author=$({X})"',
    ),
    "part of a variable's name": ("$order_{{context_x}}", "touches other text", ""),
    "an operator before it": ("1+{{context_x}}", "touches an operator", f"1+ {X}"),
    "an operator after it": ("$a = 1 + {{context_x}}*2", "touches an operator", f"$a = 1 + {X} *2"),
    "after a dollar sign": ("f ${{context_x}}", "dollar sign", "f {{context_x}}"),
    "after one in a string": ('f "${{context_x}}"', "dollar sign", f'f "$({X})"'),
    "after a backtick": ("f `{{context_x}}", "backtick", "f {{context_x}}"),
    "in a variable's braces": ("${a{{context_x}}}", "cannot name a variable", ""),
    "a member": ("$a.{{context_x}}", "after a dot", f"$a.({X})"),
    "a type": ("[{{context_x}}]::New()", "name of a type", ""),
    "a function's name": ("function {{context_x}} { 1 }", "wants a name", ""),
    "an alias": ("Set-Alias {{context_x}} git", "wants a name", ""),
    "after --%": ("cmd --% {{context_x}}", "--%", ""),
    "Invoke-Expression": ("Invoke-Expression {{context_x}}", "`invoke-expression` runs", ""),
    "iex of a string": ('iex "Get-Item {{context_x}}"', "`iex` runs", ""),
    "a pipe into iex": ("{{context_x}} | iex", "`iex` runs", ""),
    "iex in an assignment": ("$a = iex {{context_x}}", "`iex` runs", ""),
    "the program": ("& {{context_x}} a", "choose the program", f"& {X} a"),
    "a sourced file": (". {{context_x}}", "choose the program", f". {X}"),
    "the program of Start-Process": ("Start-Process -FilePath {{context_x}}", "choose the program", None),
    "a module": ("Import-Module {{context_x}}", "choose the program", None),
    "a script block from text": ("[scriptblock]::Create({{context_x}})", "`[scriptblock]::Create` runs", ""),
    "a text to expand": ("$e.ExpandString({{context_x}})", "runs", ""),
    "a type from text": ("Add-Type -TypeDefinition {{context_x}}", "`add-type` runs", ""),
    "bash -c": ("bash -c {{context_x}}", "`bash` runs", ""),
    "pwsh -Command": ("pwsh -NoProfile -Command f {{context_x}}", "`pwsh` runs", ""),
    "cmd": ("cmd.exe /c dir {{context_x}}", "`cmd` runs", ""),
    "python -c": ("python3 -c {{context_x}}", "`python3` runs", ""),
}
"""What stands where, the script, a part of the message, the correction; None where it matters less."""

UNREADABLE = [
    "f '{{context_x}}",
    'f "{{context_x}}',
    "f ({{context_x}}",
    "f {{context_x}} )",
    "<# {{context_x}}",
    "@'\n{{context_x}}\n",
    '@"\n{{context_x}}\n',
    'f "$({{context_x}}"',
    "${{{context_x}}",
]
