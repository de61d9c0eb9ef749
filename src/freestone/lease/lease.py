"""A lease that is held: its token, and the heartbeat that keeps it."""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Coroutine
from typing import Any, final

from freestone.clock import Clock
from freestone.errors import FreestoneError
from freestone.signals import SIGNALS, LeaseEnded, LeaseNotRenewed

from .failure import LeaseLost
from .store import LeaseStore
from .tenure import Tenure

_log = logging.getLogger("freestone.lease")

_TOO_LATE = "it could not be renewed in time"


class _State(enum.Enum):
    HELD = "held"
    LOST = "lost"
    ENDED = "ended"


@final
class Lease:
    """A lease that this task holds. ``Database.lease()`` gives one for a block.

    ``token`` is higher than that of every earlier holder. Whoever is asked to do something under the lease, and keeps
    the highest token that it has seen, can refuse a holder that does not know yet that it is none any more.
    """

    def __init__(
        self, name: str, token: int, store: LeaseStore, tenure: Tenure, clock: Clock, *, fenced: bool = False
    ) -> None:
        """``fenced`` is whether only another holder ends the work, and not that a renewal is late."""
        self.name = name
        self.token = token
        self.store = store
        """Where the lease is kept."""
        self._tenure = tenure
        self._clock = clock
        self._fenced = fenced
        self._state = _State.HELD
        self._reason = _TOO_LATE
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self._keepers: tuple[asyncio.Task[None], ...] = ()

    def __repr__(self) -> str:
        return f"<Lease {self.name}, token {self.token}, {self._state.value}>"

    @property
    def is_held(self) -> bool:
        """Whether the holder may go on, as far as is known here."""
        return self._state is _State.HELD and (self._fenced or not self._tenure.is_over(self._clock.monotonic()))

    def check(self) -> None:
        """Raise LeaseLost if the holder must not go on. Asks nobody but the clock: call it before each step.

        It is for code that does not let the event loop run for long, and would not be cancelled. Only a token that is
        compared where the data is makes sure that nothing is written too late.
        """
        if not self.is_held:
            raise self._lost()

    def begin(self) -> None:
        """Watch over the current task from now on, and renew the lease."""
        self._task = asyncio.current_task()
        assert self._task is not None
        self._cancelling = self._task.cancelling()
        keepers = (self._renew(),) if self._fenced else (self._renew(), self._watch())
        self._keepers = tuple(asyncio.create_task(it) for it in keepers)

    def end(self, error: BaseException | None) -> LeaseLost | None:
        """Stop renewing; ``error`` is what left the block. Return what is to be raised in its place, if anything."""
        lost = self._state is _State.LOST
        late = not self._fenced and self._tenure.expiry <= self._clock.monotonic()
        self._state = _State.LOST if lost or late else _State.ENDED
        for keeper in self._keepers:
            keeper.cancel()
        if SIGNALS.observed:
            SIGNALS.announce(LeaseEnded(self.name, self.token, lost=lost or late))
        assert self._task is not None
        # As asyncio.timeout does: if somebody else has cancelled the task too, that is what it was cancelled for.
        ours = lost and self._task.uncancel() <= self._cancelling
        if error is None:
            return self._lost() if lost or late else None
        return self._lost() if ours and isinstance(error, asyncio.CancelledError) else None

    async def release(self) -> None:
        """Free the lease, unless it is lost. If that fails, it is free when its time is over."""
        await asyncio.gather(*self._keepers, return_exceptions=True)
        if self._state is _State.LOST:
            return
        try:
            await self.store.release(self.name, self.token)
        except FreestoneError as error:
            _log.warning("the lease %s could not be released, and is free in its time: %s", self.name, error)

    async def _renew(self) -> None:
        while True:
            now = self._clock.monotonic()
            await self._clock.sleep(max(0.0, self._tenure.next_renewal(now) - now))
            asked = self._clock.monotonic()
            try:
                kept = await self.store.renew(self.name, self.token, self._tenure.seconds)
            except Exception as error:
                # Whatever it is, a heartbeat that did not arrive is one; if none arrives, the other task ends the work.
                level = logging.WARNING if self._reason == _TOO_LATE else logging.DEBUG  # the first is enough
                self._reason = f"{_TOO_LATE}: {error}"
                _log.log(level, "the lease %s was not renewed: %s", self.name, error)
                if SIGNALS.observed:
                    SIGNALS.announce(LeaseNotRenewed(self.name, self.token, error))
                continue
            if not kept:
                self._lose("it is somebody else's")
                return
            self._tenure = self._tenure.renewed(asked)
            self._reason = _TOO_LATE

    async def _watch(self) -> None:
        """End the work in time if it is not known that the lease goes on."""
        while not self._tenure.is_over(now := self._clock.monotonic()):
            await self._clock.sleep(self._tenure.stop - now)
        self._lose(self._reason)

    def _lose(self, reason: str) -> None:
        if self._state is not _State.HELD:
            return
        self._state = _State.LOST
        self._reason = reason
        _log.warning("the lease %s is lost: %s", self.name, reason)
        assert self._task is not None
        self._task.cancel(f"the lease {self.name} is lost")

    def _lost(self) -> LeaseLost:
        return LeaseLost(f"the lease {self.name} with token {self.token} is lost: {self._reason}", lease=self.name)


async def settled(work: Coroutine[Any, Any, None]) -> None:
    """Do the work to its end, also if the one who waits is cancelled meanwhile, who learns of that afterwards."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled
