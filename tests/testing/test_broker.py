"""The fake of a broker keeps the rules of brokers."""

from __future__ import annotations

import copy

import pytest

from freestone.events import Cursor
from freestone.testing import MemoryBroker
from freestone.testing.conformance.broker import CHECKS, CHECKS_OF_PUBLISHING, CHECKS_OF_RESTORING, Act, Bench, Check


@pytest.mark.parametrize("check", [*CHECKS, *CHECKS_OF_PUBLISHING, *CHECKS_OF_RESTORING], ids=lambda it: it.__name__)
async def test_the_fake_keeps_the_rules(check: Check) -> None:
    """The suite of the seam."""
    broker = MemoryBroker()

    async def lose() -> None:
        broker.lose()

    async def trim(place: Cursor) -> None:
        broker.trim(place)

    async def undo(act: Act) -> None:
        before = copy.copy(broker._kept), set(broker._ids)
        await act()
        broker._kept, broker._ids = before

    await check(Bench(broker, broker, broker.publish, broker.partitions, lose, trim, undo=undo))
