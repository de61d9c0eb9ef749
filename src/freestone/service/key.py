"""Idempotency keys: what a command has in common with its repetitions, and with no other.

There are three kinds. A *given* key is whatever the caller wrote. A *new* one is made by chance for a command that
nobody has called before. A *derived* one is computed for a command that a command's handler calls, from what a second
run of that handler has in common with the first: its own key, the operation, the arguments, and how many times it has
called just this before. So a handler that is run again sends the keys that it sent.
"""

from __future__ import annotations

from typing import Final

from freestone.clock import KEY_MARK, KEY_SIZE

LONGEST_KEY: Final = 255


def is_key(key: object) -> bool:
    """Whether it may be an idempotency key."""
    return isinstance(key, str) and 0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()


def is_made(key: str) -> bool:
    """Whether the framework has made it, by chance or derived it; a given key that looks alike is taken for one.

    For such a key it is known how often the command was sent before. Of one that was given nobody here knows.
    """
    return len(key) == KEY_SIZE and key[0] == KEY_MARK


def derived_key(parent: str, *parts: str | bytes) -> str:
    """Return the key that follows from another one: the same from the same, and otherwise never the same.

    >>> derived_key("order-17", "payments.pay")
    'kb533274365dfce5004aa2426183b411'
    """
    import hashlib  # loads OpenSSL, which a service that derives no key can do without

    hashed = hashlib.blake2b(digest_size=16)
    for part in (parent, *parts):
        data = part.encode() if isinstance(part, str) else part
        hashed.update(len(data).to_bytes(4, "big"))
        hashed.update(data)
    return KEY_MARK + hashed.hexdigest()[: KEY_SIZE - 1]
