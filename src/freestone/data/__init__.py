"""What a service owns: its database, the transaction of each of its handlers, its migrations."""

from __future__ import annotations

from .database import Database
from .migrations import MigrationError, drift, migrate
from .misuse import ReadOnlyTransaction, TransactionRequired
from .transaction import Transaction

__all__ = [
    "Database",
    "MigrationError",
    "ReadOnlyTransaction",
    "Transaction",
    "TransactionRequired",
    "drift",
    "migrate",
]
