"""A fake of any contract, from a few functions, held to the contract."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, TypeVar, final

from freestone.call import client
from freestone.contract import Operation, operations
from freestone.errors import CANONICAL, ServiceError, Unimplemented

C = TypeVar("C")


def fake(contract: type[C], **methods: Callable[..., Any]) -> C:
    """Return an object that keeps the contract, with those functions for methods.

    A function takes the method's arguments, and may be plain or asynchronous; for a stream it is an asynchronous
    generator or returns an iterable. A method that is not given raises Unimplemented. Arguments, results and errors
    go through the contract's codec, so that a fake can't return what no service could. Raises TypeError for a name
    that the contract does not have.

    >>> async def example(Catalog, outline):
    ...     progress = ProgressService(catalog=fake(Catalog, path=lambda slug: outline))
    """
    unknown = methods.keys() - operations(contract).keys()
    if unknown:
        known = ", ".join(operations(contract))
        raise TypeError(f"{contract.__name__} has no operation {', '.join(sorted(unknown))}; it has {known}")
    return client(contract, FakeTransport(methods))


@final
class FakeTransport:
    """Carries calls to plain functions."""

    def __init__(self, methods: Mapping[str, Callable[..., Any]]) -> None:
        self._methods = methods

    async def invoke(self, operation: Operation, arguments: tuple[Any, ...], *, items: Any = None) -> Any:
        """Call the function, and check what goes in and comes out."""
        try:
            result = self._call(operation, arguments, items)
            if inspect.isawaitable(result):
                result = await result
        except ServiceError as error:
            raise _crossed(operation, error) from None
        return operation.decode_result(operation.encode_result(result))

    def exchange(self, operation: Operation, arguments: tuple[Any, ...], items: AsyncIterator[Any]) -> Any:
        """Call the function with a stream whose items are checked as it takes them."""
        checked = _checked(operation, items)
        if operation.streams:
            return self.stream(operation, arguments, items=checked)
        return self.invoke(operation, arguments, items=checked)

    async def stream(
        self, operation: Operation, arguments: tuple[Any, ...], *, items: Any = None
    ) -> AsyncIterator[Any]:
        """Give what the function gives, checked item by item."""
        try:
            made = self._call(operation, arguments, items)
            if hasattr(made, "__anext__"):
                async for item in made:
                    yield operation.decode_result(operation.encode_result(item))
            else:
                for item in made:
                    yield operation.decode_result(operation.encode_result(item))
        except ServiceError as error:
            raise _crossed(operation, error) from None

    def _call(self, operation: Operation, arguments: tuple[Any, ...], items: Any) -> Any:
        method = self._methods.get(operation.name)
        if method is None:
            raise Unimplemented(f"this fake of {operation.contract.__name__} was given no {operation.name}")
        arrived = operation.decode_arguments(operation.encode_arguments(arguments))
        return method(*(arrived if operation.takes is None else operation.with_items(arrived, items)))


async def _checked(operation: Operation, items: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for item in items:
        yield operation.decode_item(operation.encode_item(item))


def _crossed(operation: Operation, error: ServiceError) -> ServiceError:
    if type(error) not in CANONICAL and not isinstance(error, operation.raises):
        raise AssertionError(
            f"the fake of {operation.contract.__name__}.{operation.name} raised {type(error).__name__}, which the "
            "contract does not declare; no caller would ever see it"
        )
    return operation.decode_error(operation.encode_error(error))
