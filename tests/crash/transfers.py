"""Who moves money while everything falls: asks until there is an answer, with one key a transfer."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from freestone import deadline, errors, keyed
from ledger.accounts.contract import Accounts, Overdrawn

ACCOUNTS = tuple(f"account-{number}" for number in range(8))
AMOUNT = 100
"""What each account has at first."""

_AGAIN = (
    errors.Aborted,
    errors.ConnectionLost,
    errors.DeadlineExceeded,
    errors.ResourceExhausted,
    errors.Unavailable,
    errors.Unknown,
)
"""After which a caller asks again. Anything else, a bug's ``Internal`` above all, ends the test."""


@dataclass
class Book:
    """What callers were told."""

    accepted: set[str] = field(default_factory=set)
    rejected: set[str] = field(default_factory=set)
    doubts: int = 0
    """Calls that ended without an answer, and were made again."""


async def transfer(accounts: Accounts, book: Book, name: str, chance: random.Random) -> None:
    """Move money once, and write down whether it was moved. Some ask once more, and get the same answer."""
    source, target = chance.sample(ACCOUNTS, 2)
    amount = chance.randint(1, 80)

    async def ask() -> int | str:
        while True:
            try:
                async with deadline(10):
                    with keyed(name):
                        return await accounts.transfer(name, source, target, amount)
            except Overdrawn as error:
                return str(error)
            except _AGAIN:
                book.doubts += 1
                await asyncio.sleep(chance.uniform(0, 0.2))

    answer = await ask()
    (book.rejected if isinstance(answer, str) else book.accepted).add(name)
    if chance.random() < 0.1:
        assert await ask() == answer


async def keep_moving(
    accounts: Accounts, book: Book, worker: int, stop: asyncio.Event, *, most: int, chance: random.Random
) -> None:
    """Make one transfer after the other until told to stop, and at most so many."""
    for number in range(most):
        if stop.is_set():
            return
        await transfer(accounts, book, f"transfer-{worker}-{number}", chance)
        await asyncio.sleep(chance.uniform(0, 0.05))
