"""What a service owns: its database, the transaction of each of its handlers, its migrations."""

from __future__ import annotations

from .database import KEEP_KEYS, Database, Share
from .durability import Durability
from .fence import fence
from .framework_tables import METADATA, Part
from .metadata import knows_tables, metadata_of
from .migrations import MigrationError, drift, migrate
from .misuse import ReadOnlyTransaction, TransactionRequired
from .postgres_url import PostgresUrl
from .prepared import Prepared
from .provisioning import provision
from .revision import NothingDiffers, drift_of, write_revision
from .transaction import Transaction
from .versions import Loss, NoSuchRevision, Version, WouldLose, downgrade, known_versions, upgrade, versions

__all__ = [
    "KEEP_KEYS",
    "METADATA",
    "Database",
    "Durability",
    "Loss",
    "MigrationError",
    "NoSuchRevision",
    "NothingDiffers",
    "Part",
    "PostgresUrl",
    "Prepared",
    "ReadOnlyTransaction",
    "Share",
    "Transaction",
    "TransactionRequired",
    "Version",
    "WouldLose",
    "downgrade",
    "drift",
    "drift_of",
    "fence",
    "known_versions",
    "knows_tables",
    "metadata_of",
    "migrate",
    "provision",
    "upgrade",
    "versions",
    "write_revision",
]
