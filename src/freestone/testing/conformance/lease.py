"""What every ``LeaseStore`` does.

A test of a store makes a ``Bench``: two stores that keep the same leases, as two processes see them, and a way to let
time pass for both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, final

from freestone.lease import Held, LeaseStore

NAME: Final = "nightly report: all/some"
"""A name with what is special somewhere."""


@final
@dataclass(frozen=True, slots=True)
class Bench:
    """Two stores of the same leases. ``pass_time`` lets so many seconds pass for both."""

    here: LeaseStore
    there: LeaseStore
    pass_time: Callable[[float], Awaitable[None]]
    seconds: float = 2.0
    """The shortest lease that makes sense to test."""


async def check_a_free_lease_is_given(bench: Bench) -> None:
    """With a token, which is a positive number."""
    token = await bench.here.acquire(NAME, "ada", bench.seconds)
    assert isinstance(token, int)
    assert token > 0


async def check_a_lease_that_is_held_is_refused(bench: Bench) -> None:
    """To everybody, also to its holder, and the answer says who has it."""
    await bench.here.acquire(NAME, "ada", bench.seconds)
    assert await bench.there.acquire(NAME, "bob", bench.seconds) == Held("ada")
    assert await bench.here.acquire(NAME, "ada", bench.seconds) == Held("ada")


async def check_leases_of_other_names_are_others(bench: Bench) -> None:
    """Each has its own holder."""
    await bench.here.acquire(NAME, "ada", bench.seconds)
    assert isinstance(await bench.there.acquire(NAME + "2", "bob", bench.seconds), int)


async def check_tokens_rise(bench: Bench) -> None:
    """Across releases and expiries, whoever takes the lease: otherwise no data could tell who came later."""
    tokens: list[int] = []
    for store in (bench.here, bench.there, bench.here):
        tokens.append(await _taken(store, bench))
        await store.release(NAME, tokens[-1])
    tokens.append(await _taken(bench.there, bench))
    await bench.pass_time(bench.seconds * 1.5)
    tokens.append(await _taken(bench.here, bench))
    assert tokens == sorted(set(tokens))


async def check_a_lease_that_is_released_is_free_at_once(bench: Bench) -> None:
    """Nobody waits for its time to pass."""
    token = await _taken(bench.here, bench)
    await bench.here.release(NAME, token)
    assert isinstance(await bench.there.acquire(NAME, "bob", bench.seconds), int)


async def check_a_lease_whose_time_is_over_is_free(bench: Bench) -> None:
    """Its holder has died."""
    await _taken(bench.here, bench)
    await bench.pass_time(bench.seconds * 1.5)
    assert isinstance(await bench.there.acquire(NAME, "bob", bench.seconds), int)


async def check_a_lease_that_is_renewed_goes_on(bench: Bench) -> None:
    """For as long as it is renewed in time."""
    token = await _taken(bench.here, bench)
    for _ in range(4):
        await bench.pass_time(bench.seconds / 2)
        assert await bench.here.renew(NAME, token, bench.seconds)
        assert await bench.there.acquire(NAME, "bob", bench.seconds) == Held("ada")


async def check_a_lease_that_somebody_took_is_not_renewed(bench: Bench) -> None:
    """The old holder learns that it is none."""
    token = await _taken(bench.here, bench)
    await bench.pass_time(bench.seconds * 1.5)
    later = await bench.there.acquire(NAME, "bob", bench.seconds)
    assert not await bench.here.renew(NAME, token, bench.seconds)
    assert isinstance(later, int)
    assert await bench.there.renew(NAME, later, bench.seconds)


async def check_a_lease_that_was_released_is_not_renewed(bench: Bench) -> None:
    """A late heartbeat takes nothing back."""
    token = await _taken(bench.here, bench)
    await bench.here.release(NAME, token)
    assert not await bench.here.renew(NAME, token, bench.seconds)
    assert isinstance(await bench.there.acquire(NAME, "bob", bench.seconds), int)


async def check_a_lease_that_nobody_had_is_not_renewed(bench: Bench) -> None:
    """And releasing it does nothing."""
    assert not await bench.here.renew(NAME, 7, bench.seconds)
    await bench.here.release(NAME, 7)


async def check_an_old_holder_releases_nothing(bench: Bench) -> None:
    """The lease that somebody else took since stays theirs."""
    token = await _taken(bench.here, bench)
    await bench.pass_time(bench.seconds * 1.5)
    await bench.there.acquire(NAME, "bob", bench.seconds)
    await bench.here.release(NAME, token)
    assert await bench.here.acquire(NAME, "ada", bench.seconds) == Held("bob")


async def check_of_many_that_ask_at_once_one_has_it(bench: Bench) -> None:
    """However they interleave."""
    asked = [store.acquire(NAME, "somebody", bench.seconds) for store in (bench.here, bench.there) * 8]
    answers = await asyncio.gather(*asked)
    assert len([answer for answer in answers if isinstance(answer, int)]) == 1


async def _taken(store: LeaseStore, bench: Bench) -> int:
    answer = await store.acquire(NAME, "ada", bench.seconds)
    assert isinstance(answer, int), answer
    return answer


Check = Callable[[Bench], Awaitable[None]]
CHECKS: Final[tuple[Check, ...]] = (
    check_a_free_lease_is_given,
    check_a_lease_that_is_held_is_refused,
    check_leases_of_other_names_are_others,
    check_tokens_rise,
    check_a_lease_that_is_released_is_free_at_once,
    check_a_lease_whose_time_is_over_is_free,
    check_a_lease_that_is_renewed_goes_on,
    check_a_lease_that_somebody_took_is_not_renewed,
    check_a_lease_that_was_released_is_not_renewed,
    check_a_lease_that_nobody_had_is_not_renewed,
    check_an_old_holder_releases_nothing,
    check_of_many_that_ask_at_once_one_has_it,
)
"""The checks of every store."""
