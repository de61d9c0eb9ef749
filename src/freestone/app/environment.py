"""What a process is run for: development, or production."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final, final

from freestone.errors import Mistake
from freestone.service import meant

VARIABLE: Final = "FREESTONE_ENVIRONMENT"
"""The environment variable that says it."""


@final
class Environment(enum.Enum):
    """In development what is wrong shows early, and nothing needs preparing; in production nothing is done unasked."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


def read_environment(variables: Mapping[str, str], mistakes: list[Mistake]) -> Environment:
    """Return what the variable of the process says; development if it is not set, or empty.

    A value that is none is added to the mistakes.

    >>> read_environment({"FREESTONE_ENVIRONMENT": "production"}, [])
    <Environment.PRODUCTION: 'production'>
    """
    written = variables.get(VARIABLE) or Environment.DEVELOPMENT.value
    known = [environment.value for environment in Environment]
    if written in known:
        return Environment(written)
    advice = meant(written, known, "environments")
    mistakes.append(Mistake(VARIABLE, f'the environment variable is "{written}", and there is no such one', advice))
    return Environment.DEVELOPMENT
