"""Gates on the fault server that find their people over real HTTP and SMTP."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import email
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from penstock.adapters.kube.server_clock import ServerClock
from penstock.adapters.notify.mail import Mail, MailSettings
from penstock.adapters.notify.web import Chat, Webhook
from penstock.application.notifications import ANNOTATION
from penstock.errors import InvalidInput
from penstock.ports.notices import Channel
from tests.integration.kube.api_server import ApiServer
from tests.integration.kube.kubelet import Kubelet
from tests.integration.kube.operators import a_side, drive
from tests.integration.kube.stage import GATED, approve, ask, ends
from tests.support.eventually import eventually
from tests.support.mail_server import mail_server

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


@dataclass
class Receiver:
    """A service that takes what is posted to it, unless it is told not to."""

    url: str = ""
    status: int = 200
    got: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    refused: int = 0

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.status == 200:
            self.got.append((dict(request.headers), body))
        else:
            self.refused += 1
        return web.Response(status=self.status)

    @property
    def types(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.got]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/", made.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield made
    await runner.cleanup()


@contextlib.asynccontextmanager
async def telling(server: ApiServer, **channels: Channel) -> AsyncIterator[None]:
    """An operator at work that has these channels."""
    async with a_side(server, channels=channels) as (side, reconciler):
        task = asyncio.create_task(drive(server, side, reconciler))
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def told(server: ApiServer) -> str:
    (name,) = server.names("approvalrequests")
    return str(server.get("approvalrequests", name)["metadata"].get("annotations", {}).get(ANNOTATION, ""))


async def test_a_gate_that_opens_and_ends_is_told_once_each_and_signed(
    server: ApiServer, kubelet: Kubelet, receiver: Receiver
):
    async with telling(server, webhook=Webhook(receiver.url, SECRET, ServerClock())):
        ask(server, GATED)
        await eventually(lambda: receiver.got)
        await ends(server)
        await eventually(lambda: told(server) == "opened,ended")

    assert receiver.types == ["approval.opened", "approval.ended"]
    for headers, body in receiver.got:
        lower = {name.lower(): value for name, value in headers.items()}
        signed = b".".join((lower["webhook-id"].encode(), lower["webhook-timestamp"].encode(), body))
        expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        assert lower["webhook-signature"] == f"v1,{expected}"
    opened = json.loads(receiver.got[0][1])["data"]
    assert (opened["run"], opened["step"], opened["approvers"]["users"]) == ("order-1", "release", ["alice"])
    assert opened["answer"]["approve"].startswith("penstock approve default/")
    assert json.loads(receiver.got[1][1])["data"]["decidedBy"] == ["alice"]


async def test_an_operator_that_starts_again_repeats_nothing(server: ApiServer, kubelet: Kubelet, receiver: Receiver):
    webhook = Webhook(receiver.url, SECRET, ServerClock())
    async with telling(server, webhook=webhook):
        ask(server, GATED)
        await eventually(lambda: server.names("approvalrequests"))
        await eventually(lambda: told(server) == "opened")
    async with telling(server, webhook=webhook):
        await ends(server)
        await eventually(lambda: told(server) == "opened,ended")
    assert receiver.types == ["approval.opened", "approval.ended"]


async def test_an_operator_that_died_before_it_noted_it_says_the_same_under_the_same_id(
    server: ApiServer, kubelet: Kubelet, receiver: Receiver
):
    webhook = Webhook(receiver.url, SECRET, ServerClock())
    async with telling(server, webhook=webhook):
        ask(server, GATED)
        await eventually(lambda: server.names("approvalrequests"))
        await eventually(lambda: told(server) == "opened")
    (name,) = server.names("approvalrequests")
    request = server.get("approvalrequests", name)
    del request["metadata"]["annotations"][ANNOTATION]
    server.put("approvalrequests", request)
    async with telling(server, webhook=webhook):
        await eventually(lambda: len(receiver.got) == 2)
    first, second = (headers["webhook-id"] for headers, _ in receiver.got)
    assert first == second


async def test_a_service_that_is_away_holds_up_nothing_and_is_told_when_it_is_back(
    server: ApiServer, kubelet: Kubelet, receiver: Receiver
):
    receiver.status = 503
    with mail_server() as mails:
        settings = MailSettings(mails.host, mails.port, "none", "penstock@example.com", ("leads@example.com",))
        channels = {"webhook": Webhook(receiver.url, SECRET, ServerClock()), "mail": Mail(settings)}
        async with telling(server, **channels):
            ask(server, GATED)
            await eventually(lambda: receiver.refused >= 2)
            await eventually(lambda: mails.received)
            assert told(server) == ""
            receiver.status = 200
            await eventually(lambda: told(server) == "opened")
            await ends(server)
            await eventually(lambda: len(mails.received) == 2)
    assert receiver.types[0] == "approval.opened"
    recipients, data = mails.received[0]
    message = email.message_from_bytes(data)
    assert recipients == ["leads@example.com"]
    assert message["Subject"] == "Approval needed: order-1: release"
    assert message["Message-ID"].startswith("<msg_")
    assert "penstock approve default/" in message.get_payload()
    assert len(mails.received) == 2, "the mail was not repeated for the sake of the webhook"


async def test_a_service_that_refuses_is_not_asked_again(server: ApiServer, kubelet: Kubelet, receiver: Receiver):
    receiver.status = 404
    async with telling(server, chat=Chat(receiver.url)):
        ask(server, GATED)
        await ends(server)
        await eventually(lambda: told(server) == "opened,ended" or told(server) == "opened")
    assert receiver.refused <= 2


async def test_a_chat_gets_text_that_mentions_nobody(server: ApiServer, kubelet: Kubelet, receiver: Receiver):
    async with telling(server, chat=Chat(receiver.url)):
        ask(server, GATED)
        await eventually(lambda: receiver.got)
        approve(server)
    text: dict[str, Any] = json.loads(receiver.got[0][1])
    assert text["text"].startswith("*Approval needed: order-1: release*")
    assert "<" not in text["text"]


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_AAAA", base64.b64encode(KEY).decode()])
def test_a_secret_that_signs_nothing_is_refused(secret: str):
    with pytest.raises(InvalidInput, match="whsec_"):
        Webhook("https://example.com", secret, ServerClock())
