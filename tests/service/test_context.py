"""The context of a call, and the deadline that it carries."""

from __future__ import annotations

import asyncio
import math

import pytest

from freestone.errors import DeadlineExceeded
from freestone.service import Context, Identity, acting_as, current, deadline


class Recorder:
    """Something that is enlisted, and remembers what became of it."""

    def __init__(self, log: list[str], name: str = "it", fails: bool = False) -> None:
        self.log, self.name, self.fails = log, name, fails

    async def commit(self) -> None:
        if self.fails:
            raise OSError("no space")
        self.log.append(f"commit {self.name}")

    async def rollback(self) -> None:
        self.log.append(f"rollback {self.name}")


def context() -> Context:
    return Context(None, None, None, None, "0" * 32)


def test_there_is_no_context_outside_of_a_call() -> None:
    """Code that serves no call can tell."""
    assert current() is None


async def test_a_deadline_ends_the_block() -> None:
    """A block that is over its time is cancelled and raises DeadlineExceeded."""
    with pytest.raises(DeadlineExceeded, match="the block did not end by its deadline"):
        async with deadline(0.01):
            await asyncio.Event().wait()
    assert current() is None


async def test_a_nearer_deadline_stays() -> None:
    """An inner block can't give itself more than the outer one has."""
    async with deadline(5) as outer, deadline(60) as inner:
        assert inner is outer


async def test_an_inner_deadline_may_be_nearer() -> None:
    """The inner block ends first, and the outer one goes on."""
    async with deadline(30) as outer:
        with pytest.raises(DeadlineExceeded):
            async with deadline(0.01):
                await asyncio.Event().wait()
        assert current() is outer


async def test_an_infinite_deadline_arms_no_timer() -> None:
    """``math.inf`` lifts the default."""
    async with deadline(math.inf) as block:
        assert block.remaining() == math.inf


@pytest.mark.parametrize("seconds", [-1, math.nan])
def test_a_deadline_that_is_no_duration_is_refused(seconds: float) -> None:
    """The error names the number."""
    with pytest.raises(ValueError, match=f"a number of seconds from now, not {seconds}"):
        deadline(seconds)


async def test_a_deadline_in_another_task_arms_a_timer_of_its_own() -> None:
    """A task that a handler leaves behind has the deadline, and is not covered by the handler's timer."""
    async with deadline(30) as outer:

        async def elsewhere() -> Context:
            async with deadline(60) as block:
                return block

        block = await asyncio.create_task(elsewhere())
    assert block is not outer
    assert block.deadline == outer.deadline
    assert block.task is not outer.task


async def test_cancellation_from_outside_stays_cancellation() -> None:
    """A block that is cancelled before its deadline raises CancelledError, not DeadlineExceeded."""
    inside = asyncio.Event()

    async def work() -> None:
        async with deadline(30):
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_an_identity_holds_within_its_block() -> None:
    """``acting_as`` ends with its block, and the inner one wins."""
    with acting_as(Identity("ada")):
        with acting_as(Identity("bob")) as inner:
            assert inner.identity == Identity("bob")
        now = current()
        assert now is not None
        assert now.identity == Identity("ada")
    assert current() is None


async def test_a_block_shares_the_handlers_trace_and_identity() -> None:
    """``deadline`` changes nothing but the deadline."""
    with acting_as(Identity("ada")) as outer:
        async with deadline(1) as block:
            assert (block.trace_id, block.identity) == (outer.trace_id, outer.identity)


async def test_what_is_enlisted_in_a_block_belongs_to_the_handler() -> None:
    """A transaction that is opened under ``deadline`` is found again after the block."""
    log: list[str] = []
    handler = context()
    block = handler.derive(None, None, None)
    it = Recorder(log)
    block.enlist("key", it)
    assert handler.enlisted_as("key") is it
    await handler.commit()
    assert log == ["commit it"]


async def test_a_commit_that_fails_undoes_the_rest() -> None:
    """Nothing that is enlisted is left open."""
    log: list[str] = []
    handler = context()
    handler.enlist(1, Recorder(log, "first"))
    handler.enlist(2, Recorder(log, "second", fails=True))
    handler.enlist(3, Recorder(log, "third"))
    with pytest.raises(OSError, match="no space"):
        await handler.commit()
    assert log == ["commit first", "rollback second", "rollback third"]


async def test_a_rollback_goes_backwards() -> None:
    """The latest is undone first."""
    log: list[str] = []
    handler = context()
    handler.enlist(1, Recorder(log, "first"))
    handler.enlist(2, Recorder(log, "second"))
    await handler.rollback()
    assert log == ["rollback second", "rollback first"]


async def test_nothing_can_be_enlisted_after_the_end() -> None:
    """A task that outlives its handler is told to open a transaction of its own."""
    handler = context()
    await handler.commit()
    with pytest.raises(RuntimeError, match="has ended, and with it its transaction"):
        handler.enlist(1, Recorder([]))
