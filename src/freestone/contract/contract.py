"""A contract: the boundary of a service, as a class.

The class is read when it is made: each decorated method becomes an Operation, and everything that is wrong with the
declaration is reported at once, in one DeclarationError.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from types import FunctionType, MappingProxyType
from typing import Any

from .annotations import names_around
from .declaration import Misapplied, declaration_of
from .method import Method
from .operation import Operation
from .place import class_place, function_place
from .report import Report
from .scope import CONTRACTS, remember
from .types import TypeCheck

RESERVED = frozenset({"start", "stop"})
"""What a service has besides its operations."""

_OPERATIONS = "__operations__"


class _Namespace(dict[str, Any]):
    """The body of a class, while it runs: remembers the functions that a later one of the same name replaced."""

    def __init__(self) -> None:
        super().__init__()
        self.replaced: list[tuple[str, FunctionType]] = []

    def __setitem__(self, name: str, value: Any) -> None:
        old = self.get(name)
        if isinstance(old, FunctionType) and isinstance(value, FunctionType):
            self.replaced.append((name, value))
        super().__setitem__(name, value)


class ContractMeta(type):
    """Makes operations of the methods of a contract."""

    @classmethod
    def __prepare__(cls, name: str, bases: tuple[type, ...], /, **options: Any) -> _Namespace:
        return _Namespace()

    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> ContractMeta:
        cls = super().__new__(mcls, name, bases, namespace)
        if not bases:  # Contract itself
            return cls
        replaced = getattr(namespace, "replaced", [])
        report = Report()
        if Contract in bases:
            scope = {**names_around(), name: cls}
            _check_class(cls, replaced, report)
            setattr(cls, _OPERATIONS, _read(cls, scope, report))
            remember(cls, CONTRACTS)
        else:
            _check_keeper(cls, replaced, report)
        report.raise_if_any()
        return cls


class Contract(metaclass=ContractMeta):
    """The boundary of a service: derive from it, and declare typed methods with ``@query`` and ``@command``.

    >>> class Greeter(Contract):
    ...     @query
    ...     async def greeting(self, name: str) -> str:
    ...         '''Return what to say to somebody.'''
    >>> operations(Greeter)["greeting"]
    <query Greeter.greeting>

    A class that derives from a *contract* keeps it: it is a service, a client or a fake. Raises DeclarationError with
    all mistakes of the class when it is made.
    """


def operations(contract: object) -> Mapping[str, Operation]:
    """Return the operations of a contract, or of what keeps one, by method name. Raises TypeError if it is neither."""
    found: Mapping[str, Operation] = vars(contract_of(contract))[_OPERATIONS]
    return found


def contract_of(keeper: object) -> type[Contract]:
    """Return the contract that a service, a client or an instance of one keeps. A contract is its own.

    Raises TypeError if there is none.
    """
    cls: type = keeper if isinstance(keeper, type) else type(keeper)
    found = contracts_of(cls)
    if not found:
        raise TypeError(f"{cls.__qualname__} keeps no contract; derive it from one")
    return found[0]


def contracts_of(cls: type) -> list[type[Contract]]:
    """Return all the contracts among a class and its bases."""
    return [candidate for candidate in cls.__mro__ if _OPERATIONS in vars(candidate)]


def is_contract(cls: object) -> bool:
    """Whether it is a contract, rather than what keeps one."""
    return isinstance(cls, type) and _OPERATIONS in vars(cls)


def _read(cls: type, scope: Mapping[str, Any], report: Report) -> Mapping[str, Operation]:
    types = TypeCheck(report)
    around = {**scope, **{key: value for key, value in vars(cls).items() if not isinstance(value, FunctionType)}}
    found: dict[str, Operation] = {}
    for name, value in vars(cls).items():
        declaration = declaration_of(value)
        if isinstance(value, FunctionType) and declaration is not None:
            operation = Method(cls, value, declaration, around, report, types).operation()
            value.__operation__ = operation  # type: ignore[attr-defined]
            found[name] = operation
    return MappingProxyType(found)


def _check_class(cls: type, replaced: list[tuple[str, FunctionType]], report: Report) -> None:
    """Report what is wrong with the class apart from its operations."""
    others = [base.__name__ for base in cls.__bases__ if base is not Contract]
    if others:
        report.add(
            cls.__name__, f"a contract can't derive from {', '.join(others)} as well",
            "let Contract be its only base", functools.partial(class_place, cls),
        )  # fmt: skip
    for name in inspect.get_annotations(cls):
        report.add(
            f"{cls.__name__}.{name}", "a contract has no attributes", "declare it in the service that keeps it",
            functools.partial(class_place, cls, name),
        )  # fmt: skip
    for name, function in replaced:
        _report_twice(cls, name, function, report)
    for name, value in vars(cls).items():
        if not name.startswith("__"):
            _check_attribute(cls, name, value, report)


def _check_attribute(cls: type, name: str, value: object, report: Report) -> None:
    function = _wrapped(value)
    place = functools.partial(class_place, cls, name)
    if isinstance(function, FunctionType):
        place = functools.partial(function_place, function)
    declared = declaration_of(value) is not None
    found: tuple[str, str] | None = None
    if isinstance(function, FunctionType) and function is not value:
        kind = _kind(value)
        found = f"a {kind} can't be an operation", f"leave out @{kind}"
    elif isinstance(value, Misapplied):
        found = "only a method can be an operation", "decorate an async def"
    elif declared and name in RESERVED:
        found = "the framework uses that name", "give it another name"
    elif declared and name.startswith("_"):
        found = "an operation is public", "give it another name"
    elif not declared and isinstance(value, FunctionType) and not name.startswith("_"):
        found = "it is neither a query nor a command", "decorate it with @query or @command, or move it elsewhere"
    if found:
        report.add(f"{cls.__name__}.{name}", *found, place)


def _check_keeper(cls: type, replaced: list[tuple[str, FunctionType]], report: Report) -> None:
    """Report what is wrong with a class that keeps a contract, whatever it is for."""
    promised = {name for contract in contracts_of(cls) for name in operations(contract)}
    for name, function in replaced:
        if name in promised:
            _report_twice(cls, name, function, report)
    for name, value in vars(cls).items():
        if declaration_of(value) is not None:
            report.add(
                f"{cls.__name__}.{name}", "it is declared in a class that is no contract",
                f"declare it in {contract_of(cls).__name__}, and leave out the decorator here",
                functools.partial(class_place, cls, name),
            )  # fmt: skip


def _report_twice(cls: type, name: str, function: FunctionType, report: Report) -> None:
    report.add(
        f"{cls.__name__}.{name}", "there are two methods of that name, and the later hides the earlier",
        "give one of them another name", functools.partial(function_place, function),
    )  # fmt: skip


def _wrapped(value: object) -> Any:
    """Return the function within a staticmethod, a classmethod or a property."""
    if isinstance(value, Misapplied):
        return _wrapped(value.target)
    return value.fget if isinstance(value, property) else getattr(value, "__func__", value)


def _kind(value: object) -> str:
    return _kind(value.target) if isinstance(value, Misapplied) else type(value).__name__
