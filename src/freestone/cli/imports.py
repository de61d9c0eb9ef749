"""Much is imported at the start of a process, and stays."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def importing() -> Generator[None]:
    """Keep the garbage collector off for a block that imports.

    It would look dozens of times for cycles among modules, classes and functions, and find none: that is a twelfth of
    the start of a service with a database. What is there at the end of the block is passed over from then on.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
