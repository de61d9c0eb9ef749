"""Finds the fallbacks of a service, and what is wrong with them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from types import FunctionType
from typing import Any

from freestone.contract import Operation, Report, class_place, function_place, is_contract, operations
from freestone.errors import ServiceError

from .fallback import FallbackValue, declared_fallback
from .keeping import check_stand_in
from .mark import attributes_of


def find_fallbacks(
    cls: type, dependencies: Mapping[str, Any], scope: Mapping[str, Any], report: Report
) -> dict[Operation, str]:
    """Return the fallbacks of a service: the operation that each is for, and the attribute that it is."""
    known: dict[Any, Operation] = {}
    for kind in dependencies.values():
        if is_contract(kind):
            known.update({getattr(kind, name): operation for name, operation in operations(kind).items()})
    found: dict[Operation, str] = {}
    for name, attribute in attributes_of(cls).items():
        wanted = declared_fallback(attribute)
        if wanted is None:
            continue
        title = f"{cls.__name__}.{name}"
        is_method = isinstance(attribute, FunctionType)
        place = functools.partial(function_place, attribute) if is_method else functools.partial(class_place, cls)
        operation = known.get(wanted)
        if operation is None:
            what = getattr(wanted, "__qualname__", repr(wanted))
            report.add(title, f"it is a fallback for {what}, which is no operation of a dependency",
                       f"name one, as {_example(known)}", place)  # fmt: skip
            continue
        other = found.setdefault(operation, name)
        called = f"{operation.contract.__name__}.{operation.name}"
        if other != name:
            report.add(title, f"{called} has a fallback already, {other}", "take one of them out", place)
        if operation.streams:
            report.add(title, f"{called} is a stream, and has no fallback", "catch the error where it is read", place)
        elif isinstance(attribute, FunctionType):
            check_stand_in(title, operation, inspect.unwrap(attribute), scope, report)
        elif isinstance(attribute, FallbackValue):
            try:
                operation.decode_result(operation.encode_result(attribute.value))
            except ServiceError as error:
                problem = error.message.rpartition(": ")[2]
                report.add(title, f"its value is no result of {called}: {problem}", "give one that is", place)
    return found


def _example(known: Mapping[Any, Operation]) -> str:
    for operation in known.values():
        if not operation.streams:
            return f"fallback({operation.contract.__name__}.{operation.name})"
    return "fallback(Catalog.path) for catalog: Catalog"
