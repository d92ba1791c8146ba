"""A mail server that keeps what it gets: as much of SMTP as a client needs to hand over a message."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class MailServer:
    """One that runs; `received` holds recipients and data of each message."""

    host: str
    port: int
    received: list[tuple[list[str], bytes]] = field(default_factory=list)


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A server on a free port of this machine."""

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            _converse(self, mails)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        mails = MailServer("127.0.0.1", server.server_address[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield mails
        server.shutdown()


def _converse(session: socketserver.StreamRequestHandler, mails: MailServer) -> None:
    recipients: list[str] = []
    session.wfile.write(b"220 ready\r\n")
    for line in session.rfile:
        verb = line[:4].upper()
        if verb == b"RCPT":
            recipients.append(line.decode().partition("<")[2].partition(">")[0])
        if verb == b"DATA":
            session.wfile.write(b"354 go on\r\n")
            data = b"".join(iter(session.rfile.readline, b".\r\n"))
            mails.received.append((recipients, data))
        session.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
        if verb == b"QUIT":
            return
