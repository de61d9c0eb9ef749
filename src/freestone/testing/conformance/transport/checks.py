"""All checks together."""

from __future__ import annotations

from typing import Final

from . import context, endings, failures, sending, streams, values

CHECKS: Final = (
    *values.CHECKS,
    *failures.CHECKS,
    *endings.CHECKS,
    *context.CHECKS,
    *streams.CHECKS,
    *sending.CHECKS,
)
"""Every check, to be parametrized over."""

SENDING_CHECKS: Final = sending.CHECKS
"""Those that send items with a call, for which both sides must speak version 2 of the wire protocol."""
