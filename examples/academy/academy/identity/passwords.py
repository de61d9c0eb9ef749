"""Passwords, hashed with Argon2id, beside the event loop.

A hash takes tens of milliseconds and 64 MiB on purpose. It is made in a small pool of threads of its own: neither the
loop nor other work in threads waits for it, and a crowd of guesses can't take all the memory.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar, final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from freestone.errors import ResourceExhausted

_T = TypeVar("_T")

THREADS: Final = 2
MOST_WAITING: Final = 64


@final
class Passwords:
    """Hashes passwords, and verifies them."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        # The defaults of argon2-cffi are those of RFC 9106 for little memory, and follow its advice over time.
        self._hasher = hasher or PasswordHasher()
        self._threads = ThreadPoolExecutor(THREADS, "passwords")
        self._waiting = 0
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """Return a hash with its salt and parameters. Raises ResourceExhausted when too many wait for theirs."""
        return await self._apart(lambda: self._hasher.hash(_bytes(password)))

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Whether the password is that of the hash.

        Without a hash the answer is False after the same time, so that the time does not tell which names exist.
        Raises ResourceExhausted when too many wait for theirs.
        """
        return await self._apart(lambda: self._matches(hashed, password))

    def is_outdated(self, hashed: str) -> bool:
        """Whether a hash was made with other parameters than a new one would be."""
        return self._hasher.check_needs_rehash(hashed)

    def close(self) -> None:
        """End the threads, once what they are doing is done."""
        self._threads.shutdown(cancel_futures=True)

    def _matches(self, hashed: str | None, password: str) -> bool:
        if hashed is None:
            self._nobodys = self._nobodys or self._hasher.hash(b"nobody's")
        try:
            self._hasher.verify(hashed or self._nobodys or "", _bytes(password))
        except (VerificationError, InvalidHashError):
            return False
        return hashed is not None

    async def _apart(self, work: Callable[[], _T]) -> _T:
        if self._waiting >= MOST_WAITING:
            raise ResourceExhausted("too many people are signing in", retry_after=1.0)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def _bytes(password: str) -> bytes:
    # One password, typed on two keyboards, may be composed in two ways (RFC 8265, section 4.2.2).
    return unicodedata.normalize("NFC", password).encode(errors="surrogatepass")
