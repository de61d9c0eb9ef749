"""A co-located call that pretends to cross: through the codec there and back, on the same task.

For tests. It finds what would differ if a line in ``freestone.toml`` put the callee elsewhere: a list that arrives as
a tuple, a number that arrives as a float, a value that its annotation does not admit. What differs is raised as
``BoundaryMismatch``, which is an AssertionError and no ServiceError, so that no handler takes it for a failure
of the callee.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import Any, cast, final

from msgspec import Struct
from msgspec.structs import asdict

from freestone.contract import Operation
from freestone.errors import ServiceError
from freestone.service import CURRENT

from .dispatch import Dispatcher
from .local import LocalTransport
from .policy import Policies
from .source import Source


class BoundaryMismatch(AssertionError):
    """A value would arrive as something else than what was sent."""


@final
class CodecTransport:
    """Carries calls to one service of this process, as the bytes that the wire would carry."""

    def __init__(self, dispatcher: Dispatcher, service: str, policies: Policies | None = None) -> None:
        self._service = service
        self._local = LocalTransport(dispatcher, service, policies)

    def invoke(self, operation: Operation, arguments: tuple[Any, ...]) -> Awaitable[Any]:
        # Taken now, not when the call is awaited, as every transport does.
        return self._invoke(operation, self._arguments(operation, arguments))

    async def _invoke(self, operation: Operation, arrived: tuple[Any, ...]) -> Any:
        try:
            result = await self._local.invoke(operation, arrived)
        except ServiceError as error:
            raise operation.decode_error(operation.encode_error(error)) from None
        return self._result(operation, result)

    async def stream(self, operation: Operation, arguments: tuple[Any, ...]) -> AsyncIterator[Any]:
        items = self._local.stream(operation, self._arguments(operation, arguments))
        try:
            async for item in items:
                yield self._result(operation, item)
        except ServiceError as error:
            raise operation.decode_error(operation.encode_error(error)) from None
        finally:
            await items.aclose()  # type: ignore[attr-defined]

    def exchange(self, operation: Operation, arguments: tuple[Any, ...], items: AsyncIterator[Any]) -> Any:
        source = Source(operation, items, CURRENT.get())
        arrived = self._arguments(operation, arguments)
        call = self._local.exchange(operation, arrived, self._items(operation, source))
        return self._streamed(operation, source, call) if operation.streams else self._answered(operation, source, call)

    async def _items(self, operation: Operation, source: Source) -> AsyncIterator[Any]:
        name = "" if operation.takes is None else operation.takes.name
        what = f"an item of {name} of {self._service}.{operation.name}"
        try:
            while True:
                try:
                    item = await source.next()
                except StopAsyncIteration:
                    break
                arrived = operation.decode_item(operation.encode_item(item))
                self._compare(what, item, arrived)
                yield arrived
        finally:
            await source.close()
        if source.failure is not None:
            raise source.failure

    async def _answered(self, operation: Operation, source: Source, call: Awaitable[Any]) -> Any:
        try:
            result = await call
        except ServiceError as error:
            if error is source.failure:
                raise
            raise operation.decode_error(operation.encode_error(error)) from None
        return self._result(operation, result)

    async def _streamed(self, operation: Operation, source: Source, items: Any) -> AsyncIterator[Any]:
        try:
            async for item in items:
                yield self._result(operation, item)
        except ServiceError as error:
            if error is source.failure:
                raise
            raise operation.decode_error(operation.encode_error(error)) from None
        finally:
            await items.aclose()

    def _arguments(self, operation: Operation, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        arrived = operation.decode_arguments(operation.encode_arguments(arguments))
        for parameter, before, after in zip(operation.parameters, arguments, arrived, strict=True):
            self._compare(f"argument {parameter.name} of {self._service}.{operation.name}", before, after)
        return arrived

    def _result(self, operation: Operation, result: Any) -> Any:
        arrived = operation.decode_result(operation.encode_result(result))
        self._compare(f"the result of {self._service}.{operation.name}", result, arrived)
        return arrived

    @staticmethod
    def _compare(what: str, before: Any, after: Any) -> None:
        found = difference(before, after)
        if found is not None:
            path, was, came = found
            raise BoundaryMismatch(
                f"{what} differs on the other side of the boundary{f' at {path}' if path else ''}: "
                f"{was!r} ({type(was).__name__}) arrives as {came!r} ({type(came).__name__}); "
                "pass what the annotation says"
            )


def difference(before: Any, after: Any, path: str = "") -> tuple[str, Any, Any] | None:
    """Return the first place where two values differ in type or in content: its path and both; None if nowhere."""
    if type(before) is not type(after):
        return path, before, after
    ours, theirs = _parts(before), _parts(after)
    if ours is None or theirs is None:
        same = before == after or (before != before and after != after)  # a NaN is not equal to itself
        return None if same else (path, before, after)
    if ours.keys() != theirs.keys():
        return path, before, after
    for name, part in ours.items():
        found = difference(part, theirs[name], path + name)
        if found is not None:
            return found
    return None


def _parts(value: Any) -> dict[str, Any] | None:
    """Return what a value consists of, by how one gets there; None if it is compared as a whole."""
    kind = cast(type[object], type(value))
    if issubclass(kind, Struct):
        return {f".{name}": part for name, part in asdict(value).items()}
    if issubclass(kind, dict):
        return {f"[{key!r}]": part for key, part in value.items()}
    if issubclass(kind, (list, tuple)):
        return {f"[{index}]": part for index, part in enumerate(value)}
    return None
