"""A service's configuration: a frozen record, made from what a file, the environment or a secret file holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, dataclass_transform, final

import msgspec

from freestone.errors import ConfigurationError, Mistake

from .conversion import from_text, from_value
from .spelling import meant

_S = TypeVar("_S", bound="Settings")


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


@final
class Given(msgspec.Struct, frozen=True):
    """What was found for one setting, and where."""

    value: Any
    """A value of TOML; or a text, which is then to be read as whatever the field is."""
    is_text: bool = False
    """Whether it is such a text: a variable and a file hold nothing else, while TOML has types of its own."""
    source: str = ""
    """Where it is from, as ``the environment variable FREESTONE_IDENTITY_SESSION_DAYS``; empty if the file says it."""
    file: str = ""
    """The path of the file that it is from."""
    problem: str = ""
    """Why the value could not be had from there; empty if it could."""


@final
class Misfit(msgspec.Struct, frozen=True):
    """A setting that was given and does not fit the record. No sentence of it shows the value."""

    field: str
    problem: str
    advice: str = ""


def misfits(record: type[Settings], given: Mapping[str, Given]) -> list[Misfit]:
    """Return what of that does not fit the record: unknown names, and values that their fields can't have."""
    return _fit(record, given)[1]


def settings_from(
    record: type[_S], given: Mapping[str, Given], *, name: str = "", ways: Mapping[str, str] | None = None
) -> _S:
    """Make the record of what was found, by field.

    In the mistakes, ``name`` is what the settings are called, and ``ways`` has the advice for each field that is
    missing. Raises ConfigurationError with everything that is missing, unknown or wrong, and where each value is
    from. No message shows a value.

    >>> settings_from(IdentitySettings, {"session_days": Given("7", is_text=True)})
    IdentitySettings(session_days=7)
    """
    name = name or record.__name__
    required = [field.name for field in msgspec.structs.fields(record) if field.required]
    mistakes = [
        Mistake(f"{name}.{field}", "it is missing", (ways or {}).get(field, "set it; it has no default"))
        for field in required
        if field not in given
    ]
    values, wrong = _fit(record, given)
    for misfit in wrong:
        found = given[misfit.field]
        source = f", from {found.source}" if found.source else ""
        mistakes.append(Mistake(f"{name}.{misfit.field}{source}", misfit.problem, misfit.advice, found.file))
    if not mistakes:
        try:
            return record(**values)
        except (TypeError, ValueError) as error:  # the record's own check, in __post_init__
            mistakes.append(Mistake(name, str(error) or type(error).__name__))
    raise ConfigurationError(mistakes)


def _fit(record: type[Settings], given: Mapping[str, Given]) -> tuple[dict[str, Any], list[Misfit]]:
    """Return the values by field, and what is wrong with the others."""
    kinds = {field.name: field.type for field in msgspec.structs.fields(record)}
    values: dict[str, Any] = {}
    wrong: list[Misfit] = []
    for field, found in given.items():
        if found.problem:
            wrong.append(Misfit(field, found.problem))
        elif field not in kinds:
            wrong.append(Misfit(field, f"{record.__name__} has no such field", meant(field, kinds, "fields")))
        else:
            convert = from_text if found.is_text else from_value
            try:
                values[field] = convert(kinds[field], found.value)
            except ValueError as error:
                wrong.append(Misfit(field, str(error)))
    return values, wrong
