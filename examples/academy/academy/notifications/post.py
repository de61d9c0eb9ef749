"""A letter on its way: as a mail, and handed over to a mail server.

Delivery is *at least once*. When the server's answer to a mail is lost, nobody knows whether it has it, and it is
handed over again; the mail then has the same ``Message-ID``, by which mailboxes tell that they have it already.
"""

from __future__ import annotations

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import final

import aiosmtplib

from freestone.errors import Unavailable

from .settings import NotificationsSettings
from .writing import subject_line


@final
class Refused(Exception):
    """The mail server does not take a mail, and never will: there is no such address, for example."""


def mail(
    letter: str,
    subject: str,
    text: str,
    html: str,
    to: tuple[str, str],
    at: datetime,
    unsubscribe: str,
    settings: NotificationsSettings,
) -> EmailMessage:
    """Return a letter as a mail: in plain text and HTML, with what a mail program needs to offer to turn letters off.

    ``letter`` is its id, ``to`` a name and an address. Names and titles are what people have typed: none of them can
    become a header of its own.
    """
    name, address = to
    sender_name, sender = parseaddr(settings.sender)
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = f"<{letter}@{settings.domain}>"
    message["Date"] = format_datetime(at)
    message["From"] = Address(sender_name, addr_spec=sender)
    message["To"] = Address(subject_line(name), addr_spec=address)
    message["Subject"] = subject_line(subject)
    message["List-Unsubscribe"] = f"<{unsubscribe}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message


async def hand_over(message: EmailMessage, settings: NotificationsSettings) -> None:
    """Hand a mail over to the mail server.

    Raises Refused when the server refuses this mail for good, and Unavailable for everything that may be better
    later: nobody answers, it is busy, it does not let us in.
    """
    try:
        await aiosmtplib.send(
            message,
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            start_tls=settings.smtp_starttls,
            username=settings.smtp_user or None,
            password=settings.smtp_password.reveal() if settings.smtp_user else None,
            timeout=settings.smtp_seconds,
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        refusal = error.recipients[0]
        raise _translated(refusal.code, refusal.message) from error
    except aiosmtplib.SMTPDataError as error:
        raise _translated(error.code, error.message) from error
    except (aiosmtplib.SMTPException, OSError) as error:
        where = f"{settings.smtp_host}:{settings.smtp_port}"
        raise Unavailable(f"the mail server {where} did not take the letter: {error}") from error


def _translated(code: int, said: str) -> Exception:
    """Return what the answer of a server to this mail means (RFC 5321, section 4.2.1)."""
    if 500 <= code <= 599:
        return Refused(f"{code} {said}")
    return Unavailable(f"the mail server can't take the letter now: {code} {said}")
