"""What stands between a client and its transport, for the operations that are declared so."""

from __future__ import annotations

from .batching import BatchingTransport
from .caching import CachingTransport
from .transport import Transport


def layered(transport: Transport) -> Transport:
    """Return a transport that keeps results and puts calls together, where the operations say so.

    What is not kept may go with a batch; what a batch brings is kept for each of its callers.
    """
    return CachingTransport(BatchingTransport(transport))
