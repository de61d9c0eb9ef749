"""What happened inside, announced: small frozen records, and the observers that hear them.

The rooms of the framework announce; telemetry, the supervisor and tests listen. An announcement on a hot path
is guarded, so that it costs one attribute read when nobody listens::

    if SIGNALS.observed:
        SIGNALS.announce(CallEnded(...))
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Protocol, dataclass_transform, final

import msgspec


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))  # so that no subclass need say frozen
class Signal(msgspec.Struct, frozen=True):
    """The root of the records.

    They are structs, because every process has the classes of all of them made when it starts: a dataclass takes ten
    times as long.
    """


class Observer(Protocol):
    """Hears signals. It is called in the middle of things: it must be quick, and must not raise."""

    def __call__(self, signal: Signal, /) -> None: ...


@final
class Signals:
    """A place where signals are announced and heard."""

    def __init__(self) -> None:
        self.observed = False
        self._observers: tuple[Observer, ...] = ()

    def subscribe(self, observer: Observer) -> None:
        """Call the observer with each signal from now on."""
        self._observers = (*self._observers, observer)
        self.observed = True

    def unsubscribe(self, observer: Observer) -> None:
        """Stop calling the observer. Does nothing if it was not subscribed."""
        self._observers = tuple(other for other in self._observers if other != observer)
        self.observed = bool(self._observers)

    def announce(self, signal: Signal) -> None:
        """Tell every observer. An observer that raises is logged and does no harm."""
        for observer in self._observers:
            try:
                observer(signal)
            except Exception:
                logging.getLogger("freestone.signals").exception("an observer failed on %r", signal)


SIGNALS = Signals()
"""The signals of this process."""


class CallEnded(Signal):
    """An operation of a service that runs here ended. ``seconds`` is how long it took."""

    operation: str
    seconds: float
    error: BaseException | None
    trace_id: str


class HandlerRepeated(Signal):
    """A handler whose transaction lost a race is run again, after so many seconds. ``run`` is 1 for the first time."""

    operation: str
    run: int
    delay: float
    error: BaseException
    trace_id: str


class ReplyRecalled(Signal):
    """A command was answered with what it came to before, under the same key.

    ``raced`` is whether it was begun all the same, and undone because another one was faster. Where that takes the form
    of a lost race, it is announced as such, and the reply is found before the next run.
    """

    operation: str
    raced: bool
    trace_id: str


class RequestAdmitted(Signal):
    """A call that came over the wire begins, after it waited for so many seconds."""

    operation: str
    waited: float


class RequestQueued(Signal):
    """A call that came over the wire waits for a place among those in flight."""

    operation: str


class RequestRefused(Signal):
    """A call that came over the wire is not begun. ``reason`` is a sentence, ``retry_after`` in seconds."""

    operation: str
    reason: str
    retry_after: float


class RequestWithdrawn(Signal):
    """A call that came over the wire waited for so many seconds, and is wanted no more. ``reason`` is a sentence."""

    operation: str
    reason: str
    waited: float


class LimitChanged(Signal):
    """This process now serves so many calls at a time; it was ``before``."""

    limit: int
    before: int


class PeerConnected(Signal):
    """A connection of the wire finished its handshake."""

    peer: str
    services: tuple[str, ...]


class PeerLost(Signal):
    """A connection of the wire ended. ``reason`` is a sentence."""

    peer: str
    reason: str


class CallRepeated(Signal):
    """A call that failed is made again, after that many seconds. ``attempt`` is 1 for the first repetition."""

    operation: str
    attempt: int
    delay: float
    error: BaseException
    trace_id: str


class CallGivenUp(Signal):
    """A call that failed might have been made again, and is not. ``reason`` says why, as "the budget is spent".

    That of a command which was lost is that to repeat it may do harm: nobody knows whether it took effect.
    """

    operation: str
    reason: str
    error: BaseException
    trace_id: str


class CallHedged(Signal):
    """A query that had no answer after that many seconds was sent to a second replica too."""

    operation: str
    seconds: float
    replica: str
    trace_id: str


class CallNotHedged(Signal):
    """A query that had no answer for as long was not sent to a second replica. ``reason`` says why."""

    operation: str
    reason: str
    trace_id: str


class HedgeEnded(Signal):
    """Of two replicas that a query was sent to, this one brought the result; the other is asked no more.

    ``second`` is whether it was the one that was asked later.
    """

    operation: str
    replica: str
    second: bool
    trace_id: str


class CallRefused(Signal):
    """A call was not made, because as many were in flight as this process may have. ``limit`` names which limit."""

    operation: str
    limit: str
    calls: int


class FallbackUsed(Signal):
    """A service took its fallback in place of a call that failed."""

    service: str
    operation: str
    error: BaseException


class CallsBatched(Signal):
    """So many calls of clients were sent as one, with so many items."""

    operation: str
    calls: int
    items: int


class CacheAnswered(Signal):
    """A call was answered with a result that was asked for ``age`` seconds ago."""

    operation: str
    age: float


class CallShared(Signal):
    """A caller waits for a call that is under way for another one, as a result of it would be kept for both."""

    operation: str


class CacheEvicted(Signal):
    """A client keeps ``results`` of a query, which is as many as it may: for a new one, the oldest in use has gone."""

    operation: str
    results: int


class CacheDropped(Signal):
    """So many kept ``results`` were invalidated. ``reason`` is the event that made them old, or why it is not known
    whether they are; empty if the application has said so."""

    operation: str
    results: int
    reason: str = ""


class BreakerMoved(Signal):
    """The breaker of a replica is in another state: "closed", "open" or "half open". ``reason`` is why."""

    service: str
    replica: str
    state: str
    reason: str


class PeerRefused(Signal):
    """A caller was turned away before it could call. ``peer`` is where it came from, ``reason`` a sentence."""

    peer: str
    reason: str


class CertificateLoaded(Signal):
    """A certificate was replaced, and new connections use the new one. ``path`` is its file."""

    path: str


class CertificateRefused(Signal):
    """A certificate was replaced by one that can't be used; the one of before stays. ``reason`` is a sentence."""

    path: str
    reason: str


class AddressesChanged(Signal):
    """A name, as ``dns://catalog:7000``, stands for other addresses than before."""

    name: str
    addresses: tuple[str, ...]


class LookupFailing(Signal):
    """A lookup of a name brought nothing; the last known addresses are used. ``reason`` is a sentence."""

    name: str
    reason: str


class ServiceStarted(Signal):
    """A service's ``start`` hook is done."""

    service: str


class ServiceStopped(Signal):
    """A service's ``stop`` hook is done."""

    service: str


class ProcessStarted(Signal):
    """The supervisor started a process."""

    process: str
    replica: int
    pid: int


class ProcessEnded(Signal):
    """A process that the supervisor started is gone. ``status`` is its exit status, negative for a signal."""

    process: str
    replica: int
    pid: int
    status: int


class ProcessDelayed(Signal):
    """The supervisor starts a process that crashed again, after that many ``seconds``."""

    process: str
    replica: int
    seconds: float


class NoticesHeard(Signal):
    """What other processes tell in a database is heard from now on, or again."""

    database: str


class NoticesLost(Signal):
    """What other processes tell in a database is not heard, and looked for instead; it is tried again to connect after
    so many seconds.
    """

    database: str
    seconds: float
    error: BaseException


class LeaseAcquired(Signal):
    """This process has a lease now. ``seconds`` is how long the request took that was granted."""

    lease: str
    token: int
    seconds: float


class LeaseNotRenewed(Signal):
    """A lease that this process has could not be renewed just now. It is tried again, as long as there is time."""

    lease: str
    token: int
    error: BaseException


class LeaseEnded(Signal):
    """This process does not have a lease any more: it was released, or ``lost``."""

    lease: str
    token: int
    lost: bool


class PartitionsShared(Signal):
    """This process works on other partitions of the events of a service, announced and heard, than before."""

    service: str
    partitions: tuple[int, ...]


class SubscriptionVanished(Signal):
    """A service's database remembers a subscription that the service has no more: it was renamed, or removed."""

    service: str
    subscription: str


class EventHandled(Signal):
    """A subscription has handled an event, and committed. ``seconds`` is how long it took, ``tries`` how often."""

    subscription: str
    id: str
    key: str
    tries: int
    seconds: float


class EventAbsorbed(Signal):
    """An event was delivered that a subscription had taken in before: nothing was done."""

    subscription: str
    id: str


class EventFailed(Signal):
    """A subscription could not handle an event, and tries it again after ``wait`` seconds."""

    subscription: str
    id: str
    key: str
    tries: int
    wait: float
    error: str


class EventSetAside(Signal):
    """A subscription has given up on an event: it is aside until a person retries or drops it. Count these."""

    subscription: str
    id: str
    key: str
    tries: int
    error: str


class EventWaits(Signal):
    """An event waits behind one of its key that a subscription could not handle."""

    subscription: str
    id: str
    key: str


class LogReadAgain(Signal):
    """The log is not the one that a subscription has read: it reads from the beginning, and absorbs what it knows."""

    subscription: str
    reason: str


class EventsMissed(Signal):
    """Events were gone from the log before a subscription had read them. ``reason`` is a sentence."""

    subscription: str
    reason: str


class ReplicaFound(Signal):
    """A process of the application said where it is: its name, and its addresses."""

    process: str
    addresses: tuple[str, ...]


class ReplicaGone(Signal):
    """A process of the application is not called any more. ``reason`` is a sentence."""

    process: str
    addresses: tuple[str, ...]
    reason: str


class TransactionCommitting(Signal):
    """A transaction that writes has done all but its commit. ``owner`` is whose it is, as ``orders.place``."""

    database: str
    owner: str


class CommitSent(Signal):
    """A database was told to commit a transaction that writes, and has not answered. Of those that share a commit,
    each is announced."""

    database: str
    owner: str


class TransactionCommitted(Signal):
    """The commit of a transaction that writes has happened; nobody who waits for it has heard of it yet."""

    database: str
    owner: str


class EventsLeaving(Signal):
    """A relay is about to give so many committed events of a service to the broker."""

    service: str
    count: int


class EventsSent(Signal):
    """So many events were sent to a stream, which has not acknowledged them."""

    stream: str
    count: int


class EventsAcknowledged(Signal):
    """The broker has so many events of a service, and the outbox does not say so yet."""

    service: str
    count: int


class EventRefused(Signal):
    """The broker refuses an event; it is tried again after so many seconds, and the later ones of its key wait."""

    service: str
    id: str
    subject: str
    seconds: float
    error: BaseException


class RelayDelayed(Signal):
    """The broker is away, and the events of a service wait for it. It is tried again after so many seconds."""

    service: str
    seconds: float
    error: BaseException


class EventsWaiting(Signal):
    """So many events of a service wait for the broker; whether that is more than may, and no more are taken."""

    service: str
    count: int
    full: bool


class EventsRemoved(Signal):
    """So many events of a service were so old that its database keeps them no longer."""

    service: str
    count: int


class EventsAppended(Signal):
    """A stream has acknowledged events, some of which it had already. ``attempts`` is how often that was tried."""

    stream: str
    count: int
    duplicates: int
    attempts: int
    seconds: float


class ReadingResumed(Signal):
    """A stream is read on after a position, where it could not be read for a while. ``reason`` is a sentence."""

    stream: str
    position: int
    reason: str


class TickRun(Signal):
    """A tick of a schedule took effect here. ``seconds`` is how long its run took."""

    schedule: str
    tick: datetime
    seconds: float


class TickFailed(Signal):
    """A run of a tick failed, and had no effect. It is tried at ``again``; None if it is given up."""

    schedule: str
    tick: datetime
    tries: int
    error: BaseException
    again: datetime | None


class WalGrew(Signal):
    """What is to be folded into the file of a SQLite database has grown: something that reads for long prevents it."""

    database: str
    size: int


class TickTakenElsewhere(Signal):
    """A run of a tick had no effect, since another had it meanwhile."""

    schedule: str
    tick: datetime


class TicksLeftOut(Signal):
    """Ticks of a schedule at whose time nobody ran are not run any more, from ``first`` to ``last``."""

    schedule: str
    first: datetime
    last: datetime


class ScheduleAhead(Signal):
    """The ticks of a schedule are settled until a time that is in the future here: a clock was, or is, wrong."""

    schedule: str
    until: datetime
