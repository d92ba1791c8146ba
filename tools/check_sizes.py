"""Fails the build when a file or a function grows past the limits. Run by `make lint`."""

from __future__ import annotations

import ast
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCTION = (
    "operator",
    "mcp_server",
    "runtimes_images",
    "tools",
    "bench",
    "evals",
    "tests/cluster",
    "tests/chaos",
    "tests/support",
)
MAX_FILE = 400
"""Lines."""
MAX_FUNCTION = 50
"""Code lines: no blank lines, comments or docstrings."""
MAX_THIN = 15
"""Code lines of a kopf handler or an MCP tool: these parse, call one service, translate."""
THIN = ("operator/penstock/handlers", "mcp_server/penstock_mcp/tools")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def main() -> int:
    """Print what is too large; 1 if anything is."""
    found = [problem for path in _files() for problem in _check(path)]
    print("\n".join(found) if found else "sizes: all within limits")
    return 1 if found else 0


def _files() -> Iterator[Path]:
    for folder in PRODUCTION:
        yield from sorted((ROOT / folder).rglob("*.py"))


def _check(path: Path) -> Iterator[str]:
    name = path.relative_to(ROOT)
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    if lines > MAX_FILE:
        yield f"{name}: {lines} lines, limit {MAX_FILE}: split it by what it knows"
    code = _code_lines(path)
    for function in (node for node in ast.walk(ast.parse(text)) if isinstance(node, Function)):
        limit = MAX_THIN if _is_thin(str(name), function) else MAX_FUNCTION
        size = len(code & set(range(function.lineno, (function.end_lineno or 0) + 1))) - _docstring_lines(function)
        if size > limit:
            yield f"{name}:{function.lineno}: {function.name} has {size} code lines, limit {limit}"


def _is_thin(name: str, function: Function) -> bool:
    """A kopf handler or MCP tool is told by its decorator; other functions beside them are ordinary."""
    decorated = any("kopf." in ast.unparse(item) or ".tool" in ast.unparse(item) for item in function.decorator_list)
    return decorated and name.startswith(THIN)


def _code_lines(path: Path) -> set[int]:
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING}
    with path.open("rb") as file:
        tokens = [token for token in tokenize.tokenize(file.readline) if token.type not in skipped]
    return {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}


def _docstring_lines(function: Function) -> int:
    first = function.body[0]
    is_docstring = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return (first.end_lineno or first.lineno) - first.lineno + 1 if is_docstring else 0


if __name__ == "__main__":
    sys.exit(main())
