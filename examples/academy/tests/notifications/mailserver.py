"""A real mail server for tests, which can be told to behave badly."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope


@dataclass
class MailServer:
    """Keeps what it is given."""

    port: int = 0
    received: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=dict)
    """What to answer to ``RCPT`` and ``DATA`` instead, one after the other."""
    hangs: bool = False
    loses_answers: int = 0
    """How many mails to take without saying so."""
    meanwhile: Callable[[], Awaitable[None]] | None = None
    """What to do while a mail is half taken."""
    asked: int = 0
    _server: asyncio.Server | None = None

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802
        self.asked += 1
        if self.answers.get("RCPT"):
            return self.answers["RCPT"].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.answers.get("DATA"):
            return self.answers["DATA"].pop(0)
        if self.hangs:
            await asyncio.Event().wait()
        if self.meanwhile is not None:
            await self.meanwhile()
        content = envelope.content
        assert isinstance(content, bytes)
        self.received.append(message_from_bytes(content, _class=EmailMessage, policy=policy.default))
        self.recipients += envelope.rcpt_tos
        if self.loses_answers:
            self.loses_answers -= 1
            assert server.transport is not None
            server.transport.close()
        return "250 kept"

    async def open(self) -> None:
        """Listen, where it did before."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, hostname="mail.test", enable_SMTPUTF8=True, loop=loop), "127.0.0.1", self.port
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Be away."""
        if self._server is not None:
            self._server.close()
            self._server = None


@contextlib.asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    """Run one for a block."""
    server = MailServer()
    await server.open()
    try:
        yield server
    finally:
        await server.close()


def nowhere() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        port: int = it.getsockname()[1]
        return port
