"""Which replica is the home of a key: the same for every caller, and for few keys another one when replicas change."""

from __future__ import annotations


def affinity(key: object, replica: str) -> int:
    """Return how strongly a key is drawn to a replica; the strongest of all is its home.

    Rendezvous hashing (Thaler and Ravishankar, 1998): there is no ring to agree on, and a replica that goes takes only
    its own keys along.
    """
    import hashlib  # loads OpenSSL, which a process can do without that routes nothing by a key

    return int.from_bytes(hashlib.blake2b(f"{key}\0{replica}".encode(), digest_size=8).digest(), "big")
