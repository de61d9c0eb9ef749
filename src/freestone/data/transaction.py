"""One transaction: opened at its first use, and ended once, whatever happens to the task that uses it.

    new ──first statement──► open ──commit, rollback──► ended
                              │
                              └──a statement was cut short──► broken ──rollback──► ended

A broken transaction only rolls back. SQLite ends a transaction on its own after some failures (a full disk, an
interrupted write) and would then commit each following statement by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar, final

from sqlalchemy import Executable, Result
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from freestone.errors import Aborted, ServiceError, Unavailable, Unknown
from freestone.signals import SIGNALS, CommitSent, TransactionCommitted, TransactionCommitting

from .contention import Contention
from .framework_tables import Part, take_steps
from .group_lane import GroupLane
from .lane import Lane, Patience
from .misuse import ReadOnlyTransaction, TransactionRequired
from .prepared import NOTHING, Prepared, Text
from .session import NotingSession, asks_for_entities, writes
from .store import Dialect, Driver, Store
from .uninterrupted import after_first_step, uninterrupted

_T = TypeVar("_T")

_log = logging.getLogger("freestone.data")


@final
class Transaction:
    """A transaction of one database. ``Database.transaction()`` and the handlers of a service have one.

    Statements of several tasks are run one after another. A task that is cancelled in the middle of one leaves it
    when it has ended; it is interrupted for that.
    """

    def __init__(
        self,
        store: Store,
        owner: str,
        *,
        read_only: bool,
        until: float,
        ends: bool = False,
        own: bool = False,
        contention: Contention | None = None,
    ) -> None:
        """Prepare a transaction; nothing is opened yet.

        ``until`` is how long it waits for locks, in the loop's time, and with ``ends`` also when it is over; ``own`` is
        whether it is a short one of the framework, which takes the lane for those; ``contention`` gives it a turn, if
        one like it has lost a race before.
        """
        self.owner = owner
        """Whose it is, for messages: the operation's name."""
        self.read_only = read_only
        self._store = store
        self._until = until
        self._ends = ends
        self._own = own
        self._contention = contention
        self._has_turn = False
        self._parts: list[Part] = []
        self._lane: Lane | GroupLane | None = None
        self._connection: AsyncConnection | None = None
        self._driver: Driver | None = None
        self._session: AsyncSession | None = None
        self._begun = False
        self._wrote = False
        self._added: list[object] = []
        self._callbacks: list[Callable[[Transaction], Awaitable[None]]] = []
        self._afterwards: list[Callable[[], None]] = []
        self._turn = asyncio.Lock()
        self._broken: BaseException | None = None
        self._ended = False

    @property
    def writes(self) -> bool:
        """Whether it holds writes, be they sent already or yet to be: rows that were added, changed or deleted, and
        statements that write. One that has only read does not, and neither does one that has ended."""
        if self.read_only or self._ended:
            return False
        if self._wrote or self._session is None:
            return self._wrote or bool(self._added)
        session = self._session.sync_session
        return isinstance(session, NotingSession) and session.writes

    @property
    def dialect(self) -> Dialect:
        """What its database speaks."""
        return self._store.dialect

    @property
    def ended(self) -> bool:
        """Whether it was committed or undone."""
        return self._ended

    def add(self, *rows: object) -> None:
        """Place new rows in the session; they are written with the next statement, or at the end."""
        self.refuse_if_read_only("add()")
        if self._session is not None:
            self._session.add_all(rows)
        else:
            self._added.extend(rows)

    def refuse_if_read_only(self, what: str) -> None:
        """Raise ReadOnlyTransaction if this is a query; ``what`` is what it tried."""
        self._check()
        if self.read_only:
            raise self._no_writes(what)

    async def run(self, work: Callable[[AsyncSession], Awaitable[_T]]) -> _T:
        """Do something with the session that the transaction holds, and return what it returns.

        It must not commit or roll back. Raises TransactionRequired when the transaction has ended, Aborted when
        it is broken, ReadOnlyTransaction for a write in a query; and what the table of ``failure`` says.

        >>> async def reload(transaction, row):
        ...     await transaction.run(lambda session: session.refresh(row))
        """
        async with self._turn:
            self._check()
            session = self._session or await self._open()
            return await self._whole(_called(work, session))

    async def execute(self, statement: Executable, parameters: Any = None) -> Result[Any]:
        """Execute a statement, and return its rows. One that asks for no rows of the ORM has no need of a session."""
        if self._session is not None or self._added or asks_for_entities(statement):
            return await self.run(lambda session: session.execute(statement, parameters))
        async with self._turn:
            self._check()
            if not self._begun:
                await self._begin()
            self._wrote = self._wrote or writes(statement)
            assert self._connection is not None
            return await self._whole(self._connection.execute(statement, parameters))

    async def fetch(self, statement: Prepared, parameters: Mapping[str, Any] = NOTHING) -> Sequence[Any]:
        """Execute a statement of the framework's own, and return its rows, each a tuple.

        What was added and not written yet is not seen by it. Raises as ``run`` does.
        """
        async with self._turn:
            return await self._perform(statement, lambda text: text.values(parameters), many=False)

    async def execute_each(self, statement: Prepared, parameters: Sequence[Mapping[str, Any]]) -> None:
        """Execute a statement of the framework's own for each of the parameters."""
        async with self._turn:
            await self._perform(statement, lambda text: [text.values(each) for each in parameters], many=True)

    async def flush(self) -> None:
        """Write what was added, changed or deleted, if anything was."""
        session = self._session
        if self._added or (session is not None and (session.new or session.deleted or session.dirty)):
            await self.run(lambda session: session.flush())

    async def prepare(self, part: Part) -> None:
        """Bring a part of the framework's tables up to date, before the first use of them in this transaction."""
        if part.name in self._store.prepared or part in self._parts:
            return
        if self._own or (not self.read_only and self._store.own is self._store.writing):
            await self.run(lambda session: take_steps(session, part))
            self._parts.append(part)
            return
        # What sees one moment can't know which tables another replica has made meanwhile.
        self._check()
        apart = Transaction(self._store, f"the tables of {part.name}", read_only=False, until=self._until, own=True)
        try:
            await apart.prepare(part)
            await apart.commit()
        finally:
            await apart.rollback()

    def before_commit(self, callback: Callable[[Transaction], Awaitable[None]]) -> None:
        """Have the callback awaited before the commit, in the transaction. What it raises undoes everything."""
        self._check()
        self._callbacks.append(callback)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Have the callback called once the commit has happened, before anybody is told. It must not raise."""
        self._check()
        self._afterwards.append(callback)

    def fail(self, error: BaseException) -> None:
        """Allow nothing more but the rollback. A transaction that only reads has nothing to undo, and goes on."""
        if not self.read_only and self._broken is None:
            self._broken = error

    async def commit(self) -> None:
        """Write what is pending, and make it last. Whatever it raises, the transaction has ended.

        Once COMMIT was sent it is waited for, also by a task that is cancelled then: the outcome is always one
        of the two. The caller of a cancelled task can't know which, as with any call that is cut off.
        """
        if self._ended:
            return
        try:
            await self._prepare()
        except BaseException:
            await self.rollback()
            raise
        self._ended = True
        observed = SIGNALS.observed and self._lane is not None and not self.read_only
        if observed:
            SIGNALS.announce(TransactionCommitting(self._store.name, self.owner))
        await uninterrupted(self._end(commit=True))
        if observed:
            SIGNALS.announce(TransactionCommitted(self._store.name, self.owner))
        self._store.prepared.update(part.name for part in self._parts)

    async def rollback(self) -> None:
        """Undo everything. Does nothing when the transaction has ended."""
        if not self._ended:
            self._ended = True
            if self._turn.locked():
                self._interrupt()
            await uninterrupted(self._end(commit=False))

    async def _prepare(self) -> None:
        if self.read_only:
            self._refuse_changes()
            return
        for callback in self._callbacks:
            await callback(self)
        await self.flush()
        self._check()

    def _check(self) -> None:
        if self._ended:
            raise TransactionRequired(
                f"the transaction of {self.owner} has ended; a task that outlives it opens its own, "
                "with `async with db.transaction():`"
            )
        self._refuse_broken()

    def _refuse_broken(self) -> None:
        if self._broken is not None:
            aborted = Aborted(
                f"the transaction of {self.owner} was broken off, and nothing of it is written: {self._broken}"
            )
            aborted.lost_race = self._lost_race(self._broken)
            raise aborted from self._broken

    def _lost_race(self, error: BaseException) -> bool:
        """Whether what broke it was that somebody else was faster."""
        translated = self._store.translate(error) if isinstance(error, DBAPIError) else error
        return isinstance(translated, ServiceError) and translated.lost_race

    async def _begin(self) -> None:
        """Wait for a connection and begin. Only the wait in the queue can be left halfway."""
        if self._contention is not None and not self._has_turn:
            self._has_turn = await self._contention.take(self._until)
        lane = self._choose()
        if self._lane is None:
            await lane.enter(self.owner)
            self._lane = lane
        await self._whole(self._begin_in(lane))
        self._begun = True

    async def _perform(self, statement: Prepared, values_for: Callable[[Text], Any], *, many: bool) -> Sequence[Any]:
        """Give a statement to the driver, in the turn of whoever calls."""
        self._check()
        if not self._begun:
            await self._begin()
        driver, connection = self._driver, self._connection
        assert driver is not None
        assert connection is not None
        text = statement.on(connection.dialect)
        self._wrote = self._wrote or text.writes
        values = values_for(text)
        try:
            rows = driver.rows_here(text.sql, values, many)
        except DBAPIError as error:
            failure = self._failed(error)
            if failure is error:
                raise
            raise failure from error
        return await self._whole(driver.rows_there(text.sql, values, many)) if rows is None else rows

    async def _open(self) -> AsyncSession:
        """Return the session, which is made for whoever wants one first."""
        if not self._begun:
            await self._begin()
        connection = self._connection
        assert connection is not None
        if not connection.in_transaction():
            await connection.begin()
        session = AsyncSession(
            connection,
            sync_session_class=NotingSession,
            expire_on_commit=False,
            autoflush=not self.read_only,
        )
        session.add_all(self._added)
        self._added.clear()
        self._session = session
        return session

    def _choose(self) -> Lane | GroupLane:
        if self.read_only:
            return self._store.reading
        return self._store.own if self._own else self._store.writing

    async def _begin_in(self, lane: Lane | GroupLane) -> None:
        connection = self._connection or await lane.connect(Patience(self._until, self._is_over))
        self._connection = connection
        self._driver = self._store.driver(connection)
        await self._store.begin(connection, self._until, self._is_over, ends=self._ends)

    def _is_over(self) -> bool:
        return self._ended or self._broken is not None

    async def _whole(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Await a step to its end, and translate its errors. Notes when the transaction can't go on after it."""
        try:
            return await uninterrupted(work, self._cut_short)
        except DBAPIError as error:
            failure = self._failed(error)
            if failure is error:
                raise
            raise failure from error

    def _failed(self, error: DBAPIError) -> Exception:
        """Note that a step has failed, and return what is raised for it."""
        self._note(error)
        if self.read_only and self._store.refuses_writes(error):
            return self._no_writes("the statement")
        return self._store.translate(error)

    def _note(self, error: DBAPIError) -> None:
        driver = self._driver
        if not self._begun or driver is None or (driver.recovers and not driver.in_transaction):
            self.fail(error)
        elif not driver.recovers:
            self._broken = self._broken or error
        if isinstance(self._lane, GroupLane):
            self._lane.look()

    def _cut_short(self) -> None:
        cut = asyncio.CancelledError("a statement was cancelled")
        self.fail(cut)
        if self._driver is not None and not self._driver.recovers:
            self._broken = self._broken or cut
        self._interrupt()

    def _interrupt(self) -> None:
        if self._driver is not None:
            self._driver.hurry()

    async def _end(self, *, commit: bool) -> None:
        outcome = None
        async with self._turn:
            connection, self._connection = self._connection, None
            session, self._session = self._session, None
            kept = False
            try:
                if session is not None and session.in_nested_transaction():
                    await session.close()
                elif session is not None:
                    session.sync_session.close()  # which leaves the connection's transaction as it is, and asks nobody
                if self._driver is not None:
                    await self._driver.settled()
                if connection is not None:
                    await self._close(connection, commit)
                    kept = commit
            finally:
                self._driver = None
                if self._lane is not None:
                    outcome = self._lane.leave(kept)
                if self._has_turn and self._contention is not None:
                    self._has_turn = False
                    self._contention.give_back()
        if outcome is not None:
            failure = await outcome
            if commit and failure is not None:
                raise self._commit_failed(failure) from failure
        if commit:
            self._tell()

    async def _close(self, connection: AsyncConnection, commit: bool) -> None:
        try:
            if commit:
                self._refuse_broken()  # as a task left behind may have done while this one waited for its turn
            ending = self._ending(connection, commit)
            if commit and SIGNALS.observed and not self.read_only:
                sent = CommitSent(self._store.name, self.owner)
                await after_first_step(ending, lambda: SIGNALS.announce(sent))
            else:
                await ending
        except DBAPIError as error:
            if self._driver is None or not self._driver.in_order:
                await connection.invalidate(error)
            if commit:
                raise self._commit_failed(error) from error
            _log.warning("%s could not be rolled back; its connection is closed, which does the same", self.owner)
        finally:
            assert self._lane is not None
            await self._lane.give_back(connection)

    async def _ending(self, connection: AsyncConnection, commit: bool) -> None:
        """Commit, or undo, by SQLAlchemy's connection if that was told of the transaction."""
        sync = connection.sync_connection
        if sync is not None and sync.get_transaction() is not None:
            await (connection.commit() if commit else connection.rollback())
        elif self._driver is not None:
            await self._driver.end(commit)

    def _tell(self) -> None:
        for callback in self._afterwards:
            try:
                callback()
            except Exception:
                _log.exception("what is to follow the commit of %s failed; the commit stands", self.owner)

    def _commit_failed(self, error: Exception) -> ServiceError:
        if isinstance(error, Aborted):
            aborted = Aborted(f"the transaction of {self.owner} was undone, and nothing of it is written: {error}")
            aborted.lost_race = True
            return aborted
        translated = self._store.translate(error)
        if isinstance(translated, ServiceError) and not isinstance(translated, Unavailable):
            return translated
        # The record of the commit may have reached the disk before the failure.
        return Unknown(f"the commit of {self.owner} failed, and may have happened: {translated}")

    def _refuse_changes(self) -> None:
        """Raise if rows were changed that nobody will write."""
        session = self._session
        if session is None:
            return
        changed = next((row for row in session.dirty if session.is_modified(row)), None)
        if changed is not None:
            raise self._no_writes(f"the change of a {type(changed).__name__}")

    def _no_writes(self, what: str) -> ReadOnlyTransaction:
        return ReadOnlyTransaction(
            f"{self.owner} is a query, which only reads: {what} is refused; declare it with @command if it is to write"
        )


async def _called(work: Callable[[AsyncSession], Awaitable[_T]], session: AsyncSession) -> _T:
    return await work(session)
