"""One method of a contract, as a value: what a caller, a dispatcher and a gateway need to know of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, final

from freestone.errors import CANONICAL, ServiceError

from .codec import argument_codec, result_codec
from .copier import argument_copier, copier, result_copier
from .error_body import ErrorBody, error_codec
from .message import Event
from .options import NO_OPTIONS, Options
from .parameter import Kind, Parameter
from .shape import record_fields, shape_of
from .value import value_codec

_NO_ERRORS: Mapping[type[ServiceError], Mapping[str, Any]] = MappingProxyType({})


@final
class Operation:
    """One method of a contract. It is immutable, and equal to itself alone.

    The attributes from ``encode_arguments`` on are compiled when one of them is first read.
    """

    __slots__ = (
        "__weakref__", "arguments_from", "bind", "contract", "copy_arguments", "copy_item", "copy_result",
        "decode_arguments", "decode_error", "decode_item", "decode_result", "doc", "encode_arguments", "encode_error",
        "encode_item", "encode_result", "error_fields", "file", "kind", "line", "name", "options", "parameters",
        "raises", "result", "streams", "takes", "takes_at",
    )  # fmt: skip

    name: str
    """The name of the method."""
    contract: type
    kind: Kind
    streams: bool
    """Whether the result is a stream of items."""
    parameters: tuple[Parameter, ...]
    """All that go with the request: the one that is a stream is not among them."""
    takes: Parameter | None
    """The parameter that is a stream of the caller's items, with the type of one item; None if there is none."""
    takes_at: int
    """The place of that parameter among all."""
    result: Any
    """The type of the result, or of one item of the stream."""
    raises: tuple[type[ServiceError], ...]
    """The declared errors. The canonical ones cross without being declared."""
    error_fields: Mapping[type[ServiceError], Mapping[str, Any]]
    """The types of the fields of each declared error."""
    options: Options
    """How its calls may be served, as its decorator says."""
    doc: str
    file: str
    line: int

    encode_arguments: Callable[[tuple[Any, ...]], bytes]
    """Full positional arguments to a MessagePack map by name. Raises InvalidArgument."""
    decode_arguments: Callable[[bytes | memoryview], tuple[Any, ...]]
    """Back again; ignores the unknown, fills in defaults. Raises InvalidArgument with the field's path."""
    encode_result: Callable[[Any], bytes]
    """A result, or an item, to MessagePack. Raises Internal for what the contract does not allow."""
    decode_result: Callable[[bytes | memoryview], Any]
    """Back again. Raises Internal."""
    encode_item: Callable[[Any], bytes]
    """One item of the caller's stream to MessagePack. Raises InvalidArgument."""
    decode_item: Callable[[bytes], Any]
    """Back again. Raises InvalidArgument."""
    copy_item: Callable[[Any], Any] | None
    """Copies what is mutable in an item of the caller's stream; None if nothing is."""
    copy_arguments: Callable[[tuple[Any, ...]], tuple[Any, ...]] | None
    """Copies what is mutable in the arguments; None if nothing is. Raises InvalidArgument for what is no value of
    its type."""
    copy_result: Callable[[Any], Any] | None
    """Copies what is mutable in a result, or in an item; None if nothing is. Raises Internal."""
    bind: Callable[[tuple[Any, ...], Mapping[str, Any]], tuple[Any, ...]]
    """``(args, kwargs)`` to full positional arguments, with defaults. Raises TypeError, as a call would."""
    arguments_from: Callable[[Mapping[str, Any], bool], tuple[Any, ...]]
    """``(mapping, strict)`` of builtins, as JSON has them, to validated positional arguments; not strict:
    numbers and the like may be strings. Raises InvalidArgument with the field's path."""
    encode_error: Callable[[ServiceError], ErrorBody]
    """An error as it crosses the boundary; one that can't becomes its nearest ancestor that can."""
    decode_error: Callable[[ErrorBody], ServiceError]
    """Back again; one that is not known here becomes the canonical class of its code."""

    def __init__(
        self,
        name: str,
        contract: type,
        kind: Kind,
        *,
        streams: bool = False,
        parameters: tuple[Parameter, ...] = (),
        takes: Parameter | None = None,
        takes_at: int = 0,
        result: Any = None,
        error_fields: Mapping[type[ServiceError], Mapping[str, Any]] = _NO_ERRORS,
        options: Options = NO_OPTIONS,
        doc: str = "",
        file: str = "",
        line: int = 0,
    ) -> None:
        self._fix(
            name=name, contract=contract, kind=kind, streams=streams, parameters=parameters, takes=takes,
            takes_at=takes_at, result=result, raises=tuple(error_fields), error_fields=error_fields, options=options,
            doc=doc, file=file, line=line,
        )  # fmt: skip

    @property
    def declared(self) -> tuple[Parameter, ...]:
        """All parameters, as they are declared."""
        if self.takes is None:
            return self.parameters
        stream: Any = AsyncIterator
        return self.with_items(self.parameters, Parameter(self.takes.name, stream[self.takes.type]))

    def with_items(self, arguments: tuple[Any, ...], items: Any) -> tuple[Any, ...]:
        """Return the arguments as the method takes them: the caller's items in their place."""
        return (*arguments[: self.takes_at], items, *arguments[self.takes_at :])

    def without_items(self, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return arguments as the method takes them without the caller's items, if it takes some."""
        if self.takes is None:
            return arguments
        return (*arguments[: self.takes_at], *arguments[self.takes_at + 1 :])

    def declares(self, error: BaseException) -> bool:
        """Whether the error may cross as itself: it is a canonical one, or one of ``raises``."""
        return type(error) in CANONICAL or isinstance(error, self.raises)

    def narrowed_by(self, event: type[Event]) -> str | None:
        """Return the parameter whose value an event's key is, so that it is about those results alone that have it.

        None if it is about all: kept results do not depend on a parameter of the key's name, or it has another type.
        """
        key = event.__event_key__
        for parameter in self.parameters:
            if parameter.name == key and key in self.options.key:
                return key if shape_of(parameter.type) == shape_of(record_fields(event)[key]) else None
        return None

    def __repr__(self) -> str:
        return f"<{self.kind.value} {self.contract.__name__}.{self.name}>"

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an operation is immutable; {name} can't be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"an operation is immutable; {name} can't be deleted")

    def __copy__(self) -> Operation:
        return self

    def __deepcopy__(self, memo: object) -> Operation:
        return self

    def _fix(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _compile(self) -> None:
        title = f"{self.contract.__name__}.{self.name}"
        arguments = argument_codec(title, self.parameters)
        result = result_codec(title, self.result)
        errors = error_codec(self.error_fields)
        item = value_codec(type(None) if self.takes is None else self.takes.type)
        self._fix(
            encode_arguments=arguments.encode, decode_arguments=arguments.decode,
            arguments_from=arguments.convert, bind=arguments.bind,
            encode_result=result.encode, decode_result=result.decode,
            copy_arguments=argument_copier(self.parameters), copy_result=result_copier(title, self.result),
            encode_item=item.encode, decode_item=item.decode,
            copy_item=None if self.takes is None else copier(self.takes.type),
            encode_error=errors.encode, decode_error=errors.decode,
        )  # fmt: skip

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # Reached only while a slot is empty: fill all of them, so that each later read is a plain slot's.
            if name not in Operation.__slots__:
                raise AttributeError(f"an operation has no attribute {name!r}")
            self._compile()
            return object.__getattribute__(self, name)
