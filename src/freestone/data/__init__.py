"""What a service owns: its database, the transaction of each of its handlers, its migrations."""

from __future__ import annotations

from .database import Database
from .fence import fence
from .framework_tables import METADATA, Part
from .migrations import MigrationError, drift, migrate
from .misuse import ReadOnlyTransaction, TransactionRequired
from .transaction import Transaction

__all__ = [
    "METADATA",
    "Database",
    "MigrationError",
    "Part",
    "ReadOnlyTransaction",
    "Transaction",
    "TransactionRequired",
    "drift",
    "fence",
    "migrate",
]
