"""Clients that go on where a call left a doubt, as an application does that knows what its commands mean.

A command may fail with an error that says whether it may have happened. One that did not is tried again. One that may
have is looked into: most of Academy's commands come to the same when they are done twice, and for the others there is a
way to see whether they were done. So the scenario's whole body runs, and checks what it would check on a quiet day.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any, TypeVar

from academy.catalog.contract import Catalog, Document, Imported
from academy.identity.contract import Learners, NameTaken, Session, WrongCredentials
from freestone import current, deadline, errors
from freestone.call import client
from freestone.contract import Kind, Operation
from freestone.testing import Running, fake_random

C = TypeVar("C")

NEVER_BEGUN = (errors.Unavailable,)
LOST = (errors.ConnectionLost,)
_TRIES = 15
"""Enough for any chance."""
_MOST = 30.0
"""Seconds that any try may take."""


class Resolving:
    """An application that runs, called by somebody who resolves doubts.

    ``unbegun`` are the errors after which anything is tried again, ``doubtful`` those after which a command is looked
    into, ``queries`` those after which a query is asked again. ``patience`` bounds the first try, in seconds. What is
    not named, and what a scenario declares, is raised as it is.
    """

    def __init__(
        self,
        application: Running,
        *,
        unbegun: tuple[type[errors.DidNotHappen], ...] = NEVER_BEGUN,
        doubtful: tuple[type[errors.MayHaveHappened], ...] = LOST,
        queries: tuple[type[errors.ServiceError], ...] = (),
        patience: float = 30.0,
    ) -> None:
        self.application = application
        self.unbegun = unbegun
        self.doubtful = doubtful
        self.queries = queries
        self.patience = patience
        self.chance = fake_random()
        self.names: set[str] = set()
        """Who has signed up here."""
        self.doubts: list[errors.ServiceError] = []
        """The errors that were looked into, or tried again after."""

    def client(self, contract: type[C]) -> C:
        """Return a client of the contract."""
        return client(contract, _Resolver(self, self.application.client(contract)))

    async def attempt(self, inner: Any, operation: Operation, arguments: tuple[Any, ...], tried: int) -> Any:
        """Make the call once. The next time it has twice as long: the machine may just be slow."""
        async with deadline(min(self.patience * 2**tried, _MOST)):
            return await getattr(inner, operation.name)(*arguments)


class _Resolver:
    """The transport of such a client."""

    def __init__(self, owner: Resolving, inner: Any) -> None:
        self._owner = owner
        self._inner = inner

    def stream(self, operation: Operation, arguments: tuple[Any, ...]) -> AsyncIterator[Any]:
        raise NotImplementedError("Academy has no streams")

    def invoke(self, operation: Operation, arguments: tuple[Any, ...]) -> Awaitable[Any]:
        return self._invoke(operation, arguments)

    async def _invoke(self, operation: Operation, arguments: tuple[Any, ...]) -> Any:
        owner = self._owner
        known = await self._known(operation, arguments)
        doubted = False
        for tried in range(_TRIES):
            try:
                result = await owner.attempt(self._inner, operation, arguments, tried)
            except owner.unbegun as error:
                failure: errors.ServiceError = error
            except owner.doubtful as error:
                if operation.kind is Kind.QUERY and not isinstance(error, owner.queries):
                    raise
                doubted, failure = True, error
            except owner.queries as error:
                if operation.kind is not Kind.QUERY:
                    raise
                failure = error
            except errors.NotFound:
                if not doubted or operation.name != "retire_path":
                    raise
                return None  # it was retired, and the answer was lost
            except NameTaken:
                if not doubted or arguments[0].casefold() in owner.names:
                    raise
                result = await self._session(arguments)
                owner.names.add(arguments[0].casefold())
                return result
            else:
                if operation.name == "sign_up":
                    owner.names.add(arguments[0].casefold())
                return self._first(result, known, arguments) if doubted else result
            context = current()
            if context is not None and context.remaining() <= 0:  # the scenario's own: no time to look into anything
                raise failure
            owner.doubts.append(failure)
            # As a person would, who does not hammer what is down, and not all of them at the same moment.
            await asyncio.sleep(0.01 + owner.chance.random() * 0.02 * tried)
        raise AssertionError(f"{operation.name} failed {_TRIES} times; the last time: {failure!r}")

    async def _known(self, operation: Operation, arguments: tuple[Any, ...]) -> Any:
        """Return what is there before an import, if anything is: only so can an import that was lost be told from
        one that found nothing to do.
        """
        if operation.name != "import_path":
            return None
        document: Document = arguments[0]
        catalog = self._owner.client(Catalog)
        try:
            return await catalog.path(document.path.slug)
        except errors.NotFound:
            return None

    def _first(self, result: Any, known: Any, arguments: tuple[Any, ...]) -> Any:
        """Return what the first answer would have been of a command that was done twice."""
        if isinstance(result, Imported) and not result.changes and known != arguments[0].path:
            return Imported(path=result.path, created=known is None, changes=("the answer was lost",))
        return result

    async def _session(self, arguments: tuple[Any, ...]) -> Session:
        """Return a session of who signed up: the name is taken by nobody else if the password is right."""
        learners = self._owner.client(Learners)
        try:
            return await learners.sign_in(*arguments[:2])
        except WrongCredentials:
            raise NameTaken("somebody else has it", name=arguments[0]) from None
