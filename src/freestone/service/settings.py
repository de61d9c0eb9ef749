"""A service's configuration: a frozen record, made from what a file, the environment or a secret file holds."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, dataclass_transform, get_args, get_origin

import msgspec

from freestone.contract import type_text
from freestone.errors import ConfigurationError, Mistake

from .duration import duration
from .secret import Secret

_S = TypeVar("_S", bound="Settings")
_VALUE = re.compile(r"(Invalid enum value).*?(- at `.*)?$", re.DOTALL)
"""The one refusal of msgspec that repeats the value."""
_SEQUENCES = (tuple, list, set, frozenset)


class SettingsMeta(msgspec.StructMeta):
    """Makes every settings record frozen and keyword-only, without its saying so."""

    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], /, **options: Any) -> Any:
        options.update(frozen=True, kw_only=True)
        return super().__new__(mcls, name, bases, namespace, **options)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(msgspec.field,))
class Settings(msgspec.Struct, frozen=True, kw_only=True, metaclass=SettingsMeta):
    """The configuration of a service: fields with a type, a default where there is a sound one, and a sentence each.

    >>> class IdentitySettings(Settings):
    ...     session_days: int = 30
    ...     '''How long a learner stays signed in, in days.'''
    >>> IdentitySettings().session_days
    30
    """


def settings_from(cls: type[_S], values: Mapping[str, object], origin: Mapping[str, str]) -> _S:
    """Make the record from values of TOML, or from texts of the environment and of files.

    ``origin`` says where each value is from, for the messages. A text becomes what the field is: a number, a
    truth value (``true``, ``false``, ``1``, ``0``), a ``timedelta`` (``"10s"``, ``"250ms"``; a number is seconds),
    a path, a ``Secret``, or, split at commas, a tuple.

    Raises ConfigurationError with every problem: unknown, missing and wrong. No message shows a value of a Secret.

    >>> settings_from(IdentitySettings, {"session_days": "7"}, {"session_days": "FREESTONE_IDENTITY_SESSION_DAYS"})
    IdentitySettings(session_days=7)
    """
    fields = {field.name: field for field in msgspec.structs.fields(cls)}
    mistakes = [
        Mistake(f"{cls.__name__}.{name}", "there is no such setting", _nearest(name, fields), origin.get(name, ""))
        for name in values
        if name not in fields
    ]
    made: dict[str, Any] = {}
    for name, field in fields.items():
        subject = f"{cls.__name__}.{name}: {type_text(field.type)}"
        if name in values:
            try:
                made[name] = _converted(field.type, values[name])
            except ValueError as error:
                mistakes.append(Mistake(subject, str(error), "", origin.get(name, "")))
        elif field.required:
            mistakes.append(Mistake(subject, "it is missing", "set it; it has no default"))
    if not mistakes:
        try:
            return cls(**made)
        except ValueError as error:  # of a check in the record's own __post_init__
            mistakes.append(Mistake(cls.__name__, str(error), "", ", ".join(sorted(set(origin.values())))))
    raise ConfigurationError(mistakes)


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"there is {', '.join(known)}" if known else "it has no settings"


def _converted(kind: Any, value: object) -> Any:
    """Return the value as that type. Raises ValueError with a sentence that does not show the value."""
    try:
        return msgspec.convert(_prepared(kind, value), kind, strict=not isinstance(value, str), dec_hook=_made)
    except msgspec.ValidationError as error:
        text = _VALUE.sub(r"\1 \2", str(error)).strip().replace("`", "")
        raise ValueError(f"it does not fit: {text[:1].lower()}{text[1:]}") from None


def _prepared(kind: Any, value: Any) -> Any:
    """Return the value with its durations read and its lists split: what msgspec does not know of."""
    members = [member for member in get_args(kind) if member is not type(None)]
    if kind is timedelta:
        return duration(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else value
    if get_origin(kind) in _SEQUENCES:
        return [_prepared(members[0], part) for part in _items(value)] if _is_written_as_list(value) else value
    if type(None) in get_args(kind) and len(members) == 1:
        return None if value is None else _prepared(members[0], value)
    return value


def _is_written_as_list(value: object) -> bool:
    return isinstance(value, str | list)


def _items(value: Any) -> list[Any]:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _made(kind: type, value: object) -> Any:
    """Make what msgspec can't. Raises ValueError, which it puts a path to."""
    if kind not in (Secret, Path):
        raise ValueError(f"a setting can't be a {type_text(kind)}")
    if not isinstance(value, str):
        raise ValueError("it must be a text")
    return kind(value)
