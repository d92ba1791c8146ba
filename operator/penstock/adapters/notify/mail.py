"""Notices as mail."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Literal

from penstock.errors import NotPossible, Unavailable
from penstock.ports.notices import Notice

_TIMEOUT = 20.0


@dataclass(frozen=True, slots=True)
class MailSettings:
    """A mail server, and who gets what from whom."""

    host: str
    port: int
    tls: Literal["starttls", "tls", "none"]
    sender: str
    recipients: tuple[str, ...]
    user: str = ""
    password: str = ""


class Mail:
    """Channel of ports.notices."""

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings

    async def send(self, notice: Notice) -> None:
        """Hand it to the mail server. Raises Unavailable, NotPossible."""
        await asyncio.to_thread(self._hand_over, self._message(notice))

    def _message(self, notice: Notice) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = notice.subject
        message["From"] = self._settings.sender
        message["To"] = ", ".join(self._settings.recipients)
        message["Date"] = format_datetime(notice.at)
        # The same at every try, so that mailboxes show it once.
        message["Message-ID"] = f"<{notice.id}@penstock.dev>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content("\n".join(notice.lines) + "\n")
        return message

    def _hand_over(self, message: EmailMessage) -> None:
        settings = self._settings
        try:
            with self._connected() as server:
                if settings.tls == "starttls":
                    server.starttls(context=ssl.create_default_context())
                if settings.user:
                    server.login(settings.user, settings.password)
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            raise NotPossible(f"the mail server takes nothing for {', '.join(error.recipients)}") from error
        except smtplib.SMTPResponseException as error:
            kind = NotPossible if 500 <= error.smtp_code < 600 else Unavailable
            raise kind(f"the mail server answered {error.smtp_code}") from error
        except (smtplib.SMTPException, OSError) as error:
            raise Unavailable(f"the mail server does not answer ({type(error).__name__})") from error

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        if settings.tls == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(settings.host, settings.port, timeout=_TIMEOUT, context=context)
        return smtplib.SMTP(settings.host, settings.port, timeout=_TIMEOUT)
