"""How a command ends that can't do its work: a sentence on standard error, and an exit status.

0    done
1    a service said no, or could not be reached
2    the command line is wrong
70   a bug, of Freestone or of the application (EX_SOFTWARE)
78   the application file, its settings or its declarations are wrong (EX_CONFIG)
130  Ctrl-C
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freestone.errors import ServiceError

SERVICE_EXIT = 1
USAGE_EXIT = 2


class UsageMistake(Exception):
    """What was asked for makes no sense. The text is a sentence."""


def explain(error: Exception) -> tuple[str, int]:
    """Return an error in words, and the exit status for it."""
    from freestone.errors import ConfigurationError, DeclarationError, FreestoneError, Misconfigured, ServiceError

    match error:
        case UsageMistake():
            return str(error), USAGE_EXIT
        case ServiceError():
            return _service_sentence(error), SERVICE_EXIT
        case ConfigurationError() | DeclarationError():
            lines = [str(mistake) for mistake in error.mistakes]
            return lines[0] if len(lines) == 1 else "\n  ".join([f"{len(lines)} mistakes", *lines]), os.EX_CONFIG
        case FreestoneError():
            # A service that did not start because of its settings or migrations will not the next time either.
            misconfigured = isinstance(error, Misconfigured) or isinstance(error.__cause__, Misconfigured)
            return str(error), os.EX_CONFIG if misconfigured else SERVICE_EXIT
        case _:
            text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return f"{text} (with `freestone --debug …` the traceback)", os.EX_SOFTWARE


def _service_sentence(error: ServiceError) -> str:
    kind = type(error)
    name = error.code.name if kind.__module__ == "freestone.errors" else f"{error.code.name} ({kind.__name__})"
    fields = ", ".join(f"{field} = {value!r}" for field, value in error.values().items() if value not in ("", None))
    trace = f"; trace {error.trace_id}" if error.trace_id and error.trace_id not in error.message else ""
    return f"{name}: {error.message}{f' [{fields}]' if fields else ''}{trace}"
