"""What a contract promises, as data: for printing, for comparing, and for those who do not speak Python."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import msgspec

from .contract import operations
from .operation import Operation
from .parameter import Parameter
from .shape import type_text

_REFERENCE = "#/definitions/{name}"
_FOR_PEOPLE = {"doc", "description", "title"}


def schema(contract: type) -> dict[str, Any]:
    """Return what a contract promises, as a document that JSON can hold.

    Types are given as a person writes them (``type``) and as JSON Schema (``schema``); the messages are under
    ``definitions``.
    """
    promised = operations(contract)
    types = list(_types(promised.values()))
    schemas, definitions = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    described = iter(schemas)
    return {
        "contract": contract.__name__,
        "doc": inspect.getdoc(contract) or "",
        "operations": {name: _operation(operation, described) for name, operation in promised.items()},
        "definitions": _jsonable(definitions),
    }


def fingerprint(contract: type) -> str:
    """Return 16 hexadecimal digits that change when anything that is promised does: not its prose, nor options."""
    import hashlib  # loads OpenSSL, which a program that never compares contracts can do without
    import json

    promised = schema(contract)
    for operation in promised["operations"].values():
        del operation["options"]  # how a client may serve a call changes nothing of what crosses
    canonical = json.dumps(_without_prose(promised), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _types(promised: Any) -> Iterator[Any]:
    """Return all types at the boundary, in the order in which ``_operation`` describes them."""
    for operation in promised:
        for parameter in operation.parameters:
            yield parameter.type
        if operation.takes is not None:
            yield operation.takes.type
        yield operation.result
        for fields in operation.error_fields.values():
            yield from fields.values()


def _operation(operation: Operation, schemas: Iterator[dict[str, Any]]) -> dict[str, Any]:
    return {
        "kind": operation.kind.value,
        "stream": operation.streams,
        "doc": operation.doc,
        "options": operation.options.given(),
        "parameters": [_parameter(parameter, next(schemas)) for parameter in operation.parameters],
        # Only where there is one: the others keep the fingerprint that they had before there were such streams.
        **({} if operation.takes is None else {"takes": _parameter(operation.takes, next(schemas))}),
        "result": {"type": type_text(operation.result), "schema": next(schemas)},
        "raises": [
            {
                "name": error.__name__,
                "code": error.code.name,
                "doc": inspect.getdoc(error) or "",
                "fields": [_error_field(error, name, kind, next(schemas)) for name, kind in fields.items()],
            }
            for error, fields in operation.error_fields.items()
        ],
    }


def _parameter(parameter: Parameter, described: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": parameter.name,
        "type": type_text(parameter.type),
        "schema": described,
        "required": parameter.required,
    }
    if not parameter.required:
        entry["default"] = _jsonable(parameter.default)
    return entry


def _error_field(error: Any, name: str, kind: Any, described: dict[str, Any]) -> dict[str, Any]:
    required = error.required(name)
    entry: dict[str, Any] = {"name": name, "type": type_text(kind), "schema": described, "required": required}
    if not required:
        entry["default"] = _jsonable(error.fields[name])
    return entry


def _jsonable(value: Any) -> Any:
    """Return what JSON makes of a value; sets in one order, whatever the hash seed of this process."""
    return msgspec.json.decode(msgspec.json.encode(value, order="deterministic"))


def _without_prose(document: Any) -> Any:
    kind = _kind(document)
    if kind is list:
        return [_without_prose(item) for item in document]
    if kind is dict:
        return {
            key: value if key in ("default", "enum", "const") else _without_prose(value)
            for key, value in document.items()
            if not (key in _FOR_PEOPLE and isinstance(value, str))
        }
    return document


def _kind(value: object) -> type:
    return type(value)
