"""Whether a service keeps its contract: each operation there, under the same signature."""

from __future__ import annotations

import functools
import inspect
from collections import abc
from collections.abc import Mapping
from types import FunctionType
from typing import Any, get_args, get_origin

from freestone.contract import (
    REQUIRED,
    Operation,
    Parameter,
    Report,
    Unresolved,
    class_place,
    function_annotations,
    function_place,
    type_text,
)

_STREAMS = (abc.AsyncIterator, abc.AsyncGenerator)


def check_operation(cls: type, operation: Operation, scope: Mapping[str, Any], report: Report) -> None:
    """Report how a service differs from one operation of its contract."""
    title = f"{cls.__name__}.{operation.name}"
    found = inspect.getattr_static(cls, operation.name)
    if found is inspect.getattr_static(operation.contract, operation.name):
        report.add(
            title, f"{operation.contract.__name__} promises it, and it is missing", f"write {_header(operation)}",
            functools.partial(class_place, cls),
        )  # fmt: skip
    elif not isinstance(found, FunctionType):
        report.add(title, "it is no method", f"write {_header(operation)}", functools.partial(class_place, cls))
    else:
        _Comparison(title, operation, inspect.unwrap(found), scope, report).run()


def check_stand_in(title: str, operation: Operation, function: Any, scope: Mapping[str, Any], report: Report) -> None:
    """Report how a method differs from an operation that it stands in for."""
    _Comparison(title, operation, function, scope, report).run()


class _Comparison:
    """One method of a service against what its contract says."""

    def __init__(
        self, title: str, operation: Operation, function: Any, scope: Mapping[str, Any], report: Report
    ) -> None:
        self._title = title
        self._operation = operation
        self._function = function
        self._report = report
        self._annotations = function_annotations(function, scope)

    def run(self) -> None:
        self._way_of_running()
        self._parameters()
        self._result()

    def _mistake(self, what: str, problem: str, advice: str, part: str = "") -> None:
        place = functools.partial(function_place, self._function, part)
        self._report.add(self._title + what, problem, advice, place)

    def _way_of_running(self) -> None:
        if self._operation.streams:
            if inspect.iscoroutinefunction(self._function):
                self._mistake("", "the contract promises a stream", "yield the items")
        elif inspect.isasyncgenfunction(self._function):
            self._mistake("", "the contract promises one result, not a stream", "return it")
        elif not inspect.iscoroutinefunction(self._function):
            self._mistake("", "it is not async", "say async def")

    def _parameters(self) -> None:
        given = list(inspect.signature(self._function).parameters.values())[1:]
        promised = self._operation.declared
        for position, parameter in enumerate(promised):
            if position >= len(given) or given[position].name != parameter.name:
                names = ", ".join(["self", *(p.name for p in promised)])
                found = ", ".join(["self", *(str(p).partition(":")[0].partition("=")[0] for p in given)])
                self._mistake(
                    "", f"it takes ({found}), and the contract says ({names})", f"write {_header(self._operation)}"
                )
                return
            self._parameter(parameter, given[position])
        for extra in given[len(promised) :]:
            if extra.default is extra.empty:
                self._mistake(
                    f", parameter {extra}", "the contract does not have it, so nobody gives it",
                    "take it out, or add it to the contract", extra.name,
                )  # fmt: skip

    def _parameter(self, promised: Parameter, given: inspect.Parameter) -> None:
        name = promised.name
        what = f", parameter {name}"
        if given.kind is not given.POSITIONAL_OR_KEYWORD:
            self._mistake(what, f"it is {given.kind.description}", "leave out the * and the /", name)
        default = REQUIRED if given.default is given.empty else given.default
        if default is not promised.default and default != promised.default:
            said = "no default" if promised.required else f"the default {promised.default!r}"
            self._mistake(what, f"the contract gives it {said}", "say the same here", name)
        annotated = self._annotations.get(name, promised.type)
        self._type(what, annotated, promised.type, name)

    def _result(self) -> None:
        if "return" not in self._annotations:
            return
        annotated = self._annotations["return"]
        promised = self._operation.result
        if self._operation.streams:
            if get_origin(annotated) not in _STREAMS:
                said = f"AsyncIterator[{type_text(promised)}]"
                self._mistake(", result", f"the contract says {said}", "say the same here", "return")
                return
            annotated = get_args(annotated)[0]
        self._type(", result", annotated, type(None) if promised is None else promised, "return")

    def _type(self, what: str, annotated: Any, promised: Any, part: str) -> None:
        if isinstance(annotated, Unresolved):
            self._mistake(
                f"{what}: {annotated.text}", f"it has no meaning here: {annotated.problem}",
                "import it, or leave the annotation out; the contract's holds", part,
            )  # fmt: skip
        elif annotated != promised:
            self._mistake(
                f"{what}: {type_text(annotated)}", f"the contract says {type_text(promised)}",
                "say the same here, or leave the annotation out", part,
            )  # fmt: skip


def _header(operation: Operation) -> str:
    parameters = ", ".join(["self", *(_declared(parameter) for parameter in operation.declared)])
    return f"async def {operation.name}({parameters})"


def _declared(parameter: Parameter) -> str:
    return parameter.name if parameter.required else f"{parameter.name}={parameter.default!r}"
