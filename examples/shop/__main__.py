"""`python -m examples.shop`: the shop on a port of this machine.

Without --tokens it knows three tokens that everybody can read in roles.py, and so listens on loopback only.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
from pathlib import Path

import uvicorn

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
    options = parser.parse_args()
    if options.tokens is None and options.host not in LOOPBACK:
        print("shop: give --tokens before listening beyond this machine", file=sys.stderr)
        return 2
    tokens = dict(DEMO_TOKENS)
    if options.tokens is not None:
        tokens = {token: Role(**role) for token, role in json.loads(options.tokens.read_text()).items()}
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((options.host, options.port))
    config = uvicorn.Config(application(opened(options.database), by_token(tokens)), log_level="warning")
    print(f"shop: listening on http://{options.host}:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
