"""A client: a subclass of the contract, generated, whose methods hand the call to a transport.

Each method is made once a contract, as source with the contract's own parameter names and defaults, so that a call
is bound by the interpreter itself: ``signature.bind`` would cost more than the whole rest of a co-located call. Where
an operation leads is asked of the transport at the first call, and kept in a slot of the client.
"""

from __future__ import annotations

import types
import weakref
from collections.abc import Awaitable, Callable
from functools import partial
from inspect import Parameter as Kinds
from inspect import signature
from typing import Any, TypeVar, cast

from freestone.contract import Operation, operations
from freestone.service import CURRENT

from .transport import Routing, Transport
from .watch import STRICT, Watch

C = TypeVar("C")

_CLASSES: weakref.WeakKeyDictionary[type[Any], type[Any]] = weakref.WeakKeyDictionary()


def client(contract: type[C], transport: Transport, watch: Watch = STRICT) -> C:
    """Return an object that has the contract's methods and performs them through the transport.

    ``watch`` looks at calls that are made while a transaction is open.

    >>> async def example(dispatcher):
    ...     catalog = client(Catalog, LocalTransport(dispatcher, "catalog"))
    ...     return await catalog.path("microservices")
    """
    made = _CLASSES.get(contract)
    if made is None:
        made = _CLASSES[contract] = _client_class(contract)
    it = object.__new__(made)
    it._transport = transport
    it._watch = watch
    return cast(C, it)


def _client_class(contract: type[Any]) -> type[Any]:
    def represent(self: Any) -> str:
        return f"<client of {contract.__name__} through {type(self._transport).__name__}>"

    slots = {_slot(operation): operation for operation in operations(contract).values() if not operation.streams}

    def route(self: Any, name: str) -> Callable[[tuple[Any, ...]], Awaitable[Any]]:
        operation = slots.get(name)
        if operation is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        transport = self._transport
        if operation.options.layered:
            from .fallback import FallbackTransport  # who only serves has no use for them
            from .layers import layered

            if not isinstance(transport, FallbackTransport):
                transport = layered(transport)
        way = transport.route(operation) if isinstance(transport, Routing) else partial(transport.invoke, operation)
        setattr(self, name, way)
        return way

    members: dict[str, Any] = {
        "__slots__": ("_transport", "_watch", *slots),
        "__getattr__": route,  # which Python calls for a slot that is empty
        "__doc__": f"A client of {contract.__name__}.",
        "__module__": contract.__module__,
        "__repr__": represent,
    }
    for name, operation in operations(contract).items():
        members[name] = _method(contract, operation)
    return types.new_class(f"{contract.__name__}Client", (contract,), exec_body=lambda body: body.update(members))


def _slot(operation: Operation) -> str:
    return f"_to_{operation.name}"


def _method(contract: type[Any], operation: Operation) -> Callable[..., Any]:
    declared = getattr(contract, operation.name)
    parameters = list(signature(declared).parameters.values())[1:]
    listed, scope = ["self"], {"operation": operation, "_current": CURRENT.get}
    keyword_only = False
    for parameter in parameters:
        if parameter.kind is Kinds.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            listed.append("*")
        if parameter.default is Kinds.empty:
            listed.append(parameter.name)
        else:
            scope[f"default_{parameter.name}"] = parameter.default
            listed.append(f"{parameter.name}=default_{parameter.name}")
    takes = None if operation.takes is None else operation.takes.name
    values = "".join(f"{parameter.name}, " for parameter in parameters if parameter.name != takes)
    if takes is not None:
        way = f"_transport.exchange(operation, ({values}), {takes})"
    else:
        way = f"_transport.stream(operation, ({values}))" if operation.streams else f"{_slot(operation)}(({values}))"
    source = (
        f"def {operation.name}({', '.join(listed)}):\n"
        "    if (_context := _current()) is not None and (_context._handler or _context).enlisted is not None:\n"
        "        self._watch.look(_context, operation)\n"
        f"    return self.{way}"
    )
    exec(compile(source, f"<client of {contract.__name__}>", "exec"), scope)
    method = cast(Callable[..., Any], scope[operation.name])
    method.__doc__ = declared.__doc__
    method.__qualname__ = f"{contract.__name__}Client.{operation.name}"
    method.__module__ = contract.__module__
    return method
