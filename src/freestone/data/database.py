"""The database that a service owns."""

from __future__ import annotations

import asyncio
import contextlib
import math
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, TypeVarTuple, final, overload

from freestone.clock import Clock, SystemClock, system_random, trace_id
from freestone.contract import Kind
from freestone.errors import Aborted, ConfigurationError, Mistake, Unavailable
from freestone.lease import Lease, Leases, LeaseStore
from freestone.service import Context, current, next_run, within
from freestone.signals import SIGNALS, HandlerRepeated

from .contention import Contention
from .durability import Durability
from .era import era_of
from .fence import fence
from .heads import is_current
from .idempotency import DatabaseReplies
from .lease import DatabaseLeases
from .misuse import TransactionRequired
from .notices import Notices
from .postgres_lease import PostgresLeases
from .postgres_url import PostgresUrl
from .sqlite import SQLite
from .store import Dialect, Store
from .transaction import Transaction

if TYPE_CHECKING:
    from sqlalchemy import Executable, MetaData, Result, ScalarResult
    from sqlalchemy.orm.interfaces import ORMOption
    from sqlalchemy.sql.selectable import TypedReturnsRows

    from .postgres_url import PostgresUrl

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

_PATIENCE = 10.0
"""Seconds for which a transaction without a deadline waits for another process to release the lock."""

KEEP_KEYS = 24 * 3600.0
"""Seconds for which it is kept what a command came to, if nobody says otherwise."""

_OPENED: ContextVar[Mapping[Database, Transaction]] = ContextVar(
    "freestone.transactions",
    default=MappingProxyType({}),
)
"""The transactions that were opened by ``Database.transaction()`` outside of a handler."""


@final
@dataclass(frozen=True, slots=True)
class Share:
    """A service's part of a database in PostgreSQL: a schema, and a role that may enter no other."""

    service: str
    """The schema is called so."""
    makes_role: bool = False
    """Whether the role and the schema are made, as the URL's role, if they are missing."""


@final
class Database:
    """A service's own database. Declare it, and the host gives it, migrated and open.

    In a command all its uses are one transaction, which is begun by the first of them and committed when the
    handler has returned; if the handler raises or is cancelled, nothing of it remains. In a query it is a view of
    one moment, and can't write. Elsewhere a transaction is opened by name::

        @service
        class ProgressService(Progress):
            db: Database

            async def start(self) -> None:
                async with self.db.transaction():
                    self.db.add(FirstRow())

    Rows are SQLAlchemy's; what its session offers beyond these methods is reached with ``run``.
    """

    __freestone_resource__: ClassVar[str] = "database"

    def __init__(
        self,
        store: Store,
        migrations: Path | None = None,
        *,
        clock: Clock | None = None,
        migrates: bool = True,
        keys: float = KEEP_KEYS,
    ) -> None:
        """``open`` is how to get one."""
        self.migrations = migrations
        self._store = store
        self._contention = Contention()
        self._migrates = migrates
        self._is_open = False
        self._random = system_random()
        self.notices = Notices(store.name, store.exchange, self._random)
        """By which those who use this database tell each other what to look for."""
        clock = clock or SystemClock()
        self.replies = DatabaseReplies(self, clock, keys)
        """What the commands of its service came to, by their idempotency keys."""
        self._leases = Leases(_leases_in(store, lambda: self.store, clock), clock, refuse=self.refuse_lease)

    @classmethod
    def open(
        cls,
        where: str | Path,
        migrations: Path | None = None,
        *,
        name: str = "",
        share: Share | None = None,
        readers: int = 4,
        connections: int = 10,
        waiting: int = 1000,
        clock: Clock | None = None,
        migrates: bool = True,
        keys: float = KEEP_KEYS,
        durability: Durability = "full",
        patience: float = 0.0,
    ) -> Database:
        """Return the database in that file, or at that place in PostgreSQL, which ``start()`` then opens.

        ``where`` is a path, or a URL: ``sqlite:///path``, ``postgresql://user:password@host/database``. ``migrations``
        is the folder of the service's migrations, which may be missing; ``name`` what messages call the database, by
        default as the file or the database is called; ``share`` whose part it is of a database in PostgreSQL that
        several services share; ``readers`` how many queries read a file at a time; ``connections`` how many this
        process has to PostgreSQL; ``waiting`` how many transactions may wait for their turn, beyond which they get
        ResourceExhausted; ``clock`` is the time of its leases in a file, by default the machine's; ``migrates`` whether
        it is migrated when it is started, and otherwise refused if it lacks migrations; ``keys`` for how many seconds
        it is kept what a command came to. With ``durability="normal"`` a power loss takes the last commits of a file.
        ``patience`` is for how many seconds ``start()`` waits for a server that is not there.
        Raises ConfigurationError for other databases.
        """
        scheme, separator, _ = str(where).partition("://")
        if separator and scheme != "sqlite":
            store = _postgres(str(where), name, share, connections, waiting, patience)
            return cls(store, migrations, clock=clock, migrates=migrates, keys=keys)
        monotonic = (clock or SystemClock()).monotonic
        return cls(
            SQLite(_path(where), readers=readers, waiting=waiting, monotonic=monotonic, durability=durability),
            migrations,
            clock=clock,
            migrates=migrates,
            keys=keys,
        )

    @classmethod
    @contextlib.asynccontextmanager
    async def temporary(cls, metadata: MetaData | None = None) -> AsyncGenerator[Database]:
        """Give a database in a file that is deleted afterwards, with the tables of the metadata; for unit tests.

        >>> async def test_enrol():
        ...     async with Database.temporary(Base.metadata) as db:
        ...         async with db.transaction():
        ...             db.add(EnrolmentRow(learner="ada", path="microservices"))
        """
        with tempfile.TemporaryDirectory(prefix="freestone-") as folder:
            database = cls.open(Path(folder, "temporary.db"))
            await database.start()
            try:
                if metadata is not None:
                    async with database.transaction() as transaction:
                        await transaction.run(lambda session: session.run_sync(_create, metadata))
                yield database
            finally:
                await database.close()

    @property
    def name(self) -> str:
        """What messages call it: as a rule, the service."""
        return self._store.name

    @property
    def path(self) -> Path:
        """The file. Raises AttributeError if it is not in one."""
        path: Path | None = getattr(self._store, "path", None)
        if path is None:
            raise AttributeError(f"the database {self.name} ({self._store.place}) is not in a file")
        return path

    @property
    def place(self) -> str:
        """Where it is, as a URL without a password."""
        return f"sqlite:///{self._store.place}" if self.dialect == "sqlite" else self._store.place

    @property
    def url(self) -> PostgresUrl | None:
        """Where it is in PostgreSQL, and who one is there; None if it is in a file."""
        return getattr(self._store, "url", None)

    @property
    def dialect(self) -> Dialect:
        """What it speaks: ``"sqlite"`` or ``"postgresql"``, for a statement that only one of them has."""
        return self._store.dialect

    @property
    def store(self) -> Store:
        """The connections, for migrations and for tests. Raises Unavailable before start and after close."""
        if not self._is_open:
            raise Unavailable(f"the database {self.name} is not open: it is used before start() or after close()")
        return self._store

    @property
    def leases(self) -> Leases:
        """The leases of this database. A service that declares ``Leases`` has them, unless its file says otherwise."""
        return self._leases

    def __repr__(self) -> str:
        return f"<Database {self._store.place}>"

    async def start(self, *, migrate: bool = True) -> None:
        """Open the file, create it if it is missing, and apply the migrations that it lacks, or refuse it for them.

        Does nothing if it is open. ``migrate=False`` leaves its tables as they are, for a tool. Raises Unavailable when
        it can't be opened, MigrationError when it can't be migrated, or lacks migrations and shall not be.
        """
        if self._is_open:
            return
        await self._store.start()
        self._is_open = True
        if self.migrations is not None and migrate:
            try:
                await self._bring_up(self.migrations)
            except BaseException:
                await self.close()
                raise
        self.notices.start()

    async def _bring_up(self, folder: Path) -> None:
        if await is_current(self, folder):
            return
        if self._migrates:
            from .migrations import migrate  # and with it Alembic, only where there is something to migrate

            await migrate(self, folder)
        else:
            from .versions import refuse_older

            await refuse_older(self, folder)

    async def close(self) -> None:
        """Refuse new transactions, wait for those that are open, and close the file. Does nothing if it is closed."""
        if self._is_open:
            await self.replies.close()
            await self.notices.close()
            self._is_open = False
            await self._store.close()

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Transaction]:
        """Open a transaction for a block: committed at its end, undone if it raises or is cancelled.

        Where one is open already, as in a handler, the block joins it, and the outer one decides. An error that
        leaves a joined block breaks the whole, even if it is caught outside: the half of a block is never written.

        Raises Aborted when it loses a race against another transaction: a block can't be run again, and ``transact``
        is for what can.
        """
        joined = self._find()
        if joined is not None:
            try:
                yield joined
            except BaseException as error:
                joined.fail(error)
                raise
            return
        try:
            async with self._opened() as transaction:
                yield transaction
        except Aborted as error:
            if not error.lost_race:
                raise
            aborted = Aborted(f"{error.message}; a block can't be run again: give what is to be, to transact()")
            aborted.lost_race = True
            raise aborted from error

    async def transact(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Do the work in a transaction, and return its result; if that loses a race, do it again, a few times at most.

        Where a transaction is open already, as in a handler, the work is part of it, and runs again with the handler.
        Raises Aborted when it has lost each time, or would have to wait past the deadline of this place.

        >>> async def start(db, refill):
        ...     return await db.transact(refill)
        """
        if self._find() is not None:
            async with self.transaction():
                return await work()
        lost = 0
        while True:
            try:
                async with self._opened(again=lost > 0):
                    return await work()
            except Aborted as error:
                lost += 1
                context = current()
                left = math.inf if context is None else context.remaining()
                delay = next_run(lost, left, self._random) if error.lost_race else None
                if delay is None:
                    raise
                if SIGNALS.observed:
                    trace = "" if context is None else context.trace_id
                    SIGNALS.announce(HandlerRepeated(f"a block in {self.name}", lost, delay, error, trace))
            await asyncio.sleep(delay)

    @contextlib.asynccontextmanager
    async def _opened(self, *, again: bool = False) -> AsyncGenerator[Transaction]:
        transaction = self._begin("this block", read_only=False, until=None, again=again)
        token = _OPENED.set({**_OPENED.get(), self: transaction})
        outer = current() or Context(None, None, None, None, trace_id())
        try:
            with within(outer.around(transaction)):
                yield transaction
        except BaseException:
            await transaction.rollback()
            raise
        else:
            await transaction.commit()
        finally:
            _OPENED.reset(token)

    def current(self) -> Transaction:
        """Return the transaction of this place, which is that of the handler or of the block around it.

        Raises TransactionRequired where there is none.
        """
        return self._current()

    @contextlib.asynccontextmanager
    async def separate(
        self, owner: str, *, read_only: bool = False, seconds: float = _PATIENCE
    ) -> AsyncGenerator[Transaction]:
        """Open a short transaction of the framework's own for a block, whatever is open around it.

        ``owner`` is what it is for, and ``seconds`` how long it waits for a lock. It is not the transaction of its
        place: it is used by what it is given to. Raises what ``transaction()`` does.
        """
        until = asyncio.get_running_loop().time() + seconds
        transaction = Transaction(self.store, owner, read_only=read_only, until=until, own=not read_only)
        try:
            yield transaction
        except BaseException:
            await transaction.rollback()
            raise
        await transaction.commit()

    async def get(
        self, entity: type[_T], key: Any, *, options: Sequence[ORMOption] = (), populate_existing: bool = False
    ) -> _T | None:
        """Return the row with that primary key (a tuple if it has several columns), or None."""
        return await self._current().run(
            lambda session: session.get(entity, key, options=options, populate_existing=populate_existing)
        )

    def add(self, row: object) -> None:
        """Have a new row written, with the next statement or at the end of the transaction."""
        self._current().add(row)

    def add_all(self, rows: Iterable[object]) -> None:
        """Have new rows written, with the next statement or at the end of the transaction."""
        self._current().add(*rows)

    async def delete(self, row: object) -> None:
        """Have a row deleted, with the next statement or at the end of the transaction."""
        transaction = self._current()
        transaction.refuse_if_read_only("delete()")
        await transaction.run(lambda session: session.delete(row))

    async def flush(self) -> None:
        """Write what was added, changed or deleted, now; so as to see its errors, or what the database filled in."""
        transaction = self._current()
        transaction.refuse_if_read_only("flush()")
        await transaction.run(lambda session: session.flush())

    @overload
    async def execute(self, statement: TypedReturnsRows[*_Ts], parameters: Any = None) -> Result[*_Ts]: ...
    @overload
    async def execute(self, statement: Executable, parameters: Any = None) -> Result[*tuple[Any, ...]]: ...
    async def execute(self, statement: Executable, parameters: Any = None) -> Any:
        """Execute a statement of SQLAlchemy, with its parameters (a mapping, or a list of them); return its rows."""
        return await self._current().execute(statement, parameters)

    @overload
    async def scalars(self, statement: TypedReturnsRows[_T], parameters: Any = None) -> ScalarResult[_T]: ...
    @overload
    async def scalars(self, statement: Executable, parameters: Any = None) -> ScalarResult[Any]: ...
    async def scalars(self, statement: Executable, parameters: Any = None) -> ScalarResult[Any]:
        """Execute a statement; return the first column of its rows."""
        return (await self._current().execute(statement, parameters)).scalars()

    @overload
    async def scalar(self, statement: TypedReturnsRows[_T], parameters: Any = None) -> _T | None: ...
    @overload
    async def scalar(self, statement: Executable, parameters: Any = None) -> Any: ...
    async def scalar(self, statement: Executable, parameters: Any = None) -> Any:
        """Execute a statement; return the first column of its first row, or None if there is none."""
        return (await self._current().execute(statement, parameters)).scalar()

    def before_commit(self, callback: Callable[[Transaction], Awaitable[None]]) -> None:
        """Have the callback awaited in the transaction before it commits. What it raises undoes everything."""
        self._current().before_commit(callback)

    def lease(self, name: str, *, seconds: float = 30.0, wait: float = 0.0) -> AbstractAsyncContextManager[Lease]:
        """Hold a lease for a block: of all processes that use this database, one at a time is in its block.

        It lasts ``seconds`` and is renewed while the block runs; a process that dies gives it up in that time. ``wait``
        is how many seconds to wait for it, ``math.inf`` for ever. Raises LeaseTaken when somebody else has it all that
        time. When it can't be renewed the task is cancelled before it expires, and LeaseLost leaves the block.

        It is for work that is many transactions, in a task of its own: a command is one transaction, which excludes all
        others anyway and ends after the block. Raises TransactionRequired there and in ``transaction()``.

        >>> async def nightly(db):
        ...     async with db.lease("nightly", seconds=30) as lease:
        ...         async with db.transaction():
        ...             await db.fence(lease)
        """
        return self._leases.lease(name, seconds=seconds, wait=wait)

    async def lead(self, name: str, work: Callable[[Lease], Awaitable[_T]], *, seconds: float = 15.0) -> _T:
        """Do the work here whenever no other process does it: of several replicas, one leads, the others wait.

        When the leader dies or loses its lease another one begins. Ends with the work: with its result, or its error.

        >>> async def relay(lease): ...
        >>> async def start(db, tasks):
        ...     tasks.create_task(db.lead("relay", relay))
        """
        return await self._leases.lead(name, work, seconds=seconds)

    @overload
    async def fence(self, lease: Lease, /) -> None: ...
    @overload
    async def fence(self, lease: str, token: int, /) -> None: ...
    async def fence(self, lease: Lease | str, token: int | None = None, /) -> None:
        """Refuse a stale token in the transaction of this place, which then writes nothing. Raises StaleToken.

        Give it the lease that this task holds, or the name and the token that a caller has sent along. Of a lease of
        this database it is known who has it; of one that is kept elsewhere, the highest token that was ever shown here
        counts.
        """
        if isinstance(lease, str):
            assert token is not None
            await fence(self._current(), lease, token, own=False)
        else:
            await fence(self._current(), lease.name, lease.token, own=lease.store is self._leases.store)

    def refuse_lease(self, name: str) -> None:
        """Raise TransactionRequired where no lease is to be taken: in a handler, or while a transaction is open here.

        The lease's own would wait for that for ever; and a block that ends before the commit guards nothing.
        """
        context = current()
        in_handler = context is not None and context.operation is not None and not context.handler.ended
        opened = _OPENED.get().get(self)
        if in_handler or (opened is not None and not opened.ended):
            raise TransactionRequired(
                f"the lease {name} is taken inside a transaction, which excludes all others anyway; take it outside, "
                "in a task of its own"
            )

    def _current(self) -> Transaction:
        """Return the transaction of this place. Raises TransactionRequired where there is none."""
        transaction = self._find()
        if transaction is not None:
            return transaction
        context = current()
        if context is not None and context.operation is not None:
            raise TransactionRequired(
                f"{context.operation.name} has ended, and with it its transaction in the database {self.name}; a task "
                "that outlives its handler opens its own, with `async with db.transaction():`"
            )
        raise TransactionRequired(
            f"no transaction is open in the database {self.name}: outside of a command or a query, open one with "
            "`async with db.transaction():`"
        )

    def _find(self) -> Transaction | None:
        """Return the transaction of the handler that runs here, or else of the block; None if there is neither."""
        context = current()
        if context is None or context.operation is None or context.handler.ended:
            opened = _OPENED.get().get(self)
            return None if opened is None or opened.ended else opened
        transaction: Transaction | None = context.enlisted_as(self)
        return transaction if transaction is not None else self._enlist(context)

    def _enlist(self, context: Context) -> Transaction:
        operation = context.operation
        assert operation is not None
        read_only = operation.kind is Kind.QUERY
        if not read_only and self in _OPENED.get():
            raise TransactionRequired(
                f"{operation.name} was called inside `async with db.transaction()` of its own database, for which it "
                "would wait for ever: call it after the block"
            )
        again = context.handler.run > 0
        transaction = self._begin(operation.name, read_only=read_only, until=context.deadline, again=again)
        context.enlist(self, transaction)
        return transaction

    def _begin(self, owner: str, *, read_only: bool, until: float | None, again: bool = False) -> Transaction:
        ends = until is not None and until != math.inf
        if until is None or until == math.inf:
            until = asyncio.get_running_loop().time() + _PATIENCE
        contention = self._contention if again else None
        return Transaction(self.store, owner, read_only=read_only, until=until, ends=ends, contention=contention)


def _leases_in(store: Store, opened: Callable[[], Store], clock: Clock) -> LeaseStore:
    """Return the leases of a store, which is used once it is open."""
    return PostgresLeases(opened) if store.dialect == "postgresql" else DatabaseLeases(opened, clock, era_of(clock))


def _postgres(url: str, name: str, share: Share | None, connections: int, waiting: int, patience: float) -> Store:
    parsed = PostgresUrl.parse(url)
    try:
        from .postgres import Postgres  # and with it asyncpg, which not everybody has
        from .postgres_roles import of_service
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise ConfigurationError(
            [Mistake(f"database {parsed}", "needs asyncpg", 'pip install "freestone[postgres]"')]
        ) from None
    name = name or (share.service if share is not None else parsed.database)
    theirs = parsed if share is None else of_service(parsed, share.service)
    steward = parsed if share is not None and share.makes_role else None
    return Postgres(theirs, name=name, connections=connections, waiting=waiting, steward=steward, patience=patience)


def _path(where: str | Path) -> Path:
    _, separator, rest = str(where).partition("://")
    if not separator:
        return Path(where)
    if not rest.startswith("/"):
        raise ConfigurationError([Mistake(f"database {where}", "names no path", "write it as sqlite:///path")])
    return Path(rest[1:])


def _create(session: Any, metadata: MetaData) -> None:
    metadata.create_all(session.connection())
