"""Runs a handler again whose transaction has lost a race.

The transaction is undone, so nothing of the handler has happened, except for the commands that it has sent to other
services. Those carry keys that the next run derives alike, so that who keeps replies knows them for the same.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from freestone.errors import Aborted
from freestone.service import CURRENT, Context, next_run
from freestone.signals import SIGNALS, HandlerRepeated

from .outcome import undo
from .target import Target


def lost_race(error: BaseException) -> Aborted | None:
    """Return what says that the handler's transaction lost a race, be it in a group of tasks; None if nothing does."""
    if type(error) is Aborted:
        return error if error.lost_race else None
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return next((lost for it in group.exceptions if (lost := lost_race(it)) is not None), None)
    return None


async def run_again(target: Target, arguments: tuple[Any, ...], context: Context, lost: Aborted) -> Any:
    """Run the handler until it loses no more, and return its result; ``context`` is that of the run which has lost.

    Raises what leaves the boundary: what another run failed with, or the Aborted when it has lost too often, or would
    have to wait past its deadline.
    """
    while True:
        if context.enlisted is not None:
            await context.rollback()
        context.ended = True
        delay = next_run(context.run + 1, context.remaining(), target.random, target.repetitions)
        if delay is None:
            lost.lost_race = False  # whoever called this handler has not lost its own
            lost.retried = True
            raise lost
        if SIGNALS.observed:
            SIGNALS.announce(HandlerRepeated(target.name, context.run + 1, delay, lost, context.trace_id))
        await asyncio.sleep(delay)
        context = context.again()
        token = CURRENT.set(context)
        try:
            return await run(target, arguments, context)
        except BaseException as error:
            found = lost_race(error)
            if found is None:
                failure = await undo(error, target, context)
                if failure is error:
                    raise
                raise failure from None
            lost = found
        finally:
            context.ended = True
            CURRENT.reset(token)


async def run(target: Target, arguments: tuple[Any, ...], context: Context) -> Any:
    """Run the method once in the context, which is current, and commit. Undoes nothing."""
    if target.once is not None and context.has_key:
        return await target.once.perform(target, arguments, context)
    result = await target.method(*arguments)
    if context.enlisted is not None:
        await context.commit()
    return result
