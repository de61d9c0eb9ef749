"""A contract: the boundary of a service, as a class."""

from __future__ import annotations

import inspect
import sys
from collections.abc import AsyncIterator, Mapping
from types import FunctionType, MappingProxyType
from typing import Any, get_args, get_origin, get_type_hints

from .declaration import declaration_of
from .operation import Operation
from .parameter import REQUIRED, Parameter


class ContractMeta(type):
    """Makes operations of the methods of a contract."""

    __operations__: Mapping[str, Operation]

    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> ContractMeta:
        cls = super().__new__(mcls, name, bases, namespace)
        if any(base.__dict__.get("__operations__") == {} and base.__name__ == "Contract" for base in bases):
            scope = sys._getframe(1).f_locals
            operations: dict[str, Operation] = {}
            for attribute, value in namespace.items():
                if isinstance(value, FunctionType) and declaration_of(value):
                    operations[attribute] = _operation(cls, attribute, value, {**scope, name: cls})
            cls.__operations__ = MappingProxyType(operations)
        elif not bases:
            cls.__operations__ = {}
        return cls


def _operation(cls: type, name: str, function: FunctionType, scope: dict[str, Any]) -> Operation:
    hints = get_type_hints(function, None, {**scope, **vars(cls)}, include_extras=True)
    declaration = declaration_of(function)
    assert declaration is not None
    result = hints.get("return")
    streams = get_origin(result) is AsyncIterator
    if streams:
        (result,) = get_args(result)
    parameters = tuple(
        Parameter(p.name, hints[p.name], REQUIRED if p.default is p.empty else p.default)
        for p in list(inspect.signature(function).parameters.values())[1:]
    )
    operation = Operation(
        name, cls, declaration.kind, streams=streams, parameters=parameters, result=result,
        raises=declaration.raises, doc=inspect.getdoc(function) or "",
        file=function.__code__.co_filename, line=function.__code__.co_firstlineno,
    )  # fmt: skip
    function.__operation__ = operation  # type: ignore[attr-defined]
    return operation


class Contract(metaclass=ContractMeta):
    """The boundary of a service: derive from it, and declare typed methods with ``@query`` and ``@command``.

    A class that derives from a *contract* keeps it: it is a service, a client or a fake.
    """


def operations(contract: type) -> Mapping[str, Operation]:
    """Return the operations of a contract by method name."""
    found: Mapping[str, Operation] = contract_of(contract).__dict__["__operations__"]
    return found


def contract_of(keeper: object) -> type[Contract]:
    """Return the contract that a service, a client or an instance of one keeps. A contract is its own.

    Raises TypeError if there is none.
    """
    cls: type = keeper if isinstance(keeper, type) else type(keeper)
    for candidate in cls.__mro__:
        if candidate is not Contract and "__operations__" in candidate.__dict__:
            return candidate
    raise TypeError(f"{cls.__qualname__} keeps no contract")
