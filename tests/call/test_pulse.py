"""One timer for all connections."""

from __future__ import annotations

import asyncio
import time

from freestone.call.pulse import Pulse


class Looker:
    """Notes the turns of the loop in which it looks."""

    def __init__(self) -> None:
        self.looks = 0
        self.looked = asyncio.Event()

    def look(self) -> None:
        self.looks += 1
        self.looked.set()


async def looked(looker: Looker) -> None:
    looker.looked.clear()
    await asyncio.wait_for(looker.looked.wait(), 5)


async def test_everyone_looks_once_in_each_period() -> None:
    """Whenever they came."""
    pulse, early, late = Pulse(asyncio.get_running_loop(), 0.02), Looker(), Looker()
    pulse.add(early)
    await looked(early)
    pulse.add(late)
    for number in range(1, 6):
        await looked(early)
        assert (early.looks, late.looks) == (number + 1, number)
    pulse.discard(early)
    pulse.discard(late)


async def test_who_has_left_looks_no_more_even_in_the_middle_of_a_round() -> None:
    """It may have been closed by what another has seen."""
    pulse, other = Pulse(asyncio.get_running_loop(), 0.01), Looker()

    class Closer(Looker):
        def look(self) -> None:
            super().look()
            pulse.discard(other)

    closer = Closer()
    pulse.add(closer)
    pulse.add(other)
    await looked(closer)
    await looked(closer)
    assert other.looks == 0
    pulse.discard(closer)


async def test_no_timer_runs_for_nobody() -> None:
    """A process without connections sleeps."""
    loop = asyncio.get_running_loop()
    pulse, looker = Pulse(loop, 0.01), Looker()
    pulse.add(looker)
    await looked(looker)
    pulse.discard(looker)
    pulse.discard(looker)
    seen = looker.looks
    await asyncio.sleep(0.05)
    assert looker.looks == seen
    pulse.add(looker)
    await looked(looker)
    pulse.discard(looker)


async def test_many_do_not_look_in_one_turn() -> None:
    """The loop has other things to do in between, and all get their look in the same period."""
    loop = asyncio.get_running_loop()
    pulse, lookers = Pulse(loop, 0.05), [Looker() for _ in range(200)]
    for looker in lookers:
        pulse.add(looker)
    most, before = 0, 0
    while before < 200:
        await asyncio.sleep(0)
        seen = sum(looker.looks for looker in lookers)
        most, before = max(most, seen - before), seen
    assert most == 64
    assert {looker.looks for looker in lookers} == {1}
    for looker in lookers:
        pulse.discard(looker)


async def test_a_halt_of_the_process_counts_as_one_look() -> None:
    """In the meantime it could hear nobody."""
    pulse, looker = Pulse(asyncio.get_running_loop(), 0.02), Looker()
    pulse.add(looker)
    await looked(looker)
    time.sleep(0.2)  # noqa: ASYNC251 - this is the halt
    await looked(looker)
    await asyncio.sleep(0.001)
    assert looker.looks == 2
    pulse.discard(looker)
