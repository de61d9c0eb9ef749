"""Resolvers keep the rules of their seam."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import pytest

from freestone.call import Address, StaticResolver, TableResolver
from freestone.testing.conformance.resolver import CHECKS, CHECKS_OF_CHANGES, HERE, PROCESS, THERE, Bench

Check = Callable[[Bench], Awaitable[None]]


def a_static_one() -> Bench:
    return Bench(StaticResolver({PROCESS: [HERE]}))


def a_table() -> Bench:
    resolver = TableResolver()
    resolver.put(PROCESS, [HERE])

    async def move(addresses: Sequence[Address]) -> None:
        resolver.put(PROCESS, addresses)

    return Bench(resolver, move)


@pytest.mark.parametrize("make", [a_static_one, a_table])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_a_resolver_keeps_the_rules(check: Check, make: Callable[[], Bench]) -> None:
    """The suite of the seam, for each resolver that knows its addresses from the start."""
    await check(make())


@pytest.mark.parametrize("check", CHECKS_OF_CHANGES, ids=lambda check: check.__name__)
async def test_a_table_keeps_the_rules_of_changes(check: Check) -> None:
    """The rest of the suite, for one whose addresses change."""
    await check(a_table())


def test_a_table_that_is_told_the_same_again_tells_nobody() -> None:
    """Connections are made anew only for a reason."""
    resolver = TableResolver()
    told: list[int] = []
    resolver.put(PROCESS, [HERE])
    resolver.watch(lambda: told.append(1))
    resolver.put(PROCESS, [HERE])
    assert not told
    resolver.put(PROCESS, [THERE])
    assert told == [1]
