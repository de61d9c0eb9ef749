"""One at a time: leases with fencing tokens, over whatever store keeps them."""

from __future__ import annotations

from .failure import LeaseLost, LeaseTaken, StaleToken
from .lease import Lease
from .leases import Leases
from .store import Held, LeaseStore
from .tenure import Tenure

__all__ = ["Held", "Lease", "LeaseLost", "LeaseStore", "LeaseTaken", "Leases", "StaleToken", "Tenure"]
