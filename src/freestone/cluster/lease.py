"""Leases in NATS: a key of a JetStream bucket, which the server removes when its time is over.

The token is the revision of the key, which counts for the whole bucket. Every write says which revision it replaces, so
that of two that write at once one is refused. The time is the server's alone.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast, final

from freestone.errors import Unavailable
from freestone.lease import Held

from .cancellation import heeding
from .connection import NatsConnection

if TYPE_CHECKING:
    from nats.js.client import JetStreamContext

_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+")
_TIMEOUT: Final = 5.0
"""Seconds that a request takes at most."""


@final
@dataclass(frozen=True, slots=True)
class _Entry:
    """What is under a key. ``revision`` 0 is nothing."""

    revision: int = 0
    holder: str = ""
    """Empty if the lease is free."""
    grant: str = ""
    """Unlike that of any other time that somebody was given the lease."""


@final
class NatsLeases:
    """The ``LeaseStore`` of NATS. It needs JetStream, of a server from version 2.11 on, and makes its bucket itself."""

    def __init__(self, connection: NatsConnection, application: str, *, scope: str = "", replicas: int = 1) -> None:
        """``scope`` has names of its own, as a service's; it is made of letters, digits, ``-`` and ``_``.

        ``replicas`` is how many servers of a NATS cluster keep the bucket, where it is made.
        """
        self._connection = connection
        self._bucket = f"freestone-leases-{application}"
        self._prefix = f"{scope}." if scope else ""
        self._replicas = replicas
        self._made = False
        self._grants: dict[tuple[str, int], _Entry] = {}

    async def acquire(self, name: str, holder: str, seconds: float) -> int | Held:
        async with _translated():
            found = await self._read(name)
            if found.holder:
                return Held(found.holder)
            entry = _Entry(found.revision, holder, secrets.token_hex(16))
            token = await self._write(name, entry, seconds)
            if token is None:
                return Held((await self._read(name)).holder or "somebody who was faster")
            self._grants[name, token] = _Entry(token, holder, entry.grant)
            return token

    async def renew(self, name: str, token: int, seconds: float) -> bool:
        grant = self._grants.get((name, token))
        if grant is None:
            return False
        async with _translated():
            return await self._rewrite(name, token, grant, grant.holder, seconds)

    async def release(self, name: str, token: int) -> None:
        grant = self._grants.pop((name, token), None)
        if grant is not None:
            async with _translated():
                await self._rewrite(name, token, grant, "", None)

    async def _rewrite(self, name: str, token: int, grant: _Entry, holder: str, seconds: float | None) -> bool:
        """Replace the entry of a grant. False if it is not there any more."""
        revision = await self._write(name, _Entry(grant.revision, holder, grant.grant), seconds)
        if revision is None:
            # An earlier write whose answer was lost may have moved the revision on; the grant tells whose it is.
            found = await self._read(name)
            if found.grant != grant.grant or not found.holder:
                self._grants.pop((name, token), None)
                return False
            revision = await self._write(name, _Entry(found.revision, holder, grant.grant), seconds)
        if revision is not None and holder:
            self._grants[name, token] = _Entry(revision, holder, grant.grant)
        return revision is not None

    async def _read(self, name: str) -> _Entry:
        from nats.js.errors import NotFoundError

        stream = await self._stream()
        try:
            message = await heeding(stream.get_msg(f"KV_{self._bucket}", subject=self._subject(name)))
        except NotFoundError:
            return _Entry()
        value: dict[str, Any] = json.loads(message.data or b"{}")
        return _Entry(message.seq or 0, str(value.get("holder", "")), str(value.get("grant", "")))

    async def _write(self, name: str, entry: _Entry, seconds: float | None) -> int | None:
        """Write an entry in the place of its revision, and return the new one; None if there is another by now."""
        from nats.js.errors import APIError

        stream = await self._stream()
        headers = {"Nats-Expected-Last-Subject-Sequence": str(entry.revision)}
        if seconds is not None:
            headers["Nats-TTL"] = f"{math.ceil(seconds)}s"  # the server counts in whole seconds
        data = json.dumps({"holder": entry.holder, "grant": entry.grant}).encode()
        try:
            return (await heeding(stream.publish(self._subject(name), data, headers=headers))).seq
        except APIError as error:
            if error.err_code in (10071, 10164):  # wrong last sequence
                return None
            raise

    async def _stream(self) -> JetStreamContext:
        context = cast("Any", self._connection.client).jetstream(timeout=_TIMEOUT)
        if not self._made:
            from nats.js.api import KeyValueConfig

            config = KeyValueConfig(self._bucket, description="Who holds which lease", replicas=self._replicas)
            await heeding(context.create_key_value(config))  # does nothing if there is such a one
            self._made = True
        return cast("JetStreamContext", context)

    def _subject(self, name: str) -> str:
        plain = name if _PLAIN.fullmatch(name) else "=" + base64.urlsafe_b64encode(name.encode()).decode()
        return f"$KV.{self._bucket}.{self._prefix}{plain}"


@final
class _translated:  # noqa: N801 - it is used as a function
    """Says in Freestone's words that NATS does not answer."""

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from nats.errors import Error

        if isinstance(error, Error | OSError | asyncio.TimeoutError):
            raise Unavailable(f"NATS did not keep the lease: {type(error).__name__} {error}".rstrip()) from error
