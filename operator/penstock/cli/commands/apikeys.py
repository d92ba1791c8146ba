"""apikey create, apikey list, apikey revoke, jwks."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.frame import Call, Command
from penstock.cli.options import Output, OutputFormat
from penstock.errors import NotPossible

if TYPE_CHECKING:
    from penstock.ports.key_records import KeyRecords

SECRET = "penstock-api-keys"  # noqa: S105 - a name


@dataclass(frozen=True, slots=True)
class InstallationOptions:
    """Which installation's keys."""

    installation: Annotated[
        str, typer.Option("--installation", metavar="NAMESPACE", help="Namespace that Penstock is installed in.")
    ] = "penstock-system"


@dataclass(frozen=True, slots=True)
class WishOptions:
    """What the key is to be."""

    scopes: Annotated[
        list[str] | None, typer.Option("--scope", metavar="SCOPE", help="runs:read or runs:write; repeat it for both.")
    ] = None
    groups: Annotated[
        list[str] | None, typer.Option("--group", metavar="GROUP", help="A group of that user; repeat it for more.")
    ] = None
    days: Annotated[int, typer.Option("--days", help="How long it opens, 366 at most.")] = 90
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What it is for.")] = ""


async def create(
    call: Call,
    installation: InstallationOptions,
    owner: Annotated[
        str, typer.Option("--owner", metavar="USER", help="User that the key acts as; RBAC decides what that one may.")
    ],
    wishes: WishOptions = WishOptions(),
    output: Output = OutputFormat.TABLE,
) -> None:
    """Make an API key for the MCP server and show it, once.

    For programs outside of the cluster that cannot sign in. No key ever decides on a gate, whoever it acts as. Only its
    hash is kept, in the Secret penstock-api-keys; who may write that Secret can make keys for anybody.
    """
    from penstock.application.api_keys import Wish, make_key, to_record
    from penstock.cli.printing import show
    from penstock.cli.views.api_keys import key_document

    wish = Wish(owner, tuple(wishes.scopes or ()), wishes.days, tuple(wishes.groups or ()), wishes.note)
    async with _records(call, installation) as records, call.access() as access:
        by = (await access.caller.whoami()).user
        key, text = make_key(wish, random=call.tools.random(), now=call.tools.now(), by=by)
        await records.put(key.id, to_record(key))
    call.terminal.say(f"API key {key.id} acts as {key.owner} until {key.expires_at:%Y-%m-%d}. It is shown this once:")
    show(call.terminal, {**key_document(key), "key": text}, output, [text])


async def list_keys(call: Call, installation: InstallationOptions, output: Output = OutputFormat.TABLE) -> None:
    """List the API keys of the MCP server: whom they act as, for how long. The keys themselves are kept nowhere."""
    from penstock.application.api_keys import by_age, readable
    from penstock.cli.printing import show
    from penstock.cli.views.api_keys import key_document, key_table

    async with _records(call, installation) as records:
        found, broken = readable(await records.read())
    for identifier in broken:
        call.terminal.say(f"The record of API key {identifier} cannot be read; it opens nothing.", "yellow")
    keys = by_age(found.values())
    if not keys and output is OutputFormat.TABLE:
        call.terminal.say("No API keys found.")
        return
    lines = key_table(keys, call.tools.now()).lines()
    show(call.terminal, {"items": [key_document(key) for key in keys]}, output, lines)


async def revoke(
    call: Call,
    installation: InstallationOptions,
    key: Annotated[str, typer.Argument(metavar="ID", help="Id of the key, as `penstock apikey list` has it.")],
) -> None:
    """Revoke an API key. It opens nothing any more after five seconds at the latest."""
    async with _records(call, installation) as records:
        await records.remove(key)
    call.terminal.say(f"API key {key} is revoked.")


@contextlib.asynccontextmanager
async def _records(call: Call, installation: InstallationOptions) -> AsyncIterator[KeyRecords]:
    from penstock.ports.access import Key

    if call.settings.local:
        raise NotPossible(
            "API keys are for the MCP server of a cluster; on one machine it serves one person, who needs none",
            hint="Add --cluster or --kube-context NAME.",
        )
    async with call.tools.key_records(call.settings, Key(installation.installation, SECRET)) as records:
        yield records


def jwks(call: Call) -> None:
    """Print the keys by which an outside system checks who asked for a run, in local mode.

    Steps whose Connection says `auth: {onBehalfOf: {}}` sign who asked for the run with a key of this machine. The
    other side checks the signature by this key set (RFC 7517); the issuer is `penstock-local`. On a cluster the MCP
    server serves the set at /.well-known/jwks.json.
    """
    from penstock.cli.views.documents import as_json

    if not call.settings.local:
        hint = "The MCP server serves it at /.well-known/jwks.json, without a token."
        raise NotPossible("on a cluster the key set is not this machine's", hint=hint)
    call.terminal.result([as_json(call.tools.key_set(call.settings))])


COMMANDS = (
    Command(
        "apikey create",
        create,
        (
            "penstock apikey create --owner robot:ci --scope runs:read --scope runs:write --days 30",
            "kubectl create rolebinding ci --clusterrole=penstock-runner --user=robot:ci -n sales",
        ),
    ),
    Command("apikey list", list_keys, ("penstock apikey list",)),
    Command("apikey revoke", revoke, ("penstock apikey revoke 0a1b2c3d4e",)),
    Command("jwks", jwks, ("penstock --local jwks > jwks.json",)),
)
