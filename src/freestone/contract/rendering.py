"""A contract as a text for people: what ``freestone contract show`` prints."""

from __future__ import annotations

import dataclasses
import enum
import inspect
from collections.abc import Iterable, Iterator
from typing import Any, get_origin

import msgspec

from .contract import operations
from .operation import Operation
from .schema import fingerprint
from .shape import Form, Shape, reachable, record_fields, type_text


def render(contract: type) -> str:
    """Return what a contract promises, in the words of its declaration: operations, then their types."""
    promised = operations(contract).values()
    lines = [f"contract {contract.__name__}    {fingerprint(contract)}", *_doc(contract, "    ")]
    for operation in promised:
        lines += ["", *_operation(operation)]
    made_of = _made_of(promised)
    for kind in sorted((shape.type for shape in made_of if shape.form is Form.RECORD), key=type_text):
        lines += ["", *_record(kind)]
    enums = (shape.type for shape in made_of if isinstance(shape.type, type) and issubclass(shape.type, enum.Enum))
    for kind in sorted(enums, key=type_text):
        values = ", ".join(f"{member.name} = {member.value!r}" for member in kind)
        lines += ["", f"enum {kind.__name__}", *_doc(kind, "    "), f"    {values}"]
    return "\n".join(lines) + "\n"


def _operation(operation: Operation) -> Iterator[str]:
    given = [
        f"{p.name}: {type_text(p.type)}" + ("" if p.required else f" = {p.default!r}") for p in operation.parameters
    ]
    if operation.takes is not None:
        given.insert(operation.takes_at, f"{operation.takes.name}: stream of {type_text(operation.takes.type)}")
    parameters = ", ".join(given)
    result = f"stream of {type_text(operation.result)}" if operation.streams else type_text(operation.result)
    yield f"{operation.kind.value} {operation.name}({parameters}) → {result}"
    for line in operation.doc.splitlines():
        yield f"    {line}".rstrip()
    if described := operation.options.described():
        yield f"    {described}"
    for error, fields in operation.error_fields.items():
        listed = ", ".join(f"{name}: {type_text(kind)}" for name, kind in fields.items())
        yield f"    raises {error.__name__}({listed}), {error.code.name}"


def _record(kind: Any) -> Iterator[str]:
    cls = get_origin(kind) or kind
    yield f"message {type_text(kind)}"
    yield from _doc(cls, "    ")
    defaults = _defaults(cls)
    for name, field in record_fields(kind).items():
        yield f"    {name}: {type_text(field)}" + (f" = {defaults[name]}" if name in defaults else "")


def _made_of(promised: Iterable[Operation]) -> set[Shape]:
    """Return the shapes of all that crosses in the operations."""
    types: list[Any] = []
    for operation in promised:
        types += [parameter.type for parameter in operation.parameters]
        types += [] if operation.takes is None else [operation.takes.type]
        types += [kind for fields in operation.error_fields.values() for kind in fields.values()]
        types.append(operation.result)
    return {shape for kind in types for shape in reachable(kind)}


def _doc(cls: Any, indent: str) -> list[str]:
    own: str = cls.__dict__.get("__doc__") or ""
    generated = own.startswith((f"{cls.__name__}(", "An enumeration."))  # what Python puts in place of one
    return [] if generated else [f"{indent}{line}".rstrip() for line in inspect.cleandoc(own).splitlines()]


def _defaults(cls: Any) -> dict[str, str]:
    """Return the defaults of a record's fields, as they are written."""
    if issubclass(cls, msgspec.Struct):
        fields = msgspec.structs.fields(cls)
        found = {field.name: repr(field.default) for field in fields if field.default is not msgspec.NODEFAULT}
        return found | {
            field.name: f"{getattr(field.default_factory, '__name__', '…')}()"
            for field in fields
            if field.default_factory is not msgspec.NODEFAULT
        }
    if dataclasses.is_dataclass(cls):
        given = {field.name: field.default for field in dataclasses.fields(cls)}
        return {name: repr(value) for name, value in given.items() if value is not dataclasses.MISSING}
    return {name: repr(value) for name, value in getattr(cls, "_field_defaults", {}).items()}
