"""What of an attempt's environment and files is secret. Only imported where a step has any.

Variables of whole Secrets arrive under a prefix: nobody but whoever holds the Secret knows their names beforehand, and
all of them are to be masked.
"""

from __future__ import annotations

import os

from .environment import OWN_PREFIXES
from .masking import SHORTEST_VALUE
from .protocol import SECRET_ENV_PREFIX, SECRET_SIZE_LIMIT, SECRETS_FOLDER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

RESERVED_NAMES = frozenset(
    {
        "PATH",
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "BASH_ENV",
        "ENV",
        "NODE_OPTIONS",
        "NODE_PATH",
        "GOFLAGS",
        "GOENV",
        "GOAUTH",
        "GOCACHEPROG",
        "GOTOOLCHAIN",
        "PSModulePath",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "PYTHONHOME",
        "IFS",
    }
)
"""Variables that decide what runs before the script; no key of a Secret becomes one."""


class Secrets:
    """The values that an attempt's program gets and nobody is to see."""

    def __init__(self, settings: Mapping[str, str], names: Iterable[str]) -> None:
        """Sort out the harness's environment; `names` are those of its variables that hold a secret."""
        self.settings: dict[str, str] = {}
        """The environment with the variables of whole Secrets under their own names."""
        wrapped = {}
        for name, value in settings.items():
            if name.startswith(SECRET_ENV_PREFIX):
                wrapped[name[len(SECRET_ENV_PREFIX) :]] = value
            else:
                self.settings[name] = value
        taken = {name: value for name, value in wrapped.items() if self._may_be(name)}
        self.settings.update(taken)
        self.names = [*names, *taken]
        """The variables that hold a secret."""
        self._values = dict(_files(settings.get(SECRETS_FOLDER, "")))
        self._values.update((name, settings[name]) for name in names if settings.get(name))
        # Of those that are not passed on, too: other programs may still know them.
        self._values.update((name, value) for name, value in wrapped.items() if value)

    @property
    def maskable(self) -> list[str]:
        """The values that are looked for in what the program says."""
        return [value for value in self._values.values() if _is_maskable(value)]

    @property
    def unmasked(self) -> str:
        """A line about the values that are not looked for, empty where there are none."""
        names = sorted(name for name, value in self._values.items() if not _is_maskable(value))
        if not names:
            return ""
        size = f"shorter than {SHORTEST_VALUE} characters or larger than {SECRET_SIZE_LIMIT // 1024} KiB"
        return f"[secrets that are not masked, being {size}: {', '.join(names)}]\n"

    def _may_be(self, name: str) -> bool:
        # A variable of the step's own, or of the image, comes before that of a Secret, as it does in Kubernetes.
        taken = name in self.settings or name in RESERVED_NAMES
        return bool(name) and not taken and not name.startswith(OWN_PREFIXES)


def _is_maskable(value: str) -> bool:
    size = len(value.strip().encode("utf-8", "surrogateescape"))
    return SHORTEST_VALUE <= size <= SECRET_SIZE_LIMIT


def _files(folder: str) -> Iterator[tuple[str, str]]:
    """(Secret/key, content) of each file below the folder."""
    for secret in _entries(folder) if folder else ():
        for key in _entries(os.path.join(folder, secret)):
            with open(os.path.join(folder, secret, key), "rb", buffering=0) as file:
                yield f"{secret}/{key}", file.read(SECRET_SIZE_LIMIT + 1).decode("utf-8", "surrogateescape")


def _entries(folder: str) -> list[str]:
    # A mounted Secret also holds entries of the kubelet's own (`..data`).
    return [name for name in sorted(os.listdir(folder)) if not name.startswith("..")]
