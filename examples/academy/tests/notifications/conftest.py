"""A mail server, really listening."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from .mailserver import MailServer, mail_server


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    """A mail server that takes everything, unless it is told otherwise."""
    async with mail_server() as it:
        yield it
