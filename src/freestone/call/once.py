"""Commands take effect once: a key that was seen before is answered with what the command came to then.

What it came to is kept in the handler's transaction (``service/replies``), so it is there if, and only if, the
command took effect. An error that is an answer is kept as well, in a transaction of its own, since the handler's was
undone. What is no answer (a bug, a deadline, a service that can't be reached) is not: the command may be tried again.

Of those who come with one key at the same time, one runs here and the others wait for it. Between processes it is the
database that decides: who would write the second row undoes what it did and answers with the first.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final, final

import msgspec

from freestone.contract import ErrorBody, Operation, digest
from freestone.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    KeyReused,
    NotFound,
    OutOfRange,
    PermissionDenied,
    ServiceError,
    Unauthenticated,
)
from freestone.service import Context, Identity, Replies, Stored, is_made
from freestone.signals import SIGNALS, ReplyRecalled

from .target import Target

_log = logging.getLogger("freestone.call")

_ANSWERS: Final = frozenset(
    {AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, OutOfRange, PermissionDenied, Unauthenticated}
)
"""The canonical errors that say what the command came to, and not that it could not be tried."""
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(ErrorBody).decode


@final
class Once:
    """The commands of one service, each of which takes effect once for each key."""

    def __init__(self, replies: Replies) -> None:
        self._replies = replies
        self._running: dict[tuple[str, str], asyncio.Event | None] = {}
        """What runs here, by scope and key; with an event if somebody waits for it."""

    async def perform(self, target: Target, arguments: tuple[Any, ...], context: Context) -> Any:
        """Return what the command came to: now, or when it was made before. The context is current.

        Raises what it failed with, whose transaction is then not undone yet; KeyReused if its key stands for a command
        with other arguments.
        """
        key = context.idempotency_key
        assert key is not None
        place = scope(target.operation, context.identity), key
        fingerprint = digest(target.operation, target.operation.without_items(arguments))
        # A key that nobody can have seen is not looked for; if it was, the primary key finds it all the same.
        known = context.before > 0 or not is_made(key)
        while place in self._running:
            others = self._running[place] = self._running[place] or asyncio.Event()
            await others.wait()
            known = True
        self._running[place] = None
        try:
            await self._replies.prepare()
            kept = await self._replies.recall(*place) if known else None
            if kept is not None:
                return self._answer(target, context, place[1], fingerprint, kept, raced=False)
            return await self._run(target, arguments, context, place, fingerprint)
        finally:
            event = self._running.pop(place)
            if event is not None:
                event.set()

    async def _run(
        self, target: Target, arguments: tuple[Any, ...], context: Context, place: tuple[str, str], fingerprint: bytes
    ) -> Any:
        try:
            result = await target.method(*arguments)
            stored = Stored(fingerprint, target.operation.encode_result(result), failed=False)
            if await self._replies.remember(*place, stored):
                await context.commit()
                return result
        except ServiceError as error:
            if not _is_answer(target.operation, error):
                raise
            kept = await self._settle(target, context, place, fingerprint, error)
            if kept is None:
                raise
        else:
            # Somebody else was faster, in another process: what this run did is undone, as if it had never been.
            await context.rollback()
            kept = await self._replies.recall(*place)
            if kept is None:
                raise KeyReused(f"{target.name} was begun under the key {place[1]!r} before, whose time is over now")
        return self._answer(target, context, place[1], fingerprint, kept, raced=True)

    async def _settle(
        self, target: Target, context: Context, place: tuple[str, str], fingerprint: bytes, error: ServiceError
    ) -> Stored | None:
        """Undo what the handler did, and keep its error; return what is kept instead, if somebody was faster."""
        await context.rollback()
        stored = Stored(fingerprint, _encode(target.operation.encode_error(error)), failed=True)
        try:
            kept = await self._replies.settle(*place, stored)
        except ServiceError as failure:
            # It has not taken effect. If it is made again, it is found out again.
            _log.warning("%s was refused, which could not be kept for its repetitions: %s", target.name, failure)
            return None
        return None if kept is stored else kept

    def _answer(
        self, target: Target, context: Context, key: str, fingerprint: bytes, kept: Stored, *, raced: bool
    ) -> Any:
        if kept.fingerprint != fingerprint:
            raise KeyReused(
                f"{target.name} was called under the key {key!r} before, with other arguments; a key is for one command"
            )
        if SIGNALS.observed:
            SIGNALS.announce(ReplyRecalled(target.name, raced, context.trace_id))
        if kept.failed:
            raise target.operation.decode_error(_decode(kept.body))
        return target.operation.decode_result(kept.body)


def scope(operation: Operation, identity: Identity | None) -> str:
    """Return within what a key means one command: the operation, and on whose behalf it is called."""
    return operation.name if identity is None else f"{operation.name} {identity.subject}"


def _is_answer(operation: Operation, error: ServiceError) -> bool:
    return type(error) in _ANSWERS or isinstance(error, operation.raises)
