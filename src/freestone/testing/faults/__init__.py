"""Faults, injected on the edges of an application: by probability and by time, from a seed that repeats the run."""

from __future__ import annotations

from .file import read, written
from .injector import Faults, FaultTaken, Injector
from .plan import (
    Action,
    Cut,
    Drop,
    Edge,
    Failure,
    Fault,
    FaultPlan,
    Latency,
    Refusal,
    Slow,
)

__all__ = [
    "Action",
    "Cut",
    "Drop",
    "Edge",
    "Failure",
    "Fault",
    "FaultPlan",
    "FaultTaken",
    "Faults",
    "Injector",
    "Latency",
    "Refusal",
    "Slow",
    "read",
    "written",
]
