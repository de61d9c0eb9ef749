"""The settings of services, put together from the file, the environment and the secret files.

The source that is closest to the deployment wins: a secret file over an environment variable, over
``freestone.toml``, over the default in the record. A secret file is mounted for one field of one service, while an
environment is inherited by everybody and printed by many; where there are both, the file is what was meant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import final

from freestone.errors import ConfigurationError, Mistake
from freestone.service import Given, Settings, settings_from

from .app import App


def variable_name(service: str, field: str) -> str:
    """Return the environment variable of a setting.

    >>> variable_name("learning-paths", "page_size")
    'FREESTONE_LEARNING_PATHS_PAGE_SIZE'
    """
    return f"FREESTONE_{service}_{field}".upper().replace("-", "_")


def settings_of(
    app: App, environment: Mapping[str, str], *, services: Collection[str] | None = None
) -> Mapping[str, Settings]:
    """Return the settings of each service that has some, by the service's name.

    ``services`` are those that run in this process; without it, all. The secret files are in ``app.secrets``. Raises
    ConfigurationError with everything that is missing or does not fit in any of them; it shows no value of a secret.

    >>> def example(app):
    ...     return settings_of(app, os.environ, services=["identity"])
    """
    wanted = {
        name: spec.settings
        for name, spec in app.services.items()
        if spec.settings is not None and (services is None or name in services)
    }
    mistakes = list(_ambiguous(wanted))
    found: dict[str, Settings] = {}
    for service, record in wanted.items():
        places = _Places(app, service, environment)
        fields = record.__struct_fields__
        given = {field: value for field in fields if (value := places.find(field)) is not None}
        ways = {field: places.ways_to_set(field) for field in fields}
        try:
            found[service] = settings_from(record, given, name=f"settings.{service}", ways=ways)
        except ConfigurationError as error:
            mistakes.extend(error.mistakes)
    if mistakes:
        raise ConfigurationError(mistakes)
    return MappingProxyType(found)


@final
@dataclass(frozen=True, slots=True)
class _Places:
    """Where the settings of one service may be."""

    app: App
    service: str
    environment: Mapping[str, str]

    def find(self, field: str) -> Given | None:
        """Return what the strongest place has for a field, or None if no place has it."""
        return self._in_secret_file(field) or self._in_variable(field) or self._in_application_file(field)

    def ways_to_set(self, field: str) -> str:
        """Return the advice for a field that no place has."""
        return (
            f"set it in [settings.{self.service}], in the environment variable "
            f"{variable_name(self.service, field)}, or in the file {self._secret_path(field)}"
        )

    def _in_secret_file(self, field: str) -> Given | None:
        path = self._secret_path(field)
        try:
            if not path.is_file():
                return None
            text = path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            return Given(None, file=str(path), problem=f"the secret file can't be read: {reason}")
        return Given(text, is_text=True, source="the secret file", file=str(path))

    def _in_variable(self, field: str) -> Given | None:
        name = variable_name(self.service, field)
        text = self.environment.get(name)
        return None if text is None else Given(text, is_text=True, source=f"the environment variable {name}")

    def _in_application_file(self, field: str) -> Given | None:
        values = self.app.settings.get(self.service, {})
        return Given(values[field], file=str(self.app.path)) if field in values else None

    def _secret_path(self, field: str) -> Path:
        return self.app.secrets / f"{self.service}_{field}"


def _ambiguous(wanted: Mapping[str, type[Settings]]) -> Iterator[Mistake]:
    """Yield the variables that would set two things, as those of ``a.b_c`` and ``a-b.c``."""
    meanings: dict[str, str] = {}
    for service, record in wanted.items():
        for field in record.__struct_fields__:
            meaning = f"settings.{service}.{field}"
            other = meanings.setdefault(variable_name(service, field), meaning)
            if other != meaning:
                name = variable_name(service, field)
                yield Mistake(meaning, f"{name} would set {other} as well", "rename a service or a field")
