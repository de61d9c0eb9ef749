"""What every ``Resolver`` does.

A test of a resolver makes a ``Bench``: the resolver before its start, and a way to have the process ``shop`` move. One
whose addresses stay as they are has no such way, and gets the checks that need none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, final

from freestone.call import Address, Resolver, TcpAddress

PROCESS: Final = "shop"
"""The process that a bench knows."""
HERE: Final = TcpAddress("127.0.0.1", 7001)
THERE: Final = TcpAddress("127.0.0.2", 7001)
"""The addresses that the checks use. They have one port, as those behind a name in the DNS do."""

_WAIT: Final = 10.0
"""Seconds that a change may take to arrive; one that has not by then never will."""


@final
@dataclass(frozen=True, slots=True)
class Bench:
    """A resolver for which ``shop`` is at ``HERE``. ``move`` has the world say that it is at other addresses."""

    resolver: Resolver
    move: Callable[[Sequence[Address]], Awaitable[None]] | None = None


async def check_a_known_process_is_found_after_the_start(bench: Bench) -> None:
    """The start waits for the first answers where they come at once."""
    await bench.resolver.start()
    assert bench.resolver.resolve(PROCESS) == (HERE,)
    await bench.resolver.close()


async def check_an_unknown_process_has_no_address_and_no_trouble(bench: Bench) -> None:
    """So that a call to it fails at once."""
    await bench.resolver.start()
    assert bench.resolver.resolve("nobody") == ()
    assert bench.resolver.trouble("nobody") == ""
    await bench.resolver.close()


async def check_it_answers_before_its_start_and_after_its_end(bench: Bench) -> None:
    """With what it knows; it does not raise."""
    bench.resolver.resolve(PROCESS)
    await bench.resolver.start()
    await bench.resolver.close()
    assert bench.resolver.resolve("nobody") == ()


async def check_an_answer_is_the_same_until_it_changes(bench: Bench) -> None:
    """In its order too, so that nobody connects anew without a need."""
    await bench.resolver.start()
    assert bench.resolver.resolve(PROCESS) == bench.resolver.resolve(PROCESS)
    await bench.resolver.close()


async def check_a_close_without_a_start_does_nothing(bench: Bench) -> None:
    """As when a process fails before it has come so far."""
    await bench.resolver.close()


async def check_those_who_watch_hear_of_a_move(bench: Bench) -> None:
    """All of them, and the new addresses are there when they hear it."""
    seen = [_Seen(bench.resolver), _Seen(bench.resolver)]
    await bench.resolver.start()
    await _moved(bench, [THERE])
    for each in seen:
        await each.until((THERE,))
    await bench.resolver.close()


async def check_replicas_are_added_and_removed(bench: Bench) -> None:
    """One by one."""
    seen = _Seen(bench.resolver)
    await bench.resolver.start()
    await _moved(bench, [HERE, THERE])
    await seen.until_set({HERE, THERE})
    await _moved(bench, [THERE])
    await seen.until_set({THERE})
    await bench.resolver.close()


async def check_a_process_that_is_gone_may_come_back(bench: Bench) -> None:
    """While it has no address there is a sentence about it, so that calls wait."""
    seen = _Seen(bench.resolver)
    await bench.resolver.start()
    await _moved(bench, [])
    await seen.until(())
    assert bench.resolver.trouble(PROCESS)
    await _moved(bench, [THERE])
    await seen.until((THERE,))
    await bench.resolver.close()


async def check_nobody_hears_anything_after_the_end(bench: Bench) -> None:
    """Whatever changes then."""
    seen = _Seen(bench.resolver)
    await bench.resolver.start()
    await bench.resolver.close()
    seen.calls = 0
    await _moved(bench, [THERE])
    await asyncio.sleep(0)
    assert seen.calls == 0


@final
class _Seen:
    """What somebody who watches sees, each time that there is a change."""

    def __init__(self, resolver: Resolver) -> None:
        self.calls = 0
        self._resolver = resolver
        self._changed = asyncio.Event()
        resolver.watch(self._note)

    def _note(self) -> None:
        self.calls += 1
        self._changed.set()

    async def until(self, addresses: tuple[Address, ...]) -> None:
        await self.until_set(set(addresses))

    async def until_set(self, addresses: set[Address]) -> None:
        async with asyncio.timeout(_WAIT):
            while set(self._resolver.resolve(PROCESS)) != addresses or not self.calls:
                self._changed.clear()
                await self._changed.wait()


async def _moved(bench: Bench, addresses: Sequence[Address]) -> None:
    assert bench.move is not None, "this resolver's addresses stay as they are"
    await bench.move(addresses)


Check = Callable[[Bench], Awaitable[None]]
CHECKS: Final[tuple[Check, ...]] = (
    check_a_known_process_is_found_after_the_start,
    check_an_unknown_process_has_no_address_and_no_trouble,
    check_it_answers_before_its_start_and_after_its_end,
    check_an_answer_is_the_same_until_it_changes,
    check_a_close_without_a_start_does_nothing,
)
"""The checks of every resolver."""
CHECKS_OF_CHANGES: Final[tuple[Check, ...]] = (
    check_those_who_watch_hear_of_a_move,
    check_replicas_are_added_and_removed,
    check_a_process_that_is_gone_may_come_back,
    check_nobody_hears_anything_after_the_end,
)
"""The checks of those whose addresses change."""
