"""The events of a subscription that were kept for later: one failed, or waits behind one that has (``aside``).

They are rows of ``freestone_aside``, in the order in which they came, with all that is needed to handle them when the
log has them no more. What blocks a key is the earliest of its rows that counts; rows behind it are *waiting*, and
when it goes the next one is *reached* in the same transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal, final

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    Table,
    Text,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.schema import CreateIndex, CreateTable

from freestone.data import METADATA, Transaction

from .aside import State, blocking
from .columns import envelope_in, event_columns, from_microseconds, to_microseconds, values_of
from .envelope import Envelope, partition_of

KEPT: Final = Table(
    "freestone_aside",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("subscription", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try", BigInteger, nullable=False),
    Column("kept", BigInteger, nullable=False),
    Column("error", Text, nullable=False),
    Column("trace", Text, nullable=False),
    *event_columns(),
    sqlite_autoincrement=True,  # an id that was given once is not given again: it is the order
)
"""Times are microseconds since 1970; ``next_try`` counts for those that are retrying. ``trace`` is where it failed."""

_ONCE = Index("freestone_aside_event", KEPT.c.subscription, KEPT.c.event_id, unique=True)
_BY_KEY = Index("freestone_aside_key", KEPT.c.subscription, KEPT.c.subject, KEPT.c.id)
_BY_TIME = Index("freestone_aside_due", KEPT.c.subscription, KEPT.c.state, KEPT.c.next_try)

KEPT_TABLES: Final = (CreateTable(KEPT), CreateIndex(_ONCE), CreateIndex(_BY_KEY), CreateIndex(_BY_TIME))
"""What makes the table."""


NOTICE: Final = "aside"
"""By which who has changed what is kept tells those who run."""


@final
class Kept(msgspec.Struct, frozen=True):
    """An event that was kept for later."""

    id: int
    """Its number: a lower one came earlier."""
    subscription: str
    state: State
    tries: int
    """How often it was tried."""
    next_try: datetime
    """When it is tried again, if it is retrying."""
    kept: datetime
    """Since when it is here."""
    error: str
    """What its last try failed with; empty if it was not tried."""
    trace: str
    """Where that was raised: the end of its traceback."""
    envelope: Envelope


@final
class Failure(msgspec.Struct, frozen=True):
    """Why an event could not be handled."""

    error: str
    """The error's class and its message."""
    trace: str = ""
    """The end of its traceback."""
    rejected: bool = False
    """Whether it is not to be tried again."""


class Shelf:
    """Where one subscription keeps events for later. Each method works in the transaction that it is given."""

    def __init__(self, subscription: str, on_failure: Literal["wait", "skip"]) -> None:
        self._subscription = subscription
        self._blocking = [state.value for state in blocking(on_failure)]

    async def is_empty(self, transaction: Transaction) -> bool:
        """Whether nothing is kept: then no later event has to wait, and nobody can have had anything tried again."""
        return not await executed(transaction, select(KEPT.c.id).where(self._own()).limit(1))

    async def blocks(self, transaction: Transaction, key: str) -> bool:
        """Whether a later event of the key has to wait."""
        statement = select(KEPT.c.id).where(*self._that_block(), KEPT.c.subject == key).limit(1)
        return bool(await executed(transaction, statement))

    async def keep(
        self,
        transaction: Transaction,
        envelope: Envelope,
        state: State,
        now: datetime,
        *,
        wait: float = 0.0,
        tries: int = 0,
        failure: Failure | None = None,
    ) -> None:
        """Keep an event, to be tried again after ``wait`` seconds if it is retrying."""
        row = {
            "subscription": self._subscription,
            "partition": envelope.partition,
            "state": state.value,
            "tries": tries,
            "next_try": to_microseconds(now + timedelta(seconds=wait)),
            "kept": to_microseconds(now),
            "error": "" if failure is None else failure.error,
            "trace": "" if failure is None else failure.trace,
            **values_of(envelope),
        }
        statement = insert(KEPT).values(row).on_conflict_do_nothing()
        await executed(transaction, statement)
        if state is State.WAITING:
            await self.reach(transaction, envelope.subject, now)

    async def due(
        self, transaction: Transaction, partitions: Collection[int], now: datetime, most: int
    ) -> Sequence[tuple[str, int]]:
        """Return keys of which something is due, each with its partition, those that are due for longest first."""
        statement = (
            select(KEPT.c.subject, KEPT.c.partition)
            .where(
                self._own(),
                KEPT.c.state == State.RETRYING.value,
                KEPT.c.next_try <= to_microseconds(now),
                KEPT.c.partition.in_(list(partitions)),
            )
            .order_by(KEPT.c.next_try)
            .limit(most)
        )
        return [(row.subject, row.partition) for row in await executed(transaction, statement)]

    async def next_due(self, transaction: Transaction, partitions: Collection[int], now: datetime) -> datetime | None:
        """Return when the next one will be due of those that are not yet; None if none will."""
        statement = select(func.min(KEPT.c.next_try)).where(
            self._own(),
            KEPT.c.state == State.RETRYING.value,
            KEPT.c.next_try > to_microseconds(now),
            KEPT.c.partition.in_(list(partitions)),
        )
        ((found,),) = await executed(transaction, statement)
        return None if found is None else from_microseconds(found)

    async def head(self, transaction: Transaction, key: str, now: datetime) -> Kept | None:
        """Return the earliest event of a key that is due, None if none is."""
        statement = (
            select(KEPT)
            .where(
                self._own(),
                KEPT.c.subject == key,
                KEPT.c.state == State.RETRYING.value,
                KEPT.c.next_try <= to_microseconds(now),
            )
            .order_by(KEPT.c.id)
            .limit(1)
        )
        found = await executed(transaction, statement)
        return kept_of(found[0]) if found else None

    async def settle(self, transaction: Transaction, kept: Kept, now: datetime) -> bool:
        """Note that the event was handled, and reach the next one of its key. False if somebody has settled it
        before."""
        statement = delete(KEPT).where(KEPT.c.id == kept.id, KEPT.c.state == State.RETRYING.value)
        if not await executed(transaction, statement.returning(KEPT.c.id)):
            return False
        await self.reach(transaction, kept.envelope.subject, now)
        return True

    async def fail(
        self, transaction: Transaction, kept: Kept, state: State, now: datetime, wait: float, failure: Failure
    ) -> None:
        """Note that the event has failed once more."""
        values = {
            "state": state.value,
            "tries": kept.tries + 1,
            "next_try": to_microseconds(now + timedelta(seconds=wait)),
            "error": failure.error,
            "trace": failure.trace,
        }
        statement = update(KEPT).where(KEPT.c.id == kept.id, KEPT.c.state == State.RETRYING.value).values(values)
        await executed(transaction, statement)
        if state is State.ASIDE:
            await self.reach(transaction, kept.envelope.subject, now)

    async def reach(self, transaction: Transaction, key: str, now: datetime) -> None:
        """Let the earliest event of the key be tried, if it only waited for others that are gone."""
        first = select(func.min(KEPT.c.id)).where(*self._that_block(), KEPT.c.subject == key).scalar_subquery()
        statement = (
            update(KEPT)
            .where(KEPT.c.id == first, KEPT.c.state == State.WAITING.value)
            .values(state=State.RETRYING.value, next_try=to_microseconds(now))
        )
        await executed(transaction, statement)

    async def stranded(self, transaction: Transaction, most: int) -> Sequence[str]:
        """Return keys whose earliest event waits for nothing: as after ``on_failure`` was changed."""
        firsts = select(func.min(KEPT.c.id)).where(*self._that_block()).group_by(KEPT.c.subject)
        statement = (
            select(KEPT.c.subject)
            .where(self._own(), KEPT.c.state == State.WAITING.value, KEPT.c.id.in_(firsts))
            .limit(most)
        )
        return [row.subject for row in await executed(transaction, statement)]

    async def sort_anew(self, transaction: Transaction, partitions: int, most: int) -> int:
        """Give a partition to what is in none of so many, since there were more when it was kept; at most to so many.

        Returns how many they are.
        """
        stray = (self._own(), KEPT.c.partition >= partitions)
        found = await executed(transaction, select(KEPT.c.id, KEPT.c.subject).where(*stray).limit(most))
        for row in found:
            values = {"partition": partition_of(row.subject, partitions)}
            await executed(transaction, update(KEPT).where(KEPT.c.id == row.id).values(values))
        return len(found)

    def _own(self) -> Any:
        return KEPT.c.subscription == self._subscription

    def _that_block(self) -> tuple[Any, ...]:
        return self._own(), KEPT.c.state.in_(self._blocking)


async def executed(transaction: Transaction, statement: Any, parameters: Mapping[str, Any] | None = None) -> list[Any]:
    """Return the rows of a statement."""
    result: Any = await transaction.run(lambda session: session.execute(statement, parameters))
    return list(result.all()) if result.returns_rows else []


def kept_of(row: Any) -> Kept:
    """Return the event that a row of the table is."""
    return Kept(
        id=row.id,
        subscription=row.subscription,
        state=State(row.state),
        tries=row.tries,
        next_try=from_microseconds(row.next_try),
        kept=from_microseconds(row.kept),
        error=row.error,
        trace=row.trace,
        envelope=envelope_in(row, row.partition),
    )
