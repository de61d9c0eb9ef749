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
from typing import Any, final

from freestone.errors import ConfigurationError, Mistake
from freestone.service import Settings

from .app import App
from .setting import fields_of, fitted, fitted_text, required_by


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
    for name, record in wanted.items():
        reading = _Reading(app, name, record, environment)
        made = reading.record()
        mistakes.extend(reading.mistakes)
        if made is not None:
            found[name] = made
    if mistakes:
        raise ConfigurationError(mistakes)
    return MappingProxyType(found)


@final
@dataclass(frozen=True, slots=True)
class _Written:
    """A text that was found for a setting, and where."""

    text: str
    source: str
    file: str = ""


@final
class _Reading:
    """The settings of one service, read from all sources."""

    def __init__(self, app: App, service: str, record: type[Settings], environment: Mapping[str, str]) -> None:
        self.mistakes: list[Mistake] = []
        self._app = app
        self._service = service
        self._record = record
        self._environment = environment

    def record(self) -> Settings | None:
        """Return the record, or None when there are mistakes."""
        values: dict[str, Any] = {}
        for field, kind in fields_of(self._record).items():
            self._read(field, kind, values)
        if self.mistakes:
            return None
        try:
            return self._record(**values)
        except (TypeError, ValueError) as error:  # the record's own check, in __post_init__
            self._note(f"settings.{self._service}", str(error) or type(error).__name__)
            return None

    def _read(self, field: str, kind: Any, values: dict[str, Any]) -> None:
        in_file = self._app.settings.get(self._service, {})
        try:
            written = self._secret_file(field) or self._variable(field)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            path = str(self._secret_path(field))
            self._note(f"settings.{self._service}.{field}", f"the secret file can't be read: {reason}", "", path)
            return
        try:
            if written is not None:
                values[field] = fitted_text(kind, written.text)
            elif field in in_file:
                values[field] = fitted(kind, in_file[field])
            elif field in required_by(self._record):
                self._note(f"settings.{self._service}.{field}", "it is missing", self._ways_to_set(field))
        except ValueError as error:
            subject = f"settings.{self._service}.{field}"
            if written is None:
                self._note(subject, str(error), "", str(self._app.path))
            else:
                self._note(f"{subject}, from {written.source}", str(error), "", written.file)

    def _variable(self, field: str) -> _Written | None:
        name = variable_name(self._service, field)
        text = self._environment.get(name)
        return None if text is None else _Written(text, f"the environment variable {name}")

    def _secret_file(self, field: str) -> _Written | None:
        path = self._secret_path(field)
        if not path.is_file():
            return None
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
        return _Written(text, "the secret file", str(path))

    def _secret_path(self, field: str) -> Path:
        return self._app.secrets / f"{self._service}_{field}"

    def _ways_to_set(self, field: str) -> str:
        return (
            f"set it in [settings.{self._service}], in the environment variable "
            f"{variable_name(self._service, field)}, or in the file {self._secret_path(field)}"
        )

    def _note(self, subject: str, problem: str, advice: str = "", file: str = "") -> None:
        self.mistakes.append(Mistake(subject, problem, advice, file))


def _ambiguous(wanted: Mapping[str, type[Settings]]) -> Iterator[Mistake]:
    """Yield the variables that would set two things, as those of ``a.b_c`` and ``a-b.c``."""
    meanings: dict[str, str] = {}
    for service, record in wanted.items():
        for field in fields_of(record):
            meaning = f"settings.{service}.{field}"
            other = meanings.setdefault(variable_name(service, field), meaning)
            if other != meaning:
                name = variable_name(service, field)
                yield Mistake(meaning, f"{name} would set {other} as well", "rename a service or a field")
