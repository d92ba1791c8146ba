"""One request and its answer over one connection to an address that was looked up once."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from urllib.parse import urlsplit

import httpx2

from .addresses import LookUp, addresses_of
from .answers import Answer
from .failure import ANSWER_UNEXPECTED, CALL_REFUSED, CallFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 60.0
"""How long the other side may say nothing."""
ANSWER_SECONDS = 300.0
"""How long an answer may take as a whole, however steadily it trickles."""


class NotSent(Exception):
    """The other side was not reached, so it has done nothing."""


class Unanswered(Exception):
    """The request was sent, and nobody knows what became of it."""


class Bounds:
    """How patient a transport is, in seconds, and who is asked for addresses."""

    def __init__(
        self, silence: float = SILENCE_SECONDS, answer: float = ANSWER_SECONDS, look_up: LookUp = socket.getaddrinfo
    ) -> None:
        self.silence = silence
        self.answer = answer
        self.look_up = look_up


class _Limit:
    """Ends a connection when its time is up: whoever trickles headers is never silent, and never done."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._socket: socket.socket | None = None

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def hear(self, event: str, info: Mapping[str, Any]) -> None:
        """What the client says of its connection, as it comes along."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")
            if self.passed:
                self._end()

    def _end(self) -> None:
        self.passed = True
        if self._socket is not None:
            # Not closed here: that is the business of the thread that reads, which finds its end.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


class Transport:
    """Requests to the host of a Connection's url, and to no other."""

    def __init__(self, url: str, max_bytes: int, bounds: Bounds | None = None) -> None:
        parts = urlsplit(url)
        self.base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._host = parts.hostname or ""
        self._authority = parts.netloc
        self._secure = parts.scheme == "https"
        self._port = parts.port or (443 if self._secure else 80)
        self._bounds = bounds or Bounds()
        self._addresses = addresses_of(self._host, self._port, self._bounds.look_up)
        self._max_bytes = max_bytes
        # No proxy of the environment: a proxy would look names up by itself, and lead wherever it likes.
        verify: ssl.SSLContext | bool = ssl.create_default_context() if self._secure else False
        timeout = httpx2.Timeout(self._bounds.silence, connect=CONNECT_SECONDS)
        self._client = httpx2.Client(verify=verify, trust_env=False, follow_redirects=False, timeout=timeout)

    def __enter__(self) -> None:
        """Nothing is open before the first request."""

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def send(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
        """The answer to a request. Raises NotSent, Unanswered, CallFailed where the answer is beyond its bounds."""
        told = {**headers, "Host": self._authority, "Accept-Encoding": "identity"}
        reason = ""
        for address in self._addresses:
            limit = _Limit(self._bounds.answer)
            extensions = {**self._extensions(), "trace": limit.hear}
            try:
                request = self._client.build_request(
                    method, self._at(address, url), headers=told, content=content, extensions=extensions
                )
            except httpx2.InvalidURL as error:
                raise CallFailed(CALL_REFUSED, f"nothing can be called at {url[:200]!r}: {error}") from error
            try:
                with limit:
                    answer = self._exchange(request)
                if not limit.passed:
                    return answer
                # Cut off by us, and of an answer without a length that looks like its end.
                raise Unanswered(self._too_late)
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                reason = str(error) or type(error).__name__
            except (httpx2.TransportError, ssl.SSLError, OSError) as error:
                if limit.passed:
                    raise Unanswered(self._too_late) from error
                what = str(error) or type(error).__name__
                raise Unanswered(f"{self._authority} gave no whole answer: {what}") from error
        raise NotSent(f"{self._authority} cannot be reached at {', '.join(self._addresses)}: {reason}")

    @property
    def _too_late(self) -> str:
        return f"{self._authority} had not answered in full after {self._bounds.answer:g} s"

    def _at(self, address: str, url: str) -> str:
        literal = f"[{address}]" if ":" in address else address
        rest = url.split("://", 1)[1][len(self._authority) :]
        return f"{'https' if self._secure else 'http'}://{literal}:{self._port}{rest}"

    def _extensions(self) -> dict[str, str]:
        """For TLS: the certificate has to be that of the name, not of the address."""
        return {"sni_hostname": self._host} if self._secure else {}

    def _exchange(self, request: httpx2.Request) -> Answer:
        response = self._client.send(request, stream=True)
        try:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise CallFailed(ANSWER_UNEXPECTED, "the answer is compressed, though none was asked to be")
            body = b""
            for piece in response.iter_raw():
                body += piece
                if len(body) > self._max_bytes:
                    reason = f"the answer has more than {self._max_bytes:,} bytes: ask for less, or raise `maxBytes`"
                    raise CallFailed(ANSWER_UNEXPECTED, reason)
            return Answer(response.status_code, response.reason_phrase, dict(response.headers.multi_items()), body)
        finally:
            response.close()
