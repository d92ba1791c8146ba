"""Placeholders in scripts: `{{context_NAME}}` becomes a reference to the bound value, never the value's text.

Pure: text in, text out. One module for each language and a registry; nothing here runs or evaluates a script.
"""

from .binding import Binding, PlaceholderProblem
from .registry import bind

__all__ = ["Binding", "PlaceholderProblem", "bind"]
