"""A web server in a thread of the test, with answers that the test writes down, and what was asked of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Said:
    """One answer; `raw` is sent as it is, in place of all else."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None


Reply = Callable[[Asked], Said]


class Web:
    """What the server says, and what it was asked."""

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        self.url = ""
        self._replies: dict[tuple[str, str], Reply] = {}

    def on(self, method: str, path: str, reply: Reply) -> None:
        """Have a function answer."""
        self._replies[method, path] = reply

    def answer(self, method: str, path: str, value: Any, status: int = 200, **headers: str) -> None:
        """Have one JSON value answer every time."""
        self.on(method, path, lambda _: said(value, status, **headers))

    def echo(self, method: str, path: str) -> None:
        """Have the request's own headers answer."""
        self.on(method, path, lambda asked: said({"headers": asked.headers}))

    def reply(self, asked: Asked) -> Said:
        """What is said to a request."""
        self.requests.append(asked)
        reply = self._replies.get((asked.method, asked.path))
        return reply(asked) if reply else said({"error": "no such path"}, 404)


def said(value: Any, status: int = 200, **headers: str) -> Said:
    """A JSON value as an answer."""
    more = {name.replace("_", "-"): text for name, text in headers.items()}
    return Said(status, json.dumps(value).encode(), {"content-type": "application/vnd.api+json", **more})


@contextmanager
def serving(address: str = "127.0.0.1", named: str = "localhost") -> Iterator[Web]:
    """A server on a port of this machine, while the block lasts."""
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = parse_qs(parts.query, keep_blank_values=True)
            answer = web.reply(Asked(self.command, parts.path, query, headers, body))
            if answer.raw is not None:
                self.close_connection = True
                self.wfile.write(answer.raw)
                return
            self.send_response(answer.status)
            for name, value in {**answer.headers, "content-length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815  the base class's names

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((address, 0), Handler)
    web.url = f"http://{named}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
