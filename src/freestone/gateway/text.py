"""Parameters that are sent as text: which types can be, and what the text of one says."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import msgspec.inspect as types

from .pointer import steps
from .problems import MALFORMED_REQUEST, Refused

MAX_QUERY_FIELDS = 1000
"""How many parameters a query string may have, repetitions counted."""

_WHERE = re.compile(r"(?P<what>.*?)(?: - at `\$(?P<where>[^`]*)`)?", re.DOTALL)
_SCALARS = (
    types.BoolType, types.BytesType, types.DateTimeType, types.DateType, types.DecimalType, types.EnumType,
    types.FloatType, types.IntType, types.LiteralType, types.StrType, types.TimeDeltaType, types.TimeType,
    types.UUIDType,
)  # fmt: skip


class NotConvertible(ValueError):
    """A text does not say what the type wants; ``path`` leads to the element of several that does not."""

    def __init__(self, message: str, path: tuple[str, ...]) -> None:
        super().__init__(message)
        self.path = path


def from_text(text: str | list[str], wanted: Any) -> Any:
    """Return what a text, or each of several, says. Raises NotConvertible.

    >>> from_text("5", int)
    5
    """
    if wanted is str:
        return text
    try:
        return msgspec.convert(text, wanted, strict=False)
    except msgspec.ValidationError as error:
        message = _WHERE.fullmatch(str(error))
        assert message is not None, "the pattern matches every text"
        raise NotConvertible(message["what"], steps(message["where"] or "")) from None


def parse_query(query: bytes) -> dict[str, list[str]]:
    """Return the values of each name in a query string. Raises Refused when it can't be read."""
    if not query:
        return {}
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_QUERY_FIELDS
        )
    except UnicodeError:
        raise Refused(MALFORMED_REQUEST, "the query string is not percent-encoded UTF-8") from None
    except ValueError:
        what = f"the query string has more than {MAX_QUERY_FIELDS} parameters"
        raise Refused(MALFORMED_REQUEST, what) from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def is_collection(annotation: Any) -> bool:
    """Whether a type, or one of its alternatives, holds several values in order or as a set."""
    collections = (types.CollectionType, types.TupleType)
    return any(isinstance(it, collections) for it in _alternatives(types.type_info(annotation)))


def is_text(annotation: Any, *, repeated: bool) -> bool:
    """Whether text says what a type holds: a number, a date; with ``repeated``, several of them as well."""
    return any(
        isinstance(it, _SCALARS) or (repeated and _holds_text(it)) for it in _alternatives(types.type_info(annotation))
    )


def _holds_text(info: types.Type) -> bool:
    if isinstance(info, types.CollectionType):
        items: tuple[types.Type, ...] = (info.item_type,)
    elif isinstance(info, types.TupleType):
        items = info.item_types
    else:
        return False
    return all(any(isinstance(it, _SCALARS) for it in _alternatives(item)) for item in items)


def _alternatives(info: types.Type) -> tuple[types.Type, ...]:
    if isinstance(info, types.Metadata):
        return _alternatives(info.type)
    return info.types if isinstance(info, types.UnionType) else (info,)
