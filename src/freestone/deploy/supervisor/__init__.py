"""The plan made real on one machine: processes started, watched, restarted and drained."""

from __future__ import annotations

from .backoff import Backoff
from .identity import ProcessIdentity, resident_bytes
from .lifecycle import State
from .lifeline import CONFIGURATION_EXIT, Lifeline
from .logs import Logs
from .nats import own_nats, program
from .record import ReplicaRecord, RunFile, RunRecord, running
from .run import Place, Run, outline_of
from .runtime import RuntimeDirectory, listen_tcp, listen_unix
from .supervision import Replica
from .supervisor import OWN_NAME, Outcome, ProcessSpec, Status, Supervisor
from .sweeper import Sweeper
from .tenancy import Tenancy

__all__ = [
    "CONFIGURATION_EXIT",
    "OWN_NAME",
    "Backoff",
    "Lifeline",
    "Logs",
    "Outcome",
    "Place",
    "ProcessIdentity",
    "ProcessSpec",
    "Replica",
    "ReplicaRecord",
    "Run",
    "RunFile",
    "RunRecord",
    "RuntimeDirectory",
    "State",
    "Status",
    "Supervisor",
    "Sweeper",
    "Tenancy",
    "listen_tcp",
    "listen_unix",
    "outline_of",
    "own_nats",
    "program",
    "resident_bytes",
    "running",
]
