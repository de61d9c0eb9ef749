"""One setting: a value of TOML, or a text of a variable or of a file, made to fit the type of its field.

No refusal shows the value: it is a secret, or may be one that was put in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from types import NoneType
from typing import Any, cast

import msgspec

from freestone.contract import Form, Shape, record_fields, seconds, shape_of, type_text

from .secret import Secret

_REPEATING = r"(?s)^(Invalid (?:enum )?value) .*?((?: - at `\$[\w.\[\]-]*`)?)$"
"""The refusals of msgspec that repeat the value: that of an enum, a literal, the tag of a union."""
_LISTS = (Form.LIST, Form.SET, Form.FROZEN_SET, Form.ROW)


def from_value(kind: Any, value: Any) -> Any:
    """Return a value of TOML, or of JSON, as the type of its field. Raises ValueError with a sentence.

    >>> from_value(timedelta, "10s"), from_value(tuple[int, ...], [80, 443])
    (datetime.timedelta(seconds=10), (80, 443))
    """
    return _fitted(kind, value, strict=True)


def from_text(kind: Any, text: str) -> Any:
    """Return a text as the type of its field. Raises ValueError with a sentence.

    What is no text by type is read as a number or a truth value, and else as JSON; a list may also be split at its
    commas.

    >>> from_text(bool, "1"), from_text(tuple[int, ...], "80, 443"), from_text(tuple[int, ...], "[80, 443]")
    (True, (80, 443), (80, 443))
    """
    if shape_of(_present(kind)).form in _LISTS:
        return _fitted(kind, _items(text), strict=False)
    try:
        return _fitted(kind, text, strict=False)
    except ValueError as refusal:
        try:
            value = msgspec.json.decode(text)
        except ValueError:
            raise refusal from None
    return from_value(kind, value)


def _fitted(kind: Any, value: Any, *, strict: bool) -> Any:
    try:
        return msgspec.convert(_timed(kind, value), kind, strict=strict, dec_hook=_made)
    except msgspec.ValidationError as error:
        sentence = re.sub(_REPEATING, r"\1\2", str(error))
        raise ValueError(f"it does not fit: {sentence[:1].lower()}{sentence[1:]}") from None
    except UnicodeError:
        raise ValueError("it is not UTF-8") from None


def _items(text: str) -> list[Any]:
    try:
        return msgspec.json.decode(text, type=list[Any])
    except ValueError:  # a bracket alone makes no JSON: [::1]:80,[::1]:81
        return [part.strip() for part in text.split(",") if part.strip()]


def _timed(kind: Any, value: Any) -> Any:
    """Return the value with the durations in it made, which msgspec would only take as ISO 8601 has them."""
    shape = shape_of(_present(kind))
    if shape.type is timedelta and isinstance(value, str | int | float):
        return timedelta(seconds=seconds(value))
    if isinstance(value, list):
        items = cast(list[object], value)
        return [_timed(part, item) for part, item in zip(_parts(shape, len(items)), items, strict=True)]
    if isinstance(value, dict):
        entries = cast(dict[str, object], value)
        fields = record_fields(shape.type) if shape.form is Form.RECORD else {}
        other = shape.parts[1] if shape.form is Form.MAP else Any
        return {key: _timed(fields.get(key, other), item) for key, item in entries.items()}
    return value


def _parts(shape: Shape, count: int) -> Sequence[Any]:
    """Return the types of that many items; whether there may be so many is for msgspec to say."""
    if shape.form in _LISTS:
        return shape.parts * count
    return shape.parts if len(shape.parts) == count else (Any,) * count


def _present(kind: Any) -> Any:
    """Return the type that a value has if it is not None."""
    shape = shape_of(kind)
    members = [part for part in shape.parts if part is not NoneType]
    return members[0] if shape.form is Form.UNION and len(members) == 1 else kind


def _made(kind: Any, value: Any) -> Any:
    """Make what msgspec can't. It puts a path to the ValueErrors."""
    from pathlib import Path  # with six modules of its own, where a service that has no settings needs none of them

    if kind not in (Secret, Path):
        raise ValueError(f"a setting can't be a {type_text(kind)}")
    if not isinstance(value, str):
        raise ValueError(f"Expected `str`, got `{type(value).__name__}`")
    return kind(value)
