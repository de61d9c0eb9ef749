"""Reads one decorated method into an operation, and finds what is wrong with its declaration."""

from __future__ import annotations

import functools
import inspect
from collections import abc
from collections.abc import Mapping, Sequence
from types import FunctionType
from typing import Any, cast, final, get_args, get_origin

import msgspec

from freestone.errors import CANONICAL, DidNotHappen, FreestoneError, MayHaveHappened, ServiceError

from .annotations import Unresolved, class_annotations, function_annotations
from .copier import copier, is_mutable
from .declaration import Declaration
from .operation import Operation
from .options import Options, Subject, read_options
from .parameter import REQUIRED, Kind, Parameter
from .place import class_place, function_place
from .refusal import FOREIGN
from .report import Report
from .shape import ATOMS, type_text
from .types import Spot, TypeCheck

_STREAMS = (abc.AsyncIterator, abc.AsyncIterable, abc.AsyncGenerator)
_CHANGEABLE = (list, dict, set, bytearray)
_TOO_GENERAL = (FreestoneError, ServiceError, DidNotHappen, MayHaveHappened)
_TAKEN_BY_ERRORS = frozenset(dir(ServiceError)) | {"message", "args"}
_ADVICE_BY_KIND = {
    inspect.Parameter.VAR_POSITIONAL: "declare one parameter that is a tuple",
    inspect.Parameter.VAR_KEYWORD: "declare each parameter, or one that is a dict",
    inspect.Parameter.POSITIONAL_ONLY: "leave out the /; parameters travel by name",
    inspect.Parameter.KEYWORD_ONLY: "leave out the *; a caller may name any parameter",
}


@final
class Method:
    """One decorated method of a contract that is being made."""

    def __init__(
        self,
        contract: type,
        function: FunctionType,
        declaration: Declaration,
        scope: Mapping[str, Any],
        report: Report,
        types: TypeCheck,
    ) -> None:
        self.title = f"{contract.__name__}.{function.__name__}"
        self._contract = contract
        self._function = function
        self._declaration = declaration
        self._scope = scope
        self._report = report
        self._types = types
        self._annotations = function_annotations(function, scope)

    def operation(self) -> Operation:
        """Return the operation; of use if nothing was reported."""
        function = self._function
        streams = self._streams()
        parameters, takes, takes_at = self._parameters()
        result = self._result(streams)
        errors = self._raises()
        return Operation(
            function.__name__, self._contract, self._declaration.kind, streams=streams, parameters=parameters,
            takes=takes, takes_at=takes_at,
            result=result, error_fields=errors, options=self._options(streams, parameters, result),
            doc=inspect.getdoc(function) or "", file=function.__code__.co_filename,
            line=function.__code__.co_firstlineno,
        )  # fmt: skip

    def _place(self, part: str = "") -> Any:
        return functools.partial(function_place, self._function, part)

    def _mistake(self, what: str, problem: str, advice: str, part: str = "") -> None:
        self._report.add(self.title + what, problem, advice, self._place(part))

    def _streams(self) -> bool:
        """Whether the method is a stream; its kind of ``def`` must agree with its result."""
        result = self._annotations.get("return")
        if isinstance(result, Unresolved):
            return False  # it may be either; that it has no meaning is reported with the result
        streams = (get_origin(result) or result) in _STREAMS
        if inspect.iscoroutinefunction(self._function):
            if streams:
                self._mistake("", "a coroutine that returns an iterator is no stream", "say def instead of async def")
        elif not streams and not inspect.isasyncgenfunction(self._function):
            self._mistake("", "it is not async", "say async def, or return AsyncIterator[T] if it is a stream")
        if streams and self._declaration.kind is Kind.COMMAND:
            self._mistake("", "a command has one reply, and can't be a stream", "say @query, or return a tuple")
        return streams

    def _parameters(self) -> tuple[tuple[Parameter, ...], Parameter | None, int]:
        """Return the parameters that go with the request, the one that is a stream, and the place of that."""
        signature = list(inspect.signature(self._function).parameters.values())
        if not signature or signature[0].kind is inspect.Parameter.VAR_POSITIONAL or (
            signature[0].name in self._annotations
        ):  # fmt: skip
            self._mistake("", "it has no self", "make self its first parameter")
        else:
            del signature[0]
        streams = [it for it in signature if _is_stream(self._annotations.get(it.name))]
        for extra in streams[1:]:
            self._mistake(
                f", parameter {extra.name}", f"a method takes one stream, and {streams[0].name} is one",
                "put both into one stream, of a union of messages, or make one of them a tuple", extra.name,
            )  # fmt: skip
        parameters = tuple(self._parameter(it) for it in signature if it not in streams)
        if not streams:
            return parameters, None, 0
        return parameters, self._stream_parameter(streams[0]), signature.index(streams[0])

    def _stream_parameter(self, parameter: inspect.Parameter) -> Parameter:
        name = parameter.name
        declared = self._annotations[name]
        place = self._place(name)
        subject = f"{self.title}, parameter {name}: {type_text(declared)}"
        if parameter.kind in _ADVICE_BY_KIND:
            self._parameter(parameter)
        if parameter.default is not parameter.empty:
            self._report.add(
                subject, "a stream can't have a default", "leave it out; a caller can send no items", place
            )
        items = get_args(declared)
        if get_origin(declared) is not abc.AsyncIterator:
            advice = f"say AsyncIterator[{type_text(items[0]) if items else 'T'}]"
            problem = "a stream has one way only" if items else "it does not say of what it is a stream"
            self._report.add(subject, problem, advice, place)
            return Parameter(name, type(None))
        self._types.check(Spot(self.title, f"parameter {name}[]", items[0], place))
        if self._declaration.options.get("batch") or self._declaration.options.get("cache"):
            self._mistake("", "a call that takes a stream can't be put together or kept", "leave out batch and cache")
        return Parameter(name, items[0])

    def _parameter(self, parameter: inspect.Parameter) -> Parameter:
        name = parameter.name
        default = REQUIRED if parameter.default is parameter.empty else parameter.default
        declared = self._annotations.get(name, Any)
        if parameter.kind in _ADVICE_BY_KIND:
            stars = str(parameter).partition(name)[0]
            self._mistake(
                f", parameter {stars}{name}", f"{parameter.kind.description} parameters can't cross",
                _ADVICE_BY_KIND[parameter.kind], name,
            )  # fmt: skip
        elif name not in self._annotations:
            self._mistake(f", parameter {name}", "it has no annotation", f"say {name}: and its type", name)
        elif name.startswith("_"):
            self._mistake(f", parameter {name}", "its name starts with an underscore", "give it a public name", name)
        else:
            spot = Spot(self.title, f"parameter {name}", declared, self._place(name))
            if self._types.check(spot) and default is not REQUIRED:
                self._default(spot, default)
        return Parameter(name, declared, default)

    def _default(self, spot: Spot, default: Any) -> None:
        if isinstance(default, _CHANGEABLE):
            self._report.add(
                spot.subject, f"its default {default!r} is mutable", "use a tuple, or None and make it in the service",
                spot.place,
            )  # fmt: skip
        elif not _matches(default, spot.declared):
            advice = f"say {type_text(spot.declared)} | None" if default is None else "change one of them"
            self._report.add(spot.subject, f"its default {default!r} does not match its type", advice, spot.place)

    def _result(self, streams: bool) -> Any:
        if "return" not in self._annotations:
            self._mistake("", "it does not say what it returns", "say -> None if that is nothing")
            return None
        result = self._annotations["return"]
        if streams:
            if get_origin(result) is not abc.AsyncIterator:
                item = type_text(get_args(result)[0]) if get_args(result) else "T"
                self._mistake(
                    f", result: {type_text(result)}", "it does not say of what it is a stream"
                    if not get_args(result) else "a stream has one way only", f"say AsyncIterator[{item}]", "return",
                )  # fmt: skip
                return None
            (result,) = get_args(result)
        self._types.check(Spot(self.title, "result", result, self._place("return")))
        return result

    def _options(self, streams: bool, parameters: tuple[Parameter, ...], result: Any) -> Options:
        complain = functools.partial(self._mistake, "")
        return read_options(
            self._declaration.options,
            Subject(self._contract, self._declaration.kind, streams, parameters, result, complain),
        )

    def _raises(self) -> dict[type[ServiceError], dict[str, Any]]:
        """Return the declared errors with the types of their fields."""
        raises = self._declaration.raises
        if not isinstance(raises, list | tuple):
            name = getattr(raises, "__name__", repr(raises))
            self._mistake("", f"raises={name} is not a list", f"say raises=[{name}]")
            return {}
        declared = cast(Sequence[Any], raises)
        known = {cls.__name__: cls for cls in CANONICAL}
        found: dict[type[ServiceError], dict[str, Any]] = {}
        for error in declared:
            name = getattr(error, "__name__", repr(error))
            if not (isinstance(error, type) and issubclass(error, ServiceError)):
                self._mistake(f", raises {name}", "it is no ServiceError", "derive it from one of the canonical errors")
            elif error in _TOO_GENERAL:
                self._mistake(f", raises {name}", "it says nothing", "name the errors that are meant")
            elif known.get(name, error) is not error:
                self._mistake(f", raises {name}", "another error has that name", "give one of them another name")
            else:
                known[name] = error
                found[error] = self._error_fields(error)
        return found

    def _error_fields(self, error: type[ServiceError]) -> dict[str, Any]:
        annotations = class_annotations(error, self._scope)
        fields = {name: annotations[name] for name in error.fields}
        if error in CANONICAL:
            return fields
        for name, declared in fields.items():
            place = functools.partial(class_place, error, name)
            spot = Spot(self.title, f"raises {error.__name__}.{name}", declared, place)
            if name in _TAKEN_BY_ERRORS:
                self._report.add(spot.subject, "every error has something of that name", "call it otherwise", place)
            elif self._types.check(spot) and is_mutable(declared):
                self._report.add(spot.subject, "a field of an error can't be mutable", "say tuple[T, ...]", place)
        return fields


def _is_stream(declared: Any) -> bool:
    return (get_origin(declared) or declared) in _STREAMS


def _matches(default: Any, declared: Any) -> bool:
    """Whether the default would come through the codec as itself."""
    if type(default) is declared and declared in ATOMS:
        return True
    make = copier(declared)
    try:
        sent = default if make is None else make(default)
        received = msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=declared)
    except FOREIGN:
        return False
    same_kind = isinstance(default, float | int) or type(sent) is type(received)
    return same_kind and (received == sent or repr(received) == repr(sent))
