"""A resolver that looks names up, and again as long as it runs.

Each name has a task. It looks up, tells those who watch if the addresses changed, and waits until the record has
expired; or until somebody who can't reach the addresses asks for them again, which brings the next lookup forward.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, final

from freestone.signals import SIGNALS, AddressesChanged, LookupFailing

from .address import Address, DnsName, DnsService, Endpoint, Name
from .freshness import Bounds, Freshness
from .lookup import DnsLookup, Found, Lookup, LookupFailed, Nameserver
from .resolver import Resolver, StaticResolver

_log = logging.getLogger("freestone.call")
_FIRST: Final = 2.0
"""Seconds that ``start`` waits for the first answers."""


def resolver_of(endpoints: Mapping[str, Sequence[Endpoint]], nameservers: Sequence[Nameserver] = ()) -> Resolver:
    """Return a resolver of processes by their endpoints: one that looks names up only if there are names.

    Raises ConfigurationError if there are, and dnspython is not installed.
    """
    addresses = {
        process: [at for at in each if not isinstance(at, DnsName | DnsService)] for process, each in endpoints.items()
    }
    if sum(map(len, addresses.values())) == sum(map(len, endpoints.values())):
        return StaticResolver(addresses)
    return NameResolver(endpoints, DnsLookup(nameservers))


@final
class NameResolver:
    """Resolves processes of which some are known by names. What is an address stays as it is."""

    def __init__(
        self, endpoints: Mapping[str, Sequence[Endpoint]], lookup: Lookup, bounds: Bounds | None = None
    ) -> None:
        self._endpoints = {process: tuple(each) for process, each in endpoints.items()}
        self._lookup = lookup
        bounds = bounds or Bounds()
        names = dict.fromkeys(at for each in endpoints.values() for at in each if isinstance(at, DnsName | DnsService))
        self._names = {name: _Followed(name, Freshness(bounds)) for name in names}
        self._watchers: list[Callable[[], None]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def resolve(self, process: str) -> tuple[Address, ...]:
        found: dict[Address, None] = {}
        for at in self._endpoints.get(process, ()):
            if isinstance(at, DnsName | DnsService):
                followed = self._names[at]
                found.update(dict.fromkeys(followed.known.addresses))
                if self._loop is not None:
                    followed.hurry(self._loop.time())
            else:
                found[at] = None
        return tuple(found)

    def trouble(self, process: str) -> str:
        names = [self._names[at] for at in self._endpoints.get(process, ()) if isinstance(at, DnsName | DnsService)]
        return "; ".join(f"{each.name}: {each.known.trouble or 'it has no address'}" for each in names)

    def watch(self, changed: Callable[[], None]) -> None:
        self._watchers.append(changed)

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        for followed in self._names.values():
            task = self._loop.create_task(self._follow(followed), name=f"addresses of {followed.name}")
            self._tasks.append(task)
        first = [asyncio.ensure_future(followed.looked.wait()) for followed in self._names.values()]
        if first:
            await asyncio.wait(first, timeout=_FIRST)
            for waiting in first:
                waiting.cancel()

    async def close(self) -> None:
        self._loop = None
        self._watchers.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _follow(self, followed: _Followed) -> None:
        loop = asyncio.get_running_loop()
        while True:
            changed = await self._look(followed, loop)
            followed.looked.set()
            if changed:
                _announce(followed)
                for watcher in self._watchers:
                    watcher()
            await followed.wait(loop)

    async def _look(self, followed: _Followed, loop: asyncio.AbstractEventLoop) -> bool:
        known = followed.known
        before = known.trouble if followed.looked.is_set() else ""
        changed = False
        try:
            answer = await self._lookup.look_up(followed.name)
        except LookupFailed as error:
            known.failed(loop.time(), str(error))
        else:
            if isinstance(answer, Found):
                changed = known.found(loop.time(), answer.addresses, answer.ttl)
            else:
                changed = known.missing(loop.time(), answer.reason)
        if known.trouble:
            if not before:  # told once, and not each second
                _log.warning("%s: %s; %s", followed.name, known.trouble, _kept(known))
            if SIGNALS.observed:
                SIGNALS.announce(LookupFailing(str(followed.name), known.trouble))
        return changed


@final
class _Followed:
    """A name, what is known of it, and when it is looked up again."""

    def __init__(self, name: Name, known: Freshness) -> None:
        self.name = name
        self.known = known
        self.looked = asyncio.Event()
        """Set when there was a first answer, of whatever kind."""
        self._waiting: asyncio.Future[None] | None = None

    def hurry(self, now: float) -> None:
        """Look up again as soon as that is allowed."""
        before = self.known.due
        self.known.wanted(now)
        if self.known.due != before and self._waiting is not None:
            _wake(self._waiting)

    async def wait(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait until a lookup is due."""
        while (remaining := self.known.due - loop.time()) > 0:
            self._waiting = loop.create_future()
            timer = loop.call_later(remaining, _wake, self._waiting)
            try:
                await self._waiting
            finally:
                self._waiting = None
                timer.cancel()


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _announce(followed: _Followed) -> None:
    addresses = tuple(map(str, followed.known.addresses))
    _log.info("%s is now at %s", followed.name, ", ".join(addresses) or "no address")
    if SIGNALS.observed:
        SIGNALS.announce(AddressesChanged(str(followed.name), addresses))


def _kept(known: Freshness) -> str:
    return f"it is still called at {', '.join(map(str, known.addresses))}" if known.addresses else "nothing is known"
