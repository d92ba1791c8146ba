"""What the command line is built from outside of tests."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from penstock.cli.frame import Tools
from penstock.cli.options import Place
from penstock.cli.terminal import Terminal
from penstock.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from datetime import datetime

    from penstock.api.v1alpha1.connection import Connection
    from penstock.api.v1alpha1.workflow import Workflow
    from penstock.application.diagnosis import Finding
    from penstock.ports.access import Access, Key
    from penstock.ports.key_records import KeyRecords
    from penstock.settings import CommandSettings

SUFFIX = 8
"""Characters that make the names of a Workflow's runs different."""


def real_tools() -> Tools:
    """The process's own terminal, environment, clock and stores."""
    return Tools(
        terminal=Terminal(sys.stdin, sys.stdout, sys.stderr, _colour_allowed),
        load_settings=load_settings,
        open_access=_open_access,
        open_scheduling=_open_scheduling,
        drive_local=_drive_local,
        check_text=_check_text,
        now=_now,
        new_suffix=_new_suffix,
        key_records=_key_records,
        key_set=_key_set,
        random=_random,
        diagnose=_diagnose,
    )


def load_settings(place: Place) -> CommandSettings:
    """The environment, with the options of the command line over it. Raises InvalidInput."""
    from pydantic import ValidationError

    from penstock.settings import CommandSettings
    from penstock.wiring import default_namespace

    try:
        settings = CommandSettings(**overrides(place))
    except ValidationError as error:
        problems = tuple(
            Problem(f"PENSTOCK_{'_'.join(str(part) for part in one['loc']).upper()}", one["msg"])
            for one in error.errors(include_url=False)
        )
        raise InvalidInput("the environment is not valid", problems=problems) from error
    return settings.model_copy(update={"namespace": default_namespace(settings)})


def overrides(place: Place) -> dict[str, Any]:
    """Settings that the options of the command line fix. Raises InvalidInput where they contradict each other."""
    cluster = place.cluster or place.kube_context is not None
    if place.local and cluster:
        raise InvalidInput("--local goes with neither --cluster nor --kube-context", hint="Leave one of them out.")
    fixed: dict[str, Any] = {}
    if place.local or cluster:
        fixed["mode"] = "local" if place.local else "cluster"
    if place.kube_context is not None:
        fixed["kube_context"] = place.kube_context
    if place.secrets_dir is not None:
        fixed["secrets_dir"] = place.secrets_dir
    if place.namespace is not None:
        fixed["namespace"] = place.namespace
    return fixed


def _open_access(settings: CommandSettings, drive: bool) -> AbstractAsyncContextManager[Access]:
    from penstock.wiring import open_access

    return open_access(settings, drive=drive)


def _open_scheduling(settings: CommandSettings, tell: Callable[[str], None]) -> AbstractAsyncContextManager[Access]:
    from penstock.wiring import open_access

    return open_access(settings, drive=True, tell=tell)


async def _drive_local(settings: CommandSettings) -> None:
    from penstock.wiring import drive_local

    await drive_local(settings)


def _check_text(settings: CommandSettings, text: str) -> tuple[Sequence[Workflow | Connection], Sequence[Problem]]:
    from penstock.wiring import check_text

    return check_text(settings, text)


def _colour_allowed() -> bool:
    try:
        return not load_settings(Place()).no_color
    except InvalidInput:
        # The command itself will say what is wrong.
        return False


def _now() -> datetime:
    from penstock.adapters.clock import SystemClock

    return SystemClock().now()


def _key_set(settings: CommandSettings) -> dict[str, Any]:
    from penstock.wiring.assertions import local_key_set

    return local_key_set(settings)


def _key_records(settings: CommandSettings, secret: Key) -> AbstractAsyncContextManager[KeyRecords]:
    from penstock.wiring.cluster import cluster_key_records

    return cluster_key_records(settings, secret)


def _random() -> bytes:
    import secrets

    from penstock.application.api_keys import RANDOM_BYTES

    return secrets.token_bytes(RANDOM_BYTES)


def _diagnose(settings: CommandSettings, installation: str, probe: bool) -> AsyncIterator[Finding]:
    from penstock.wiring.diagnosis import Errand, diagnose

    return diagnose(settings, Errand(installation, probe))


def _new_suffix() -> str:
    from penstock.adapters.clock import new_id

    return new_id()[:SUFFIX]
