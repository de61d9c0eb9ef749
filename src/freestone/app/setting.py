"""One setting: a value from a file or a variable, made to fit the type of its field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec

from freestone.service import Secret, Settings

from .spelling import meant


def fields_of(record: type[Settings]) -> Mapping[str, Any]:
    """Return the fields of a settings record, name by type."""
    return {field.name: field.type for field in msgspec.structs.fields(record)}


def required_by(record: type[Settings]) -> list[str]:
    """Return the names of the fields that have no default."""
    return [field.name for field in msgspec.structs.fields(record) if field.required]


def fitted(kind: Any, value: Any) -> Any:
    """Return a value of TOML as the type of its field. Raises ValueError with a sentence that hides secrets."""
    try:
        return msgspec.convert(value, kind, dec_hook=_made)
    except (msgspec.ValidationError, NotImplementedError) as error:
        raise ValueError(_sentence(kind, error)) from None


def fitted_text(kind: Any, text: str) -> Any:
    """Return a text, as variables and secret files have it, as the type of its field.

    What is no text by type is read as a number, as true or false, or as JSON. Raises ValueError with a sentence
    that hides secrets.
    """
    try:
        return msgspec.convert(text, kind, strict=False, dec_hook=_made)
    except (msgspec.ValidationError, NotImplementedError) as error:
        problem = _sentence(kind, error)
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise ValueError(problem) from None
    return fitted(kind, value)


def misfits(record: type[Settings], values: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what in values of TOML does not fit the record: the key, the problem, the advice."""
    kinds = fields_of(record)
    for name, value in values.items():
        if name not in kinds:
            yield name, f"{record.__name__} has no such field", meant(name, kinds, "fields")
            continue
        try:
            fitted(kinds[name], value)
        except ValueError as error:
            yield name, str(error), ""


def _made(kind: Any, value: Any) -> Any:
    if kind in (Secret, Path) and isinstance(value, str):
        return kind(value)
    if kind in (Secret, Path):
        raise msgspec.ValidationError(f"Expected `str`, got `{type(value).__name__}`")
    raise NotImplementedError(f"a setting can't be of type {kind.__name__}")


def _sentence(kind: Any, error: Exception) -> str:
    if _hides(kind) and kind is not Secret:
        return "it does not fit its type, which has secrets in it, so that no more is said"
    message = str(error)
    return f"it does not fit: {message[:1].lower()}{message[1:]}"


def _hides(kind: Any) -> bool:
    """Whether there is a secret somewhere in the type."""
    if kind is Secret:
        return True
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return any(_hides(field.type) for field in msgspec.structs.fields(kind))
    return any(_hides(argument) for argument in get_args(kind))
