"""What a service announces its events with."""

from __future__ import annotations

from typing import ClassVar, Final, final
from weakref import WeakKeyDictionary

from freestone.clock import Clock, Ids, SystemClock, SystemIds, system_random
from freestone.contract import Contract, Event, contract_of_event, type_name
from freestone.data import Database, Transaction, TransactionRequired
from freestone.errors import InvalidArgument
from freestone.service import Replies, current

from .broker import Source
from .envelope import JSON, Envelope, encode_data, partition_of, subject_of
from .misuse import ForeignEvent
from .outbox import Outbox

MOST_BYTES: Final = 256 * 1024
"""What the fields of an event may have, encoded. It is for facts; what is larger belongs where they point to."""


@final
class Publisher:
    """Announces events of the service's own contract. Declare it, and the host gives it::

        @service
        class ProgressService(Progress):
            db: Database
            events: Publisher

            async def complete(self, learner, resource):
                self.db.add(DoneRow(learner=learner, resource=resource))
                self.events.publish(ResourceCompleted(learner=learner, resource=resource))

    An event is delivered if, and only if, the transaction commits in which it was published. In a unit test,
    ``Publisher(db)`` is one for any event, and ``freestone.testing.announced(db)`` is what was published.
    """

    __freestone_resource__: ClassVar[str] = "publisher"

    def __init__(
        self,
        database: Database,
        *,
        contract: type[Contract] | None = None,
        source: Source | None = None,
        partitions: int = 1,
        content_type: str = JSON,
        clock: Clock | None = None,
        ids: Ids | None = None,
    ) -> None:
        """Make a publisher that writes to the outbox in a service's database.

        ``contract`` is whose events it takes, by default any; ``source`` the application and the service that they
        are from; ``partitions`` into how many its broker's log is divided; ``content_type`` how fields are encoded.
        """
        clock = clock or SystemClock()
        self.outbox = Outbox(database, source or Source("application", database.name), partitions)
        self._contract = contract
        self._content_type = content_type
        self._clock = clock
        self._ids = ids or SystemIds(clock, system_random())
        self._source = f"/{self.outbox.source.application}/{self.outbox.source.service}"
        self._known: set[type[Event]] = set()
        self._open: WeakKeyDictionary[Transaction, list[Envelope]] = WeakKeyDictionary()

    @property
    def replies(self) -> Replies:
        """What the commands of its service came to, which is kept in the same database."""
        return self.outbox.database.replies

    def __repr__(self) -> str:
        return f"<Publisher {self._source}>"

    async def start(self) -> None:
        """Open the database, and make the outbox in it."""
        await self.outbox.start()

    async def close(self) -> None:
        """Close the database."""
        await self.outbox.database.close()

    def publish(self, event: Event) -> None:
        """Announce an event when, and if, the transaction of this place commits.

        Raises TransactionRequired where there is none, ReadOnlyTransaction in a query, ForeignEvent for one of
        another contract, InvalidArgument for one that can't be encoded, has control characters or more than 1000 bytes
        in its key, or more than 256 KiB in its fields, and ResourceExhausted when too many wait for the broker.
        """
        transaction = self._transaction(event)
        transaction.refuse_if_read_only(f"publish({type(event).__name__})")
        envelope = self._envelope(event)
        self.outbox.refuse_if_full()
        waiting = self._open.get(transaction)
        if waiting is None:
            waiting = self._open[transaction] = []
            transaction.before_commit(self._write)
        waiting.append(envelope)

    async def send(self, event: Event) -> None:
        """Announce an event in a transaction of its own. Where one is open, as in a command, it is publish."""
        async with self.outbox.database.transaction():
            self.publish(event)

    async def _write(self, transaction: Transaction) -> None:
        await self.outbox.write(transaction, self._open.pop(transaction))

    def _transaction(self, event: Event) -> Transaction:
        try:
            return self.outbox.database.current()
        except TransactionRequired as error:
            name = type(event).__name__
            raise TransactionRequired(
                f"{name} was published where no transaction is open, so nothing tells whether it happened: say "
                f"`await publisher.send({name}(…))`, or open one with `async with db.transaction():`"
            ) from error

    def _envelope(self, event: Event) -> Envelope:
        cls = type(event)
        self._refuse_foreign(cls)
        try:
            subject = subject_of(event)
            data = encode_data(event, self._content_type)
        except ValueError as error:
            raise InvalidArgument(f"{cls.__name__} can't be published: {error}") from error
        if len(data) > MOST_BYTES:
            raise InvalidArgument(
                f"{cls.__name__} has {len(data)} bytes, and an event has {MOST_BYTES} at most: "
                "put what is large elsewhere, and say in the event where"
            )
        context = current()
        return Envelope(
            id=self._ids.new(),
            type=type_name(self.outbox.source.service, cls),
            source=self._source,
            subject=subject,
            time=self._clock.now(),
            version=cls.__event_version__,
            data=data,
            content_type=self._content_type,
            traceparent=None if context is None else context.traceparent,
            tracestate=(None if context is None else context.state) or None,
            partition=partition_of(subject, self.outbox.partitions),
        )

    def _refuse_foreign(self, event: type[Event]) -> None:
        if self._contract is None or event in self._known:
            return
        owner = contract_of_event(event)
        if owner is not self._contract:
            raise ForeignEvent(
                f"{self.outbox.source.service} announces events of {self._contract.__name__}, and {event.__name__} "
                f"belongs to {owner.__name__}; let the service publish it that keeps {owner.__name__}"
            )
        self._known.add(event)
