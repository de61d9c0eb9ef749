"""One service alone: what it is made of, and what it knows while it serves a call."""

from freestone.contract import seconds, shown

from .context import (
    CURRENT,
    Context,
    Enlisted,
    Identity,
    acting_as,
    continuing,
    current,
    deadline,
    keyed,
    within,
)
from .extra import Extra
from .fallback import FallbackValue, fallback
from .field import MAX_FIELDS, ContextField, declared_field
from .key import derived_key, is_key, is_made
from .mark import Mark, is_marked, leave_mark, marked, marks_on
from .order import order
from .race import MOST_REPETITIONS, next_run
from .received import RECEIVED, Received, note_replica, note_result, received, received_apart
from .replies import Replies, Stored
from .secret import Secret
from .service import dependencies, fallbacks, service
from .settings import Given, Misfit, Settings, misfits, settings_from
from .spelling import meant
from .trace import MAX_STATE, TraceParent, is_span_id, parse_traceparent, parse_tracestate

__all__ = [
    "CURRENT",
    "MAX_FIELDS",
    "MAX_STATE",
    "MOST_REPETITIONS",
    "RECEIVED",
    "Context",
    "ContextField",
    "Enlisted",
    "Extra",
    "FallbackValue",
    "Given",
    "Identity",
    "Mark",
    "Misfit",
    "Received",
    "Replies",
    "Secret",
    "Settings",
    "Stored",
    "TraceParent",
    "acting_as",
    "continuing",
    "current",
    "deadline",
    "declared_field",
    "dependencies",
    "derived_key",
    "fallback",
    "fallbacks",
    "is_key",
    "is_made",
    "is_marked",
    "is_span_id",
    "keyed",
    "leave_mark",
    "marked",
    "marks_on",
    "meant",
    "misfits",
    "next_run",
    "note_replica",
    "note_result",
    "order",
    "parse_traceparent",
    "parse_tracestate",
    "received",
    "received_apart",
    "seconds",
    "service",
    "settings_from",
    "shown",
    "within",
]
