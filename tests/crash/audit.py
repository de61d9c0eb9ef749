"""Whether the books agree: with each other, and with what callers were told."""

from __future__ import annotations

import asyncio
from collections import Counter

from freestone import deadline
from ledger.accounts.contract import Accounts
from ledger.journal.contract import Journal

from .running import Bank
from .transfers import ACCOUNTS, AMOUNT, Book


async def audit(it: Bank, book: Book) -> None:
    """Wait until the journal has everything and the outbox is drained, and hold all that there is against what callers
    were told.
    """
    accounts, journal = it.application.client(Accounts), it.application.client(Journal)
    async with asyncio.timeout(120):
        while await it.waiting() or await _length(journal) < 2 * len(book.accepted):  # noqa: ASYNC110 - elsewhere
            await asyncio.sleep(0.2)
    async with deadline(60):
        balances = await accounts.balances()
        made = await accounts.accepted()
        entries = {name: await journal.entries(name) for name in ACCOUNTS}

    assert sum(balance.amount for balance in balances) == AMOUNT * len(ACCOUNTS)
    assert all(balance.amount >= 0 for balance in balances)
    assert list(made) == sorted(book.accepted)  # each exactly once, and of the rejected ones none

    noted = Counter(entry.transfer for those in entries.values() for entry in those)
    assert noted == dict.fromkeys(book.accepted, 2)
    for balance in balances:
        those = entries[balance.account]
        assert [entry.number for entry in those] == list(range(1, balance.movements + 1))
        amount = AMOUNT
        for entry in those:
            amount += entry.change
            assert entry.balance == amount
        assert amount == balance.amount


async def _length(journal: Journal) -> int:
    async with deadline(60):
        return await journal.length()
