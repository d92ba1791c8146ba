"""The check of names that the API server does in a cluster."""

from __future__ import annotations

import re

from penstock.api.v1alpha1.meta import OBJECT_NAME
from penstock.errors import InvalidInput, Problem


def check_name(name: str) -> None:
    """Raise InvalidInput unless an object may have this name."""
    if not re.match(OBJECT_NAME, name):
        message = f"`{name}` is not a name: 1 to 63 lower-case letters, digits and hyphens, no hyphen at an end"
        raise InvalidInput("the object cannot be created", problems=(Problem("metadata.name", message),))
