"""The seam for what stands between a process and those that it calls: faults in tests, and nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from freestone.call import Address, Deadlines, Network, Transport


class Interposer(Protocol):
    """Is asked once a client and once a pool, when the host of a process is made; a host without one pays nothing."""

    def transport(self, caller: str, service: str, process: str, inner: Transport, deadlines: Deadlines) -> Transport:
        """Return what takes the calls of a caller to a service in the place of ``inner``, or ``inner`` itself.

        ``caller`` is a service of this process, or empty for the process itself, as its gateway; ``process`` is where
        the service runs.
        """
        ...

    def network(self, inner: Network, process_at: Callable[[Address], str]) -> Network:
        """Return what is dialled on in the place of ``inner``; ``process_at`` names the process at an address."""
        ...
