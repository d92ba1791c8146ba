"""`python -m examples.shop`: the shop on a port of this machine.

Without --tokens it knows three tokens that everybody can read in roles.py, and so listens on loopback only.
"""

from __future__ import annotations

import argparse
import functools
import json
import socket
import sys
from pathlib import Path

import uvicorn

from examples.shop.assertions import Verifier, either, read_keys
from examples.shop.roles import DEMO_TOKENS, Role, by_token
from examples.shop.schema import opened
from examples.shop.service import application

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def main() -> int:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m examples.shop", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--database", default="sqlite://", help="SQLAlchemy URL; default: in memory")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5656, help="0 takes a free one")
    parser.add_argument("--tokens", type=Path, help='JSON: {"TOKEN": {"name": "sales", "region": "north"}}')
    parser.add_argument("--assertions", help="key set of a Penstock whose assertions are taken: an address or a file")
    parser.add_argument("--issuer", default="penstock-local", help="who signs them")
    parser.add_argument("--audience", help="this shop, as assertions name it: the origin of the Connection's url")
    parser.add_argument("--people", type=Path, help='JSON: {"USER": {"name": "sales", "region": "north"}}')
    options = parser.parse_args()
    if options.tokens is None and options.host not in LOOPBACK:
        print("shop: give --tokens before listening beyond this machine", file=sys.stderr)
        return 2
    tokens = dict(DEMO_TOKENS)
    if options.tokens is not None:
        tokens = _roles(options.tokens)
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((options.host, options.port))
    address = f"http://{options.host}:{listener.getsockname()[1]}"
    role_of = by_token(tokens)
    if options.assertions is not None:
        people = {} if options.people is None else _roles(options.people)
        keys = functools.partial(read_keys, options.assertions)
        verifier = Verifier(options.issuer, options.audience or address, people, keys)
        role_of = either(role_of, verifier.role_of)
    config = uvicorn.Config(application(opened(options.database), role_of), log_level="warning")
    print(f"shop: listening on {address}", flush=True)
    uvicorn.Server(config).run(sockets=[listener])
    return 0


def _roles(file: Path) -> dict[str, Role]:
    return {name: Role(**role) for name, role in json.loads(file.read_text()).items()}


if __name__ == "__main__":
    sys.exit(main())
