"""Who is told of gates, as the operator's settings have it."""

from __future__ import annotations

from penstock.adapters.notify.mail import Mail, MailSettings
from penstock.adapters.notify.web import Chat, Webhook
from penstock.api.v1alpha1.meta import parse_duration
from penstock.application.notifications import NoticeSettings
from penstock.errors import InvalidInput, Problem
from penstock.ports.engine import Clock
from penstock.ports.notices import Channel
from penstock.settings import OperatorSettings


def channels(settings: OperatorSettings, clock: Clock) -> dict[str, Channel]:
    """Those that are set up, by name. Raises InvalidInput where one is set up by half."""
    found: dict[str, Channel] = {}
    if settings.notify_webhook_url:
        found["webhook"] = Webhook(settings.notify_webhook_url, settings.notify_webhook_secret, clock)
    if settings.notify_chat_url:
        found["chat"] = Chat(settings.notify_chat_url)
    if settings.notify_smtp_host:
        found["mail"] = Mail(_mail(settings))
    return found


def notice_settings(settings: OperatorSettings) -> NoticeSettings:
    """When, and with which link. Raises InvalidInput."""
    try:
        before = parse_duration(settings.notify_before)
    except ValueError as error:
        raise _wrong("PENSTOCK_NOTIFY_BEFORE", f"{error}.") from error
    try:
        settings.notify_link.format(namespace="", name="", run="")
    except (KeyError, IndexError, ValueError) as error:
        raise _wrong(
            "PENSTOCK_NOTIFY_LINK", "It may hold {namespace}, {name} and {run}, and no other braces."
        ) from error
    return NoticeSettings(before, settings.notify_link)


def _mail(settings: OperatorSettings) -> MailSettings:
    if not settings.notify_mail_from or not settings.notify_mail_to:
        raise _wrong("PENSTOCK_NOTIFY_MAIL_TO", "Mail needs a sender (PENSTOCK_NOTIFY_MAIL_FROM) and a recipient.")
    return MailSettings(
        host=settings.notify_smtp_host,
        port=settings.notify_smtp_port,
        tls=settings.notify_smtp_tls,
        sender=settings.notify_mail_from,
        recipients=settings.notify_mail_to,
        user=settings.notify_smtp_user,
        password=settings.notify_smtp_password,
    )


def _wrong(name: str, words: str) -> InvalidInput:
    return InvalidInput("the settings of notifications are not valid", problems=(Problem(name, words),))
