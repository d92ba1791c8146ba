"""Whether a text is CEL that can be run here: the check that compiling a Workflow makes of every expression."""

from __future__ import annotations

from penstock.adapters.cel.failures import explain_syntax
from penstock.adapters.cel.library import load_cel
from penstock.api.v1alpha1.expressions import MACROS, MAX_COMPREHENSION_DEPTH, Analysis, analyse, plain_path
from penstock.api.v1alpha1.suggestions import closest, listed

CONVERSIONS = ("bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type", "uint")
TEXT = ("contains", "endsWith", "matches", "size", "startsWith")
TIMES = (
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
)
FUNCTIONS = frozenset({*CONVERSIONS, *TEXT, *TIMES, *MACROS, "has"})
"""What version 0.10 of the library has (a test tries each); another name would fail only when a run gets there."""


def check_expression(text: str) -> str | None:
    """What is wrong with an expression, as a plain sentence; None when it can be run.

    Says nothing of the names in it, which depend on where it stands.
    """
    if plain_path(text) is not None:
        return None
    analysis = analyse(text)
    return analysis.too_large or _syntax(text) or _unknown_function(analysis) or _too_many_loops(analysis)


def _too_many_loops(analysis: Analysis) -> str | None:
    if analysis.comprehension_depth <= MAX_COMPREHENSION_DEPTH:
        return None
    depth = analysis.comprehension_depth
    return f"It has {depth} loops (such as `map`) inside each other; {MAX_COMPREHENSION_DEPTH} are the limit."


def _unknown_function(analysis: Analysis) -> str | None:
    for call in analysis.calls:
        if call.name not in FUNCTIONS:
            near = closest(call.name, FUNCTIONS)
            known = f"`{near}` is near" if near else f"there are {listed(sorted(FUNCTIONS - set(TIMES)))}"
            return f"There is no function `{call.name}`; {known}."
    return None


def _syntax(text: str) -> str | None:
    try:
        load_cel().compile(text)
    except ValueError as error:
        return explain_syntax(str(error))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001  # a panic of the library is no Exception, and must not end the operator
        return f"It cannot be read ({type(error).__name__})."
    return None
